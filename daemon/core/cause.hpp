// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/enum_names.hpp"

namespace relinkd::core {

/// Why a connection ended: one vocabulary for relinkd's own connections and the applications'.
enum class Cause : std::uint8_t {
  HalfOpen,               ///< given up by relinkd: the flow was dead, the node was not
  UserTimeout,            ///< the kernel, TCP_USER_TIMEOUT (RFC 5482)
  RetransmissionTimeout,  ///< the kernel, tcp_retries2
  KeepaliveTimeout,       ///< the kernel, unanswered keepalive probes
  IdleTimeout,            ///< closed or forgotten because it was idle
  Killed,                 ///< CLIENT KILL: commandstats' client|kill rose
  Shutdown,               ///< the server process ended
  MaxClients,             ///< -ERR max number of clients reached
  OutputBufferLimit,      ///< client_output_buffer_limit_disconnections rose
  Failover,               ///< the node lost or gained its role
  Maintenance,            ///< announced
  PeerClosed,             ///< a FIN, nothing more known
  Reset,                  ///< an RST, nothing more known
  Refused,                ///< RST to the SYN
  ConnectTimeout,         ///< SYN or handshake unanswered
  Tls,                    ///< handshake, verification or record layer
  Auth,                   ///< credentials refused
  Protocol,               ///< what came is not RESP
  Moved,                  ///< relinkd followed DNS or topology
  Destroyed,              ///< a relink
  Unreachable,            ///< ICMP, or nothing got through any more
  LocalClose,             ///< closed in order on this host
  LocalAbort,             ///< aborted on this host
  LocalFault,             ///< this host lacked a descriptor, port, link or route
};

inline constexpr auto kCauseNames = enum_names<Cause>(
    "half_open", "user_timeout", "retransmission_timeout", "keepalive_timeout", "idle_timeout",
    "killed", "shutdown", "max_clients", "output_buffer_limit", "failover", "maintenance",
    "peer_closed", "reset", "refused", "connect_timeout", "tls", "auth", "protocol", "moved",
    "destroyed", "unreachable", "local_close", "local_abort", "local_fault");

constexpr std::string_view to_string(Cause c) { return kCauseNames[c]; }

/// How an attempt to connect ended: the label of reconnects_total.
enum class ConnectResult : std::uint8_t {
  Ok,           ///< the node answered a PING over it
  Refused,      ///< RST
  Timeout,      ///< SYN or handshake unanswered within connect_timeout
  Unreachable,  ///< ICMP
  Dns,          ///< no address
  Tls,          ///< handshake or verification
  Auth,         ///< credentials refused
  Protocol,     ///< not RESP
  Closed,       ///< closed or reset before the first answer; maxclients too
  LocalFault,   ///< descriptors, ports, route
};

inline constexpr auto kConnectResultNames =
    enum_names<ConnectResult>("ok", "refused", "timeout", "unreachable", "dns", "tls", "auth",
                              "protocol", "closed", "local_fault");

constexpr std::string_view to_string(ConnectResult r) { return kConnectResultNames[r]; }

}  // namespace relinkd::core
