// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/idle_machine.hpp"

namespace relinkd::core {
namespace {

using testing::HasSubstr;

/// Tells an IdleMachine a story, as LinkScenario does for the link.
class IdleScenario {
 public:
  explicit IdleScenario(IdleLimits limits = {false, {1s, 5s, 10s}, 2s, 100ms, 10s},
                        std::uint64_t seed = 1)
      : machine(std::move(limits), Entropy(seed)) {}

  const IdleOrders& feed(const IdleEvent& event, Duration lag = {}) {
    orders = machine.on(event, Now{now, lag});
    if (orders.found) found.push_back(*orders.found);
    if (orders.hangup) ends.push_back(*orders.hangup);
    if (orders.ended) ends.push_back(*orders.ended);
    if (orders.probe) {
      probed_at = now;
      machine.probe_sent(TcpSample{14, 0, 1, 1ms});
    }
    return orders;
  }
  void advance_to(MonoTime until) {
    while (orders.deadline <= until) {
      now = std::max(now, orders.deadline);
      idle::Deadline e;
      if (machine.wants_sample()) e.sample = sample();
      feed(e);
    }
    now = until;
  }
  void advance(Duration time) { advance_to(now + time); }
  /// Until it dials, and is connected and greeted: idle from `now` on.
  void reach_idle() {
    if (orders.deadline == kNever && !orders.dial) feed(idle::Start{});
    while (!orders.dial) advance_to(orders.deadline);
    now += 1ms;
    feed(idle::Ready{});
  }
  /// Until it probes; how long it was silent.
  Duration advance_to_probe() {
    const MonoTime begin = now;
    while (!orders.probe) advance_to(orders.deadline);
    return now - begin;
  }
  void reply() {
    now += 1ms;
    feed(idle::Replied{});
  }
  void end(Ending::How how) { feed(idle::Ended{{how, "how it ended"}}); }
  /// The watch connection's PING, sent and answered now.
  void node_proven(Duration sent_ago = {}) { feed(idle::NodeProven{now - sent_ago, 3}); }

  /// Nothing acknowledged; repeated 0.2, 0.4, 0.8, 1.6… s after the PING.
  [[nodiscard]] TcpSample sample() const {
    TcpSample s;
    s.unacked_bytes = acked ? 0 : 14;
    for (Duration after = 200ms; !acked && probed_at + after <= now; after *= 2) ++s.total_retrans;
    return s;
  }

  IdleMachine machine;
  MonoTime now = MonoTime{} + 1h;
  MonoTime probed_at{};
  bool acked = false;
  IdleOrders orders;
  std::vector<IdleCut> found;
  std::vector<IdleOrders::Hangup> ends;
};

TEST(Idle, IsSilentUntilEachAgeInTurnAndStaysAtTheLast) {
  IdleScenario idle;
  idle.reach_idle();
  for (const Duration age : {1s, 5s, 10s, 10s, 10s}) {
    EXPECT_EQ(idle.advance_to_probe(), age);
    idle.reply();
  }
  EXPECT_TRUE(idle.found.empty());
  EXPECT_TRUE(idle.ends.empty());
}

TEST(Idle, AForgottenFlowIsASilentCutAtMostAsOldAsTheProbe) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.reply();
  idle.advance_to_probe();
  idle.advance(300ms);
  idle.node_proven();
  idle.advance(1s);
  ASSERT_EQ(idle.found.size(), 1U);
  EXPECT_EQ(idle.found[0].how, IdleCut::How::Silent);
  EXPECT_EQ(idle.found[0].age, 5s);
  EXPECT_EQ(idle.found[0].survived, 1s);
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::IdleTimeout);
  EXPECT_THAT(idle.ends[0].evidence, HasSubstr("silent for 5.00 s, is forgotten: 3 transmissions"));
  EXPECT_THAT(idle.found[0].to_string(),
              HasSubstr("survive 1.00 s on this path; after at most 5.00 s of silence they are "
                        "forgotten without a word"));
}

