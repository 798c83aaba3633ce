// SPDX-License-Identifier: Apache-2.0
#include "core/app_ending.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::core {

namespace {

using Kind = SocketEvent::Kind;
using How = Ending::How;

/// Of netinet/tcp.h, part of the kernel's interface.
constexpr std::uint8_t kFinWait1 = 4;
constexpr std::uint8_t kClose = 7;
constexpr std::uint8_t kCloseWait = 8;

/// An answer to a SYN was due after this, though none was repeated: the kernel repeats the first
/// after 1 s (RFC 6298), and no path of a data centre or between them takes half of that.
constexpr Duration kAnswerDue = 500ms;
/// A command that waited for so long was given up, and not the last thing before a close.
constexpr Duration kWaited = 100ms;

std::string process_of(const SocketEvent::Task& task) {
  if (task.name.empty()) return fmt::format("pid {}", task.pid);
  return fmt::format("{}, pid {}", task.name, task.pid);
}

std::string signal_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal)
                         : fmt::format("signal {} ({})", signal, name);
}

bool unanswered(const SocketEvent& e) { return e.unacked_bytes > 0 && e.retransmits > 0; }

bool waited(const SocketEvent& e) {
  return sent_bytes(e) > 0 && e.since_sent >= kWaited && e.since_sent < e.since_received;
}

/// What was open on it when it was closed on this host.
std::string left_open(const SocketEvent& e) {
  if (unanswered(e)) {
    return fmt::format("; {} unacknowledged after {}, and no ACK for {}",
                       plural(e.unacked_bytes, "byte"), plural(e.retransmits, "retransmission"),
                       to_text(e.since_ack));
  }
  if (waited(e)) {
    return fmt::format("; what it sent last was not answered for {}", to_text(e.since_sent));
  }
  if (e.unread_bytes > 0) return fmt::format("; {} unread", plural(e.unread_bytes, "byte"));
  return {};
}

Attribution closed_here(const SocketEvent& e) {
  const bool aborted = e.state == kClose;
  const std::string process = process_of(e.task);
  if (e.task.exiting && e.task.signal != 0) {
    return {Cause::LocalAbort, fmt::format("{} was killed by {}{}", process,
                                           signal_text(e.task.signal), left_open(e))};
  }
  if (e.task.exiting) {
    return {aborted ? Cause::LocalAbort : Cause::LocalClose,
            fmt::format("{} ended{}", process, left_open(e))};
  }
  if (!aborted) {
    return {Cause::LocalClose, fmt::format("{} closed it in order{}", process, left_open(e))};
  }
  return {Cause::LocalAbort,
          e.unread_bytes > 0
              ? fmt::format("{} closed it with {} unread, so it was reset", process,
                            plural(e.unread_bytes, "byte"))
              : fmt::format("{} reset it (SO_LINGER with a time of 0, or a disconnect){}", process,
                            left_open(e))};
}

Attribution destroyed(const SocketEvent& e, std::string_view relink) {
  if (!relink.empty()) {
    return {Cause::Destroyed, fmt::format("relinkd had it ended; incident {}", relink)};
  }
  return {Cause::Destroyed,
          fmt::format("{} on this host had the kernel end it (`ss -K` does so), and not relinkd",
                      process_of(e.task))};
}

/// Errors by which others, and not this host, say that nothing gets through: what tcp_v4_err and
/// tcp_v6_err in net/ipv4/tcp_ipv4.c and net/ipv6/tcp_ipv6.c make of ICMP messages.
bool is_icmp(int error) {
  return error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN || error == ENONET ||
         error == ECONNREFUSED || error == EPROTO || error == ENOPROTOOPT || error == EOPNOTSUPP ||
         error == EACCES;
}

std::string error_text(int error) {
  const char* text = ::strerrordesc_np(error);
  return text == nullptr ? fmt::format("error {}", error) : lower_case(text);
}

Ending ending_of(const SocketEvent& e, const Circumstances& around) {
  if (e.state == kCloseWait) return {How::Fin, {}};
  const bool silent = e.error == ETIMEDOUT || is_icmp(e.error);
  if (silent && around.condition == Condition::LocalFault) {
    return {How::LocalError,
            fmt::format("{}, while this host itself had no way out", error_text(e.error))};
  }
  switch (e.error) {
    case ECONNRESET:
    case EPIPE: return {How::Rst, {}};
    case ETIMEDOUT: return {How::TimedOut, {}};
    default: break;
  }
  if (!is_icmp(e.error)) return {How::LocalError, error_text(e.error)};
  return {How::Unreachable,
          fmt::format("{}; {}", error_text(e.error),
                      e.unacked_bytes > 0
                          ? fmt::format("{} unacknowledged, and no ACK for {}",
                                        plural(e.unacked_bytes, "byte"), to_text(e.since_ack))
                          : fmt::format("no ACK for {}", to_text(e.since_ack)))};
}

