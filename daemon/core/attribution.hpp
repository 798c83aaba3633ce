// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "core/cause.hpp"
#include "core/evidence.hpp"

namespace relinkd::core {

/// What a server tells of itself that explains why it closed connections (INFO).
struct ServerCounters {
  std::optional<std::string> run_id;
  std::optional<std::uint64_t> uptime_seconds;
  std::optional<std::uint64_t> client_kill_calls;
  std::optional<std::uint64_t> output_buffer_disconnections;
};

/// An ended connection, with what was known at that moment.
struct EndedConnection {
  Ending ending;
  Duration age{};            ///< since it was established
  Duration silent{};         ///< since the last byte from the peer
  bool unacked = false;      ///< bytes of ours were unacknowledged at the last look
  bool max_clients = false;  ///< the server said so before
  Duration user_timeout{};   ///< as set on the socket
  ServerCounters before;     ///< as of the last INFO on it
};

/// What the next result said: the answers of the next connection, or how the attempt failed.
struct Afterwards {
  std::optional<ServerCounters> counters;
  std::optional<ConnectResult> failed;
};

struct Attribution {
  Cause cause = Cause::PeerClosed;
  std::string evidence;  ///< a clause with figures
};

/// Whether the ending explains itself. A FIN or RST does not: it waits for Afterwards.
bool is_final(const EndedConnection& ended);

/// Why the connection ended, from one table of rules. Pure. peer_closed and reset are the honest
/// "why is not known".
Attribution attribute(const EndedConnection& ended, const Afterwards& after);

}  // namespace relinkd::core