TEST(Idle, ASilentCutTakesThreeTransmissionsAndANodeThatAnswersOthers) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.advance(390ms);  // two transmissions
  idle.node_proven();
  EXPECT_TRUE(idle.found.empty());
  idle.advance(150ms);
  EXPECT_EQ(idle.found.size(), 1U);
}

TEST(Idle, ALossyPathTakesMoreTransmissions) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.feed(idle::NodeProven{idle.now, 5});
  idle.advance(1500ms);  // four transmissions
  EXPECT_TRUE(idle.found.empty());
  idle.advance(300ms);
  EXPECT_EQ(idle.found.size(), 1U);
}

TEST(Idle, ANodesPingFromBeforeTheProbeProvesNothing) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.advance(10ms);
  idle.node_proven(20ms);
  idle.advance(700ms);
  EXPECT_TRUE(idle.found.empty());
}

TEST(Idle, AnUnansweredProbeOfANodeThatIsUnansweredTooIsNoFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  while (!idle.orders.ask_node) idle.advance_to(idle.orders.deadline);
  EXPECT_GE(idle.now - idle.probed_at, 400ms) << "after three transmissions, the node is asked";
  idle.advance(9s);
  EXPECT_TRUE(idle.ends.empty()) << "it has time to answer";
  idle.advance(1s);
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::Unreachable);
  EXPECT_TRUE(idle.found.empty());
}

TEST(Idle, AnUnansweredProbeWhileTheWatchConnectionEndsIsNoFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.advance(700ms);
  idle.feed(idle::NodeExplained{Cause::HalfOpen, "the flow was dead"});
  idle.node_proven();
  idle.advance(1s);
  EXPECT_TRUE(idle.found.empty());
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::HalfOpen);
}

TEST(Idle, AnAcknowledgedProbeThatIsNotAnsweredIsNoFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.acked = true;
  idle.node_proven();
  idle.advance(30s);
  EXPECT_TRUE(idle.found.empty());
}

TEST(Idle, WhatALateLoopDidNotHearIsNoFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.now += 5s;
  idle.node_proven();
  idle.feed(idle::Deadline{idle.sample()}, 5s);
  EXPECT_TRUE(idle.found.empty());
  EXPECT_EQ(idle.orders.deadline, idle.now + 100ms) << "looked at again, with what is heard then";
}

TEST(Idle, AFinInSilenceTellsTheVeryAgeOnceTheNodeProvesToHaveOutlivedIt) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.reply();
  idle.advance(3s);
  idle.end(Ending::How::Fin);
  EXPECT_TRUE(idle.orders.ask_node);
  EXPECT_TRUE(idle.found.empty()) << "a server that ends closes idle ones, too";
  idle.advance(1ms);
  idle.node_proven(500ms);
  EXPECT_TRUE(idle.found.empty()) << "that PING was sent before the FIN";
  idle.advance(1ms);
  idle.node_proven();
  ASSERT_EQ(idle.found.size(), 1U);
  EXPECT_EQ(idle.found[0].how, IdleCut::How::Fin);
  EXPECT_EQ(idle.found[0].age, 3s);
  EXPECT_EQ(idle.found[0].survived, 1s);
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::IdleTimeout);
  EXPECT_EQ(idle.ends[0].evidence,
            "an idle connection was closed after 3.00 s of silence while the node answers others");
}

TEST(Idle, AnRstTellsWhetherItCameInSilenceOrOnUse) {
  IdleScenario silent;
  silent.reach_idle();
  silent.advance(400ms);
  silent.end(Ending::How::Rst);
  silent.node_proven();
  ASSERT_EQ(silent.found.size(), 1U);
  EXPECT_EQ(silent.found[0].how, IdleCut::How::Rst);
  EXPECT_EQ(silent.found[0].age, 400ms);
  EXPECT_EQ(silent.found[0].survived, 0s);

  IdleScenario used;
  used.reach_idle();
  used.advance_to_probe();
  used.now += 1ms;
  used.end(Ending::How::Rst);
  used.node_proven();
  ASSERT_EQ(used.found.size(), 1U);
  EXPECT_EQ(used.found[0].how, IdleCut::How::RstOnUse);
  EXPECT_EQ(used.found[0].age, 1s) << "an upper end";
}