EndedConnection ended_connection(const SocketEvent& e, const Circumstances& around,
                                 const ServerCounters& before) {
  EndedConnection c;
  c.ending = ending_of(e, around);
  c.age = e.age;
  c.silent = e.since_received;
  c.idle = idle_time(e);
  // The queue may have been purged by now. A probe is no data, and a closed window is asked by
  // probes, too, while data wait.
  c.unacked = e.unacked_bytes > 0 || (e.unsent_bytes > 0 && e.probes_out > 0);
  c.user_timeout = e.user_timeout;
  c.before = before;
  c.around = around;
  // One that was opened later found the node as it is.
  if (around.demoted && e.age && *e.age < *around.demoted) c.around.demoted.reset();
  return c;
}

std::string attempts(const SocketEvent& e) {
  const std::string waiting = e.age ? fmt::format(" for {}", to_text(*e.age)) : std::string();
  return fmt::format("{} unanswered{}", plural(1 + e.total_retrans, "SYN"), waiting);
}

Attribution attribute_attempt(const SocketEvent& e, const Circumstances& around) {
  if (e.error == ECONNREFUSED)
    return {Cause::Refused, "the node, or a firewall before it, refuses connections (RST or ICMP)"};
  if (e.error == ECONNABORTED) return destroyed(e, {});
  if (e.error == 0 && e.local.port() == 0) {
    return {Cause::LocalFault, "this host had no local port left for it"};
  }
  if (e.error == ETIMEDOUT || is_icmp(e.error)) {
    if (around.condition == Condition::LocalFault) {
      return {Cause::LocalFault,
              fmt::format("{}, while this host itself had no way out", error_text(e.error))};
    }
    if (e.error != ETIMEDOUT) {
      return {Cause::Unreachable, fmt::format("{}; {}", error_text(e.error), attempts(e))};
    }
    return {Cause::ConnectTimeout, fmt::format("the kernel gave up: {}", attempts(e))};
  }
  if (e.error != 0) return {Cause::LocalFault, error_text(e.error)};
  const std::string process = process_of(e.task);
  if (e.total_retrans > 0 || e.retransmits > 0 || e.age.value_or(Duration::zero()) >= kAnswerDue) {
    return {Cause::ConnectTimeout, fmt::format("{} gave up: {}", process, attempts(e))};
  }
  return {Cause::LocalAbort,
          fmt::format("{} gave up before an answer was due: {}", process, attempts(e))};
}

}  // namespace

AppConnectResult connect_result(Cause cause) {
  switch (cause) {
    case Cause::Refused: return AppConnectResult::Refused;
    case Cause::ConnectTimeout: return AppConnectResult::Timeout;
    case Cause::Unreachable: return AppConnectResult::Unreachable;
    case Cause::LocalFault: return AppConnectResult::LocalFault;
    default: return AppConnectResult::Aborted;
  }
}

std::uint64_t sent_bytes(const SocketEvent& e) {
  return e.bytes_acked - (e.bytes_acked > 0 ? 1 : 0);
}

std::uint64_t received_bytes(const SocketEvent& e) {
  return e.bytes_received - (e.state == kCloseWait && e.bytes_received > 0 ? 1 : 0);
}

Duration idle_time(const SocketEvent& e) {
  return sent_bytes(e) + e.unacked_bytes == 0 ? e.since_received
                                              : std::min(e.since_sent, e.since_received);
}

bool is_final(const SocketEvent& e) {
  if (e.kind != Kind::Ended) return true;
  return e.state != kCloseWait && e.error != ECONNRESET && e.error != EPIPE;
}

Attribution attribute(const SocketEvent& e, const Circumstances& around, std::string_view relink,
                      const Inquired& told) {
  if (e.kind == Kind::ConnectFailed) return attribute_attempt(e, around);
  if (e.error == ECONNABORTED) return destroyed(e, relink);
  const bool here = e.state == kFinWait1 || (e.state == kClose && e.error == 0);
  if (here) return closed_here(e);
  return attribute(ended_connection(e, around, told.before), told.after);
}

bool is_usual(const SocketEvent& e, const Circumstances& around, const Attribution& why,
              std::string_view relink) {
  const bool trouble = around.condition != Condition::Unknown && !is_up(around.condition);
  switch (why.cause) {
    case Cause::LocalClose: return !unanswered(e) && !(trouble && waited(e));
    case Cause::Destroyed: return !relink.empty();
    // An idle limit that closes in order is what pools live with; one that resets or forgets is
    // not.
    case Cause::IdleTimeout: return e.state == kCloseWait;
    case Cause::LocalAbort: return e.kind == Kind::ConnectFailed;
    default: return false;
  }
}

}  // namespace relinkd::core
