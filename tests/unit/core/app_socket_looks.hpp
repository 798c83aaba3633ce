// SPDX-License-Identifier: Apache-2.0
// Looks at an app's connection, for the tests of its state.
#pragma once

#include <cstdint>
#include <ostream>

#include "core/app_socket.hpp"

namespace relinkd::core {

inline void PrintTo(AppSocketState s, std::ostream* out) { *out << to_string(s); }

namespace test {

using State = AppSocketState;
using Timer = AppSocketSample::Timer;
using Part = NodeStanding::Part;

/// When the app sends a command that nobody acknowledges.
inline constexpr MonoTime kSent = MonoTime{} + 1h;
inline constexpr Duration kRto = 208ms;

inline constexpr std::uint8_t kEstablished = 1;
inline constexpr std::uint8_t kSynSent = 2;
inline constexpr std::uint8_t kCloseWait = 8;

/// Everything acknowledged; the app was answered that long ago.
inline AppSocketSample idle(Duration since, Timer timer = Timer::None) {
  AppSocketSample s;
  s.tcp_state = kEstablished;
  s.since_data_sent = since + 1ms;
  s.since_data_received = s.since_ack_received = since;
  s.rto = kRto;
  s.rtt = 300us;
  s.timer = timer;
  return s;
}

/// A connection with data in flight as Linux runs it on a short path, `t` after they were sent: a
/// tail-loss probe after one RTO, the first retransmission after the second, and then twice as long
/// each time. The last ACK came 10 s before.
inline AppSocketSample unanswered(Duration t) {
  AppSocketSample s = idle(10s + t, Timer::Retransmit);
  s.unacked_segments = 1;
  s.write_queue = 6;
  Duration last{};
  Duration next = kRto;
  for (int i = 1; next <= t; ++i) {
    last = next;
    s.total_retrans = static_cast<std::uint32_t>(i);
    if (i > 1) {
      ++s.retransmits;
      s.rto *= 2;
    }
    next += s.rto;
  }
  s.since_data_sent = t - last;
  s.timer_left = next - t;
  return s;
}

inline NodeStanding primary(Condition condition = Condition::Ok) {
  NodeStanding node;
  node.part = Part::Primary;
  node.condition = condition;
  return node;
}

/// The node answered a PING within 1 ms that was sent `t` after the app's command.
inline NodeStanding proven(Duration t, Condition condition = Condition::Ok) {
  NodeStanding node = primary(condition);
  node.proof_sent = kSent + t;
  node.proof_received = kSent + t + 1ms;
  return node;
}

inline AppSocket opened_to_primary() {
  AppSocket socket(kSent - 1min, false);
  socket.look(idle(1s), primary(), kSent - 1min);
  socket.look(idle(9s), primary(), kSent - 1s);
  return socket;
}

/// A look `t` after the app's command, which nobody acknowledges.
inline State look(AppSocket& socket, Duration t, const NodeStanding& node) {
  return socket.look(unanswered(t), node, kSent + t);
}

}  // namespace test
}  // namespace relinkd::core
