// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "core/cause.hpp"
#include "core/condition.hpp"
#include "core/evidence.hpp"
#include "core/idle_machine.hpp"

namespace relinkd::core {

/// What a server tells of itself that explains why it closed connections (INFO).
struct ServerCounters {
  std::optional<std::string> run_id;
  std::optional<std::uint64_t> uptime_seconds;
  std::optional<std::uint64_t> client_kill_calls;
  std::optional<std::uint64_t> output_buffer_disconnections;
};

/// What was known of a node and its endpoint when a connection to it ended.
struct Circumstances {
  Condition condition = Condition::Unknown;  ///< of the node, by relinkd's own connection
  std::string incident;                      ///< open, or ended within the last minute; empty: none
  bool maintenance = false;                  ///< announced, and under way
  std::optional<Duration> server_timeout;    ///< its setting `timeout`; 0: none; nothing: not known
  std::optional<IdleCut> idle_cut;           ///< as the idle watch found it
  std::optional<Duration> demoted;           ///< since it was known to have lost the primary's role
  friend bool operator==(const Circumstances&, const Circumstances&) = default;
};

/// An ended connection, with what was known at that moment.
struct EndedConnection {
  Ending ending;
  std::optional<Duration> age;     ///< since it was established; nothing: not known
  Duration silent{};               ///< since the last byte from the peer
  std::optional<Duration> idle{};  ///< since data went either way; nothing: it was never idle
  bool unacked = false;            ///< bytes of ours were unacknowledged at the last look
  bool max_clients = false;        ///< the server said so before
  Duration user_timeout{};         ///< as set on the socket
  ServerCounters before;           ///< as of the last INFO on it
  Circumstances around;
};

/// What the next result said: the answers of the next connection, or how the attempt failed.
struct Afterwards {
  std::optional<ServerCounters> counters;
  std::optional<ConnectResult> failed;
  std::optional<Duration> later;  ///< since the ending, where that can be told
};

/// A node's answer to the question what happened: its counters from before and after.
struct Inquired {
  ServerCounters before;
  Afterwards after;
};

struct Attribution {
  Cause cause = Cause::PeerClosed;
  std::string evidence;  ///< a clause with figures
  friend bool operator==(const Attribution&, const Attribution&) = default;
};

/// Whether the ending explains itself. A FIN or RST does not: it waits for Afterwards.
bool is_final(const EndedConnection& ended);

/// Why the connection ended, from one table of rules. Pure. peer_closed and reset are the honest
/// "why is not known".
Attribution attribute(const EndedConnection& ended, const Afterwards& after);

/// The same while announced maintenance is under way: that explains what nothing else does, and why
/// the server's process ended.
Attribution during_maintenance(Attribution why);

}  // namespace relinkd::core
