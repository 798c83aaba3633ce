// SPDX-License-Identifier: Apache-2.0
#include "core/attribution.hpp"

#include <fmt/format.h>

namespace relinkd::core {

namespace {

bool rose(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after) {
  return before && after && *after > *before;
}

Attribution attribute_timeout(const EndedConnection& e) {
  if (!e.unacked) {
    return {Cause::KeepaliveTimeout,
            fmt::format("the kernel gave up: keepalive probes unanswered, the peer silent for {}",
                        to_text(e.silent))};
  }
  if (e.user_timeout > Duration::zero()) {
    return {Cause::UserTimeout,
            fmt::format("the kernel gave up: data unacknowledged for the user timeout of {}",
                        to_text(e.user_timeout))};
  }
  return {Cause::RetransmissionTimeout,
          "the kernel gave up: data unacknowledged through every retransmission (tcp_retries2)"};
}

/// A FIN or an RST: what the server says afterwards tells them apart.
Attribution attribute_close(const EndedConnection& e, const Afterwards& after) {
  const bool fin = e.ending.how == Ending::How::Fin;
  const char* what = fin ? "closed by the peer (FIN)" : "reset by the peer (RST)";
  if (e.max_clients) {
    return {Cause::MaxClients, "the server answered \"max number of clients reached\" and closed"};
  }
  if (after.failed == ConnectResult::Refused) {
    return {Cause::Shutdown,
            fmt::format("{}, and new connections are refused: the server process ended", what)};
  }
  if (after.counters) {
    const ServerCounters& now = *after.counters;
    if (e.before.run_id && now.run_id && *e.before.run_id != *now.run_id) {
      return {Cause::Shutdown,
              now.uptime_seconds
                  ? fmt::format("{}: the server process ended; another runs since {}", what,
                                to_text(std::chrono::seconds(*now.uptime_seconds)))
                  : fmt::format("{}: the server process ended; another runs", what)};
    }
    if (rose(e.before.output_buffer_disconnections, now.output_buffer_disconnections)) {
      return {Cause::OutputBufferLimit,
              fmt::format("{}; the server's client_output_buffer_limit_disconnections rose from {} "
                          "to {}",
                          what, *e.before.output_buffer_disconnections,
                          *now.output_buffer_disconnections)};
    }
    if (rose(e.before.client_kill_calls, now.client_kill_calls)) {
      return {Cause::Killed,
              fmt::format("{}; the server's CLIENT KILL calls rose from {} to {}", what,
                          *e.before.client_kill_calls, *now.client_kill_calls)};
    }
  }
  return {fin ? Cause::PeerClosed : Cause::Reset,
          fmt::format("{}; nothing the server says explains why", what)};
}

}  // namespace

bool is_final(const EndedConnection& e) {
  return e.max_clients || (e.ending.how != Ending::How::Fin && e.ending.how != Ending::How::Rst);
}

Attribution attribute(const EndedConnection& e, const Afterwards& after) {
  switch (e.ending.how) {
    case Ending::How::Fin:
    case Ending::How::Rst: return attribute_close(e, after);
    case Ending::How::TimedOut: return attribute_timeout(e);
    case Ending::How::Unreachable: return {Cause::Unreachable, e.ending.detail};
    case Ending::How::LocalError: return {Cause::LocalFault, e.ending.detail};
    case Ending::How::Tls:
    case Ending::How::NotTls: return {Cause::Tls, e.ending.detail};
    case Ending::How::Protocol: return {Cause::Protocol, e.ending.detail};
    case Ending::How::Auth: return {Cause::Auth, e.ending.detail};
  }
  return {Cause::PeerClosed, e.ending.detail};
}

}  // namespace relinkd::core
