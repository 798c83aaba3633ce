// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/link_machine.hpp"
#include "support/link_invariants.hpp"

namespace relinkd::core {

inline void PrintTo(Condition c, std::ostream* out) { *out << to_string(c); }

constexpr MonoTime kStart = MonoTime{} + 1h;

/// Tells a LinkMachine a story: events at chosen times, and every deadline when it is due, with
/// what the kernel would say by then. Checks the invariants at each step, keeps what was ordered.
class LinkScenario {
 public:
  explicit LinkScenario(LinkLimits limits = {}, std::uint64_t seed = 1)
      : machine(limits, Entropy(seed)), invariants_(limits) {}

  // --- events -----------------------------------------------------------------------------------

  const LinkOrders& feed(const LinkEvent& event, Duration lag = {}) {
    const Now present{now, lag};
    orders = machine.on(event, present);
    const auto broken = invariants_.check(event, present, orders, machine.condition());
    EXPECT_EQ(broken.value_or(""), "") << test::describe(orders);
    if (orders.hangup) hangups.push_back(*orders.hangup);
    if (orders.transition) transitions.push_back(*orders.transition);
    if (orders.open_witness) witnesses.push_back(now);
    if (orders.probe) {
      probes.push_back(now);
      ++pings_;
      machine.probe_sent(sample());
    }
    return orders;
  }

  void start() { feed(event::Start{}); }
  void dialed(Duration rtt = 200us) {
    retransmissions.clear();
    unacked = false;
    feed(event::Dialed{rtt});
  }
  void fail_to_dial(ConnectResult result, std::string detail = "why") {
    feed(event::DialFailed{DialFailure{result, std::move(detail), false, false}});
  }
  void reply_after(Duration time, ReplyKind kind = ReplyKind::Pong, std::string detail = "what") {
    advance(time);
    unacked = false;
    feed(event::Replied{kind, std::move(detail)});
  }
  void end(Ending::How how) { feed(event::Ended{Ending{how, "how it ended"}}); }
  void witness(WitnessResult result) { feed(event::Witnessed{result, 1100us, "as it went"}); }

  /// Started, connected, answered, and `rounds` more PINGs answered in 200 µs: ok, and the probe
  /// deadline at its floor.
  void reach_ok(int rounds = 40) {
    start();
    dialed();
    reply_after(200us);
    for (int i = 0; i < rounds; ++i) {
      advance_to_probe();
      reply_after(200us);
    }
    transitions.clear();
    probes.clear();
  }

  // --- time -------------------------------------------------------------------------------------

  void advance(Duration time) { advance_to(now + time); }
  void advance_to(MonoTime until) {
    while (orders.deadline <= until) on_deadline();
    now = until;
  }
  /// The next PING has been sent at `now`, and is pending.
  void advance_to_probe() {
    for (const std::size_t sent = probes.size(); probes.size() == sent;) on_deadline();
  }
  /// Until the condition is `wanted`, for `most` at most; how long it took.
  Duration advance_until(Condition wanted, Duration most) {
    const MonoTime begin = now;
    while (machine.condition() != wanted && orders.deadline <= begin + most) on_deadline();
    EXPECT_EQ(machine.condition(), wanted);
    return now - begin;
  }
  /// The loop comes round only now, `lag` after its earliest deadline.
  void late_turn(Duration lag) {
    now = std::max(now, orders.deadline) + lag;
    feed(deadline_event(), lag);
  }

  // --- what the kernel would say ----------------------------------------------------------------

  /// From now on nothing is acknowledged; the kernel repeats the PING as measured on Linux with
  /// a short round trip: tail-loss probe after 0.204 s, then at 0.41, 0.83, 1.66, 3.33, 6.66 s.
  void cut() {
    unacked = true;
    for (const Duration after : {204ms, 412ms, 828ms, 1660ms, 3324ms, 6652ms}) {
      retransmissions.push_back(now + after);
    }
  }
  [[nodiscard]] TcpSample sample() const {
    TcpSample s;
    s.unacked_bytes = unacked ? 14 : 0;
    s.total_retrans = static_cast<std::uint32_t>(std::count_if(
        retransmissions.begin(), retransmissions.end(), [this](MonoTime t) { return t <= now; }));
    s.data_segs_out = pings_ + s.total_retrans;
    return s;
  }

  LinkMachine machine;
  MonoTime now = kStart;
  LinkOrders orders;  ///< of the last step
  bool unacked = false;
  std::vector<MonoTime> retransmissions;
  LocalPath local = LocalPath::Usable;

  std::vector<Transition> transitions;
  std::vector<LinkOrders::Hangup> hangups;
  std::vector<MonoTime> witnesses;
  std::vector<MonoTime> probes;

 private:
  event::Deadline deadline_event() const {
    event::Deadline e;
    if (machine.wants_sample(now)) e.sample = sample();
    if (machine.wants_local_path(now)) e.local = local;
    return e;
  }
  void on_deadline() {
    now = std::max(now, orders.deadline);
    feed(deadline_event());
  }

  test::LinkInvariants invariants_;
  std::uint32_t pings_ = 0;
};

}  // namespace relinkd::core