TEST(Idle, AnEndingThatTheNodeExplainsIsNoFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance(400ms);
  idle.end(Ending::How::Fin);
  idle.feed(idle::NodeDisturbed{});
  idle.advance(1ms);
  idle.node_proven();
  EXPECT_TRUE(idle.found.empty()) << "the watch connection ended, too";
  idle.feed(idle::NodeExplained{Cause::Shutdown, "the server process ended"});
  EXPECT_TRUE(idle.found.empty());
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::Shutdown);
  EXPECT_THAT(idle.ends[0].evidence, HasSubstr("the server process ended"));
}

TEST(Idle, AnEndingNoticedJustAfterItsExplanationIsNoFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance(400ms);
  idle.feed(idle::NodeExplained{Cause::Killed, "CLIENT KILL"});
  idle.advance(100ms);
  idle.end(Ending::How::Fin);
  idle.node_proven();
  EXPECT_TRUE(idle.found.empty());
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::Killed);
}

// A server host that lost its power says nothing to an idle connection; its successor resets it, or
// is silent, when it is used again, minutes later. Idleness was not the reason.
TEST(Idle, WhatWasLostWithTheNodeDuringTheSilenceIsNoFindingWhenUsedAgain) {
  for (const bool reset : {true, false}) {
    IdleScenario idle;
    idle.reach_idle();
    idle.advance_to_probe();
    idle.reply();
    idle.advance(500ms);
    idle.feed(idle::NodeDisturbed{});
    idle.feed(idle::NodeExplained{Cause::HalfOpen, "the flow was dead"});
    EXPECT_EQ(idle.advance_to_probe(), 4500ms);
    idle.now += 1ms;
    if (reset) idle.end(Ending::How::Rst);
    idle.node_proven();
    idle.advance(1s);
    EXPECT_TRUE(idle.found.empty());
    ASSERT_EQ(idle.ends.size(), 1U);
    EXPECT_EQ(idle.ends[0].cause, Cause::HalfOpen);
  }
}

TEST(Idle, ANodeThatSaysNothingInTimeExplainsNothing) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance(400ms);
  idle.end(Ending::How::Fin);
  EXPECT_EQ(idle.orders.deadline, idle.now + 10s);
  idle.advance(10s);
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::PeerClosed) << "the honest why is not known";
  EXPECT_TRUE(idle.found.empty());
}

TEST(Idle, AFindingIsToldOnceAndAgainOnlyWhenItChanges) {
  IdleScenario idle;
  for (int round = 0; round < 3; ++round) {
    idle.reach_idle();
    idle.advance_to_probe();
    idle.reply();
    idle.advance(3s + 10ms * round);
    idle.end(Ending::How::Fin);
    idle.node_proven();
  }
  EXPECT_EQ(idle.found.size(), 1U);
  EXPECT_EQ(idle.ends.size(), 3U) << "each connection's end is told";
  idle.reach_idle();
  idle.advance_to_probe();
  idle.reply();
  idle.advance(4s);
  idle.end(Ending::How::Fin);
  idle.node_proven();
  EXPECT_EQ(idle.found.size(), 2U);
}

TEST(Idle, AFindingIsClearedOnceItsAgeIsSurvived) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.reply();
  idle.advance(3s);
  idle.end(Ending::How::Fin);
  idle.node_proven();
  ASSERT_TRUE(idle.machine.cut());
  idle.reach_idle();
  idle.advance_to_probe();
  idle.reply();
  EXPECT_FALSE(idle.orders.cleared) << "1 s was survived before";
  idle.advance_to_probe();
  idle.reply();
  EXPECT_TRUE(idle.orders.cleared);
  EXPECT_FALSE(idle.machine.cut());
}

