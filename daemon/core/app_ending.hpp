// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/enum_names.hpp"
#include "core/attribution.hpp"
#include "core/socket_event.hpp"

namespace relinkd::core {

/// How an attempt of an app to connect ended: the label `result` of app_connects_total.
enum class AppConnectResult : std::uint8_t {
  Ok,           ///< TCP was established
  Refused,      ///< RST to the SYN
  Timeout,      ///< the SYN was answered by nobody, until the kernel or the app gave up
  Unreachable,  ///< ICMP, or a neighbour that does not answer
  Aborted,      ///< the app, or somebody on this host, gave up before an answer was due
  LocalFault,   ///< this host lacked a port, link or route
};
inline constexpr auto kAppConnectResultNames = enum_names<AppConnectResult>(
    "ok", "refused", "timeout", "unreachable", "aborted", "local_fault");

constexpr std::string_view to_string(AppConnectResult r) { return kAppConnectResultNames[r]; }

/// The label of what attribute() says of an attempt that failed.
AppConnectResult connect_result(Cause cause);

/// Whether a connection of an app that ended, or was not opened, explains itself. A FIN or RST does
/// not: its node is to be asked.
bool is_final(const SocketEvent& event);

/// Why the connection ended (Kind::Ended), or was not opened (ConnectFailed): the rules of
/// core/attribution, and those for what only apps do. Pure. `relink`: the incident for which
/// relinkd itself ordered its end; empty: it did not. `told`: what the node said; without effect
/// where is_final().
Attribution attribute(const SocketEvent& event, const Circumstances& around,
                      std::string_view relink, const Inquired& told);

/// Bytes that the app sent and the node acknowledged: bytes_acked counts the SYN as one.
std::uint64_t sent_bytes(const SocketEvent& event);
/// Bytes that the node sent: bytes_received counts its FIN as one.
std::uint64_t received_bytes(const SocketEvent& event);

/// Since data went either way; from its opening on where none did. A segment that was repeated
/// counts as sent.
Duration idle_time(const SocketEvent& event);

/// Whether it is what happens every day: counted and listed, and no line in the log. An app that
/// closes what hung, or what a node in trouble had not answered, gave up.
bool is_usual(const SocketEvent& event, const Circumstances& around, const Attribution& why,
              std::string_view relink);

}  // namespace relinkd::core
