// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/enum_names.hpp"

namespace relinkd::core {

/// What is wrong with a node, decided from evidence. In the order of precedence: where evidence
/// fits several, the first holds; an endpoint shows the first among its nodes. peer_closed and
/// reset last from the FIN or RST until the next connection's first result; they stand before
/// what a reply can say, since there is no connection that could be asked.
enum class Condition : std::uint8_t {
  Unknown,      ///< nothing proven yet since start
  LocalFault,   ///< this host's own: descriptors, ports, link, address or route
  DnsFailed,    ///< the name does not resolve and no known address answers
  Refused,      ///< RST to a SYN
  Unreachable,  ///< bytes and SYNs unanswered, or ICMP says so
  HalfOpen,     ///< the flow is dead, the node is not
  PeerClosed,   ///< FIN seen, nothing newer known
  Reset,        ///< RST seen, nothing newer known
  TlsFailed,    ///< handshake or verification
  NotRedis,     ///< what came is not RESP
  AuthFailed,   ///< NOAUTH, WRONGPASS, NOPERM on what relinkd cannot do without
  Stalled,      ///< acknowledged by the kernel, unanswered by the process
  MasterDown,   ///< -MASTERDOWN
  Loading,      ///< -LOADING
  Busy,         ///< -BUSY
  ReadOnly,     ///< a primary is expected and the node says that it is a replica
  Slow,         ///< answered, or still pending, later than slow_threshold
  Ok,           ///< the last probe was answered in time
};

inline constexpr auto kConditionNames = enum_names<Condition>(
    "unknown", "local_fault", "dns_failed", "refused", "unreachable", "half_open", "peer_closed",
    "reset", "tls_failed", "not_redis", "auth_failed", "stalled", "master_down", "loading", "busy",
    "read_only", "slow", "ok");

constexpr std::string_view to_string(Condition c) { return kConditionNames[c]; }

/// Whether applications can use a node in this condition (endpoint_up).
constexpr bool is_up(Condition c) { return c == Condition::Ok || c == Condition::Slow; }

/// Of two conditions the one that takes precedence.
constexpr Condition worse(Condition a, Condition b) { return a < b ? a : b; }

}  // namespace relinkd::core