// Another address is another path, of which nothing is known yet.
TEST(Idle, AMoveStartsAnewAndClearsTheFinding) {
  IdleScenario idle;
  idle.reach_idle();
  idle.advance_to_probe();
  idle.reply();
  idle.advance(3s);
  idle.end(Ending::How::Fin);
  idle.node_proven();
  ASSERT_TRUE(idle.machine.cut());
  idle.reach_idle();
  idle.feed(idle::Moved{"the name is elsewhere now"});
  EXPECT_TRUE(idle.orders.cleared);
  EXPECT_FALSE(idle.machine.cut());
  EXPECT_EQ(idle.ends.back().cause, Cause::Moved);
  idle.reach_idle();
  EXPECT_EQ(idle.advance_to_probe(), 1s) << "from the first age";
}

TEST(Idle, ALocalOrUnreachableEndingIsNoFinding) {
  for (const auto& [how, cause] : {std::pair{Ending::How::Unreachable, Cause::Unreachable},
                                   std::pair{Ending::How::LocalError, Cause::LocalFault}}) {
    IdleScenario idle;
    idle.reach_idle();
    idle.advance(400ms);
    idle.end(how);
    ASSERT_EQ(idle.ends.size(), 1U);
    EXPECT_EQ(idle.ends[0].cause, cause);
    idle.node_proven();
    EXPECT_TRUE(idle.found.empty());
  }
}

TEST(Idle, OnlyKeepaliveIsSilentForGoodAndNamesTheKernelsVerdict) {
  IdleScenario idle(IdleLimits{true, {}, 2s, 100ms, 10s});
  idle.reach_idle();
  EXPECT_EQ(idle.orders.deadline, kNever);
  idle.advance(8s);
  idle.end(Ending::How::TimedOut);
  ASSERT_EQ(idle.ends.size(), 1U);
  EXPECT_EQ(idle.ends[0].cause, Cause::KeepaliveTimeout);
  EXPECT_THAT(idle.ends[0].evidence, HasSubstr("8.00 s after the last byte"));
  EXPECT_TRUE(idle.orders.ask_node) << "the watch connection may not know yet";
  EXPECT_TRUE(idle.found.empty());
}

TEST(Idle, FailedDialsBackOffWithinTheBound) {
  Duration longest{};
  IdleScenario idle;
  idle.feed(idle::Start{});
  for (int i = 0; i < 30; ++i) {
    while (!idle.orders.dial) idle.advance_to(idle.orders.deadline);
    idle.feed(idle::DialFailed{});
    longest = std::max(longest, idle.orders.deadline - idle.now);
  }
  EXPECT_LE(longest, 10s);
  EXPECT_GT(longest, 5s);
}

TEST(Idle, AConnectionThatEndsBeforeItIsGreetedIsAFailedDial) {
  IdleScenario idle;
  idle.feed(idle::Start{});
  while (!idle.orders.dial) idle.advance_to(idle.orders.deadline);
  idle.end(Ending::How::Fin);
  EXPECT_FALSE(idle.orders.ask_node);
  EXPECT_LE(idle.orders.deadline - idle.now, 200ms);
}

TEST(IdleCut, ReadsAsASentence) {
  EXPECT_EQ((IdleCut{180s, 60s, IdleCut::How::Fin}).to_string(),
            "idle connections survive 1 min on this path; after 3 min of silence they are closed "
            "(FIN)");
  EXPECT_EQ((IdleCut{60s, 0s, IdleCut::How::RstOnUse}).to_string(),
            "idle connections do not survive for long on this path; after at most 1 min of silence "
            "the next use is answered by a reset");
  EXPECT_THAT((IdleCut{60s, 0s, IdleCut::How::Rst}).to_string(), HasSubstr("they are reset (RST)"));
}

}  // namespace
}  // namespace relinkd::core
