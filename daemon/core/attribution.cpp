// SPDX-License-Identifier: Apache-2.0
#include "core/attribution.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace relinkd::core {

namespace {

bool rose(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after) {
  return before && after && *after > *before;
}

/// A server looks for idle clients once a second and counts whole seconds (clientsCron and
/// lastinteraction in Redis and Valkey), and what it sent last may have been on its way.
constexpr Duration kServerEarly = 500ms;
constexpr Duration kServerLate = 3s;
/// How far the age at which a middlebox cuts may be from what the idle watch saw.
constexpr Duration kCutLate = 3s;

bool at_server_timeout(const EndedConnection& e) {
  const auto& timeout = e.around.server_timeout;
  return e.idle && timeout && *timeout > Duration::zero() && *e.idle >= *timeout - kServerEarly &&
         *e.idle <= *timeout + kServerLate;
}

/// Whether a known limit of the path explains this end of a connection that was silent for
/// `silence`.
bool at_idle_cut(const EndedConnection& e, Duration silence) {
  if (!e.around.idle_cut || !is_up(e.around.condition)) return false;
  const IdleCut& cut = *e.around.idle_cut;
  switch (cut.how) {
    case IdleCut::How::Fin:
      return e.ending.how == Ending::How::Fin && silence >= cut.age - kCutLate &&
             silence <= cut.age + kCutLate;
    case IdleCut::How::Rst:
      return e.ending.how == Ending::How::Rst && silence >= cut.age - kCutLate &&
             silence <= cut.age + kCutLate;
    case IdleCut::How::RstOnUse: return e.ending.how == Ending::How::Rst && silence > cut.survived;
    case IdleCut::How::Silent:
      return e.ending.how == Ending::How::TimedOut && silence > cut.survived;
  }
  return false;
}

Attribution cut_when_idle(const EndedConnection& e, std::string_view what, Duration silence) {
  return {Cause::IdleTimeout, fmt::format("{} after {} without data from the peer; {}", what,
                                          to_text(silence), e.around.idle_cut->to_string())};
}

Attribution attribute_timeout(const EndedConnection& e) {
  // The time of the last transmissions was no silence before them.
  const Duration silence = std::max(e.silent - e.user_timeout, Duration::zero());
  if (at_idle_cut(e, silence)) return cut_when_idle(e, "the kernel gave up", silence);
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

Attribution closed_when_idle(const EndedConnection& e) {
  return {Cause::IdleTimeout,
          fmt::format("closed by the peer (FIN) after {} without a command; the server's timeout "
                      "is {}",
                      to_text(*e.idle), to_text(*e.around.server_timeout))};
}

/// A Sentinel makes a demoted node close its clients.
Attribution lost_role(const EndedConnection& e, std::string_view what) {
  return {Cause::Failover, fmt::format("{}; the node ceased to be the primary {} before", what,
                                       to_text(*e.around.demoted))};
}

/// Whether the connection was opened to this very process, and not to the one before it.
bool opened_to(const ServerCounters& now, const EndedConnection& e,
               const std::optional<Duration>& later) {
  return e.age && later && now.uptime_seconds &&
         *e.age + *later < std::chrono::seconds(*now.uptime_seconds);
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
    const bool another = e.before.run_id && now.run_id && *e.before.run_id != *now.run_id;
    if (another && !opened_to(now, e, after.later)) {
      return {Cause::Shutdown,
              now.uptime_seconds
                  ? fmt::format("{}: the server process ended; another runs since {}", what,
                                to_text(std::chrono::seconds(*now.uptime_seconds)))
                  : fmt::format("{}: the server process ended; another runs", what)};
    }
    if (fin && at_server_timeout(e)) return closed_when_idle(e);
    if (e.around.demoted) return lost_role(e, what);
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
  if (fin && at_server_timeout(e)) return closed_when_idle(e);
  if (e.around.demoted) return lost_role(e, what);
  if (at_idle_cut(e, e.silent)) return cut_when_idle(e, what, e.silent);
  return {fin ? Cause::PeerClosed : Cause::Reset,
          fmt::format("{}; nothing the server says explains why", what)};
}

}  // namespace

bool is_final(const EndedConnection& e) {
  return e.max_clients || (e.ending.how != Ending::How::Fin && e.ending.how != Ending::How::Rst);
}

Attribution during_maintenance(Attribution why) {
  const bool open =
      why.cause == Cause::PeerClosed || why.cause == Cause::Reset || why.cause == Cause::Shutdown;
  if (!open) return why;
  return {Cause::Maintenance, "announced maintenance is under way; " + why.evidence};
}

Attribution attribute(const EndedConnection& e, const Afterwards& after) {
  switch (e.ending.how) {
    case Ending::How::Fin:
    case Ending::How::Rst: {
      Attribution why = attribute_close(e, after);
      return e.around.maintenance ? during_maintenance(std::move(why)) : why;
    }
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
