// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/enum_names.hpp"
#include "base/result.hpp"
#include "core/protection.hpp"
#include "core/relink_verb.hpp"

namespace relinkd::orders {

// What relinkd asks of relinkd-actuator, and what that answers: one JSON object a message, over a
// Unix socket of type SOCK_SEQPACKET, whose messages have bounds of their own.

/// The longest message, either way.
inline constexpr std::size_t kMaxMessage = 4096;
inline constexpr std::uint64_t kVersion = 1;

/// A TCP socket of this host, as exactly as the kernel can be told. A socket of the IPv6 family
/// with mapped addresses is found by the IPv4 ones, as Address keeps them.
struct SocketName {
  Address local, remote;        ///< of one family, IPv4 or IPv6; ports 1 to 65535
  bool v6 = false;              ///< the socket is of the IPv6 family (mapped addresses too)
  std::uint32_t interface = 0;  ///< idiag_if
  std::uint64_t cookie = 0;     ///< not 0, and not kAnyCookie
  friend bool operator==(const SocketName&, const SocketName&) = default;
};

/// What the kernel takes for "whatever cookie it has" (INET_DIAG_NOCOOKIE, linux/inet_diag.h).
inline constexpr std::uint64_t kAnyCookie = ~std::uint64_t{0};

/// The longest names, in bytes: of an app; of an endpoint, which may be called by its first
/// Sentinel and primary ("[host]:26379#mymaster"); of an action, "start:" and a unit; of an
/// incident.
inline constexpr std::size_t kMaxApp = 63;
inline constexpr std::size_t kMaxEndpoint = 520;
inline constexpr std::size_t kMaxAction = 262;
inline constexpr std::size_t kMaxIncident = 200;
/// Of a sysctl's key.
inline constexpr std::size_t kMaxKey = 255;
/// Sockets of one order to tune: so many have room in the answer.
inline constexpr std::size_t kMaxTuned = 32;
/// The longest `detail` of an answer, and of one that tells of tuned sockets; encode() cuts it.
inline constexpr std::size_t kMaxDetail = 1000;
inline constexpr std::size_t kMaxTunedDetail = 200;

struct Order {
  enum class Kind : std::uint8_t {
    Relink,   ///< `verb` for `app`
    Support,  ///< what the actuator can do here
    Sysctl,   ///< put `key` back to the value that the configuration wants
    /// Attach the programs that tell of connections to nodes of apps' endpoints, and hand over the
    /// ring buffer into which they write (trace/record.h): its descriptor comes with the answer.
    /// They stay attached while the connection that ordered this stands.
    Trace,
    Tune,  ///< `tuning` of `cookies`, connections of `app` to `endpoint`
  };
  using Tuning = core::Tuning;
  Kind kind = Kind::Support;
  std::uint64_t id = 0;                ///< of the sender's choice; the answer bears it
  std::string key;                     ///< of Sysctl: as [sysctl.want] has it, with dots
  Tuning tuning = Tuning::Look;        ///< of Tune
  std::vector<std::uint64_t> cookies;  ///< of Tune: 1 to kMaxTuned, each once; as SocketName's
  // The rest is of Relink; app and endpoint of Tune, too.
  core::RelinkVerb verb = core::RelinkVerb::DestroySockets;
  std::string app;                   ///< as configured
  std::string endpoint;              ///< as configured
  std::optional<SocketName> socket;  ///< of DestroySockets: one an order
  std::string action;    ///< of the other verbs: as the app's `actions` have it, "signal:SIGUSR1"
  std::string incident;  ///< for the actuator's own log; printable ASCII
  friend bool operator==(const Order&, const Order&) = default;
};

struct Answer {
  enum class Result : std::uint8_t {
    Done,
    Gone,         ///< the socket is no more: nothing had to be done
    Refused,      ///< it does not fit the configuration, or the peer, or the kernel's view
    RateLimited,  ///< more orders than max_orders_per_minute
    Failed,       ///< tried, and it did not work; a job that failed or took too long
    NotCaught,    ///< no process of the unit catches the signal: it would kill
    Unsupported,  ///< this kernel or host cannot
  };
  std::uint64_t id = 0;
  Result result = Result::Failed;
  std::string detail;  ///< a sentence

  using Tuned = core::TunedSocket;
  /// Of Tune: those that were found, also where some of them could not be changed (Failed); at most
  /// kMaxTuned. One that is missing is gone, or is not the app's.
  std::vector<Tuned> tuned;
  friend bool operator==(const Answer&, const Answer&) = default;
};
inline constexpr auto kTuningNames = enum_names<Order::Tuning>("look", "apply", "revert");
inline constexpr auto kResultNames = enum_names<Answer::Result>(
    "done", "gone", "refused", "rate_limited", "failed", "not_caught", "unsupported");

/// One message of at most kMaxMessage bytes. What does not belong to the order's kind and verb is
/// left out.
std::string encode(const Order& order);
/// The detail is made printable and cut. A socket of `tuned` is written as one array of whole
/// numbers: its cookie, then its options now and, if there are any, before: keepalive (0 or 1),
/// idle and interval in seconds, count, user timeout in milliseconds.
std::string encode(const Answer& answer);
/// Errors for what is no such object: too long, of another version, with keys missing, unknown,
/// twice or of another type, names longer than the configuration allows, or numbers larger than the
/// kernel has.
Result<Order> decode_order(std::string_view text);
Result<Answer> decode_answer(std::string_view text);

}  // namespace relinkd::orders
