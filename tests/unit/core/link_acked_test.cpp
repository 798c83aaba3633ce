// SPDX-License-Identifier: Apache-2.0
// An overdue PING whose bytes are acknowledged: path and host are alive; a slow command, a stopped
// process, or a proxy with a dead leg?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "link_scenario.hpp"

namespace relinkd::core {
namespace {

using testing::HasSubstr;

/// A PING was sent at `now`, and the kernel over there acknowledges it.
LinkScenario pending_and_acked(std::uint64_t seed = 1, LinkLimits limits = {}) {
  LinkScenario link(limits, seed);
  link.reach_ok();
  link.advance_to_probe();
  return link;
}

void advance_to_witness(LinkScenario& link, Duration most = 30s) {
  const MonoTime end = link.now + most;
  const std::size_t before = link.witnesses.size();
  while (link.witnesses.size() == before && link.now < end) link.advance_to(link.orders.deadline);
}

TEST(LinkAcked, NoWitnessBeforeHalfOfCommandTimeoutAndAQuarterOfItSpread) {
  Duration earliest = 1h;
  Duration latest{};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto link = pending_and_acked(seed);
    const MonoTime sent = link.now;
    advance_to_witness(link);
    ASSERT_EQ(link.witnesses.size(), 1U);
    EXPECT_TRUE(*link.orders.open_witness) << "only an answer proves the process alive";
    EXPECT_EQ(link.machine.condition(), Condition::Slow);
    earliest = std::min(earliest, link.now - sent);
    latest = std::max(latest, link.now - sent);
  }
  EXPECT_GE(earliest, 1s);
  EXPECT_LT(earliest, 1050ms);
  EXPECT_GT(latest, 1450ms);
  EXPECT_LE(latest, 1500ms);
}

TEST(LinkAcked, AStopBelowHalfOfCommandTimeoutIsSlowAndCostsNoWitness) {
  auto link = pending_and_acked();
  link.reply_after(990ms);
  EXPECT_TRUE(link.witnesses.empty());
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  link.advance_to_probe();
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
  EXPECT_EQ(link.transitions.size(), 2U);
}

TEST(LinkAcked, AnAckThatComesAfterTheProbeDeadlineEndsThePlainWitness) {
  auto link = pending_and_acked();
  link.cut();
  const MonoTime sent = link.now;
  advance_to_witness(link);
  EXPECT_FALSE(*link.orders.open_witness);
  link.unacked = false;
  link.advance(25ms);
  EXPECT_TRUE(link.hangups.empty());
  advance_to_witness(link);
  EXPECT_TRUE(*link.orders.open_witness);
  EXPECT_GE(link.now - sent, 1s);
}

TEST(LinkAcked, ConnectionAndWitnessBothSilentForCommandTimeoutAreStalled) {
  auto link = pending_and_acked();
  const MonoTime sent = link.now;
  advance_to_witness(link);
  const MonoTime opened = link.now;
  link.advance_until(Condition::Stalled, 10s);
  EXPECT_GE(link.now - sent, 2s);
  EXPECT_GE(link.now - opened, 2s);
  EXPECT_LT(link.now - opened, 2200ms);
  EXPECT_THAT(link.transitions.back().detail,
              HasSubstr("though acknowledged, a second connection silent for 2.0"));
  EXPECT_TRUE(link.hangups.empty()) << "the connection is kept";
  EXPECT_TRUE(link.orders.close_witness);
}

TEST(LinkAcked, AStalledServersReplyLeadsBackOnTheSameConnection) {
  auto link = pending_and_acked();
  link.reply_after(8s);
  EXPECT_TRUE(link.hangups.empty());
  EXPECT_FALSE(link.orders.reconnected);
  EXPECT_EQ(link.machine.condition(), Condition::Slow) << "it came late";
  link.advance_to_probe();
  link.reply_after(1ms);
  std::vector<Condition> way;
  for (const Transition& t : link.transitions) way.push_back(t.to);
  EXPECT_EQ(way,
            (std::vector{Condition::Slow, Condition::Stalled, Condition::Slow, Condition::Ok}));
}

TEST(LinkAcked, AStalledServerIsAskedAgainEverLessOften) {
  auto link = pending_and_acked();
  link.advance(10min);
  EXPECT_EQ(link.machine.condition(), Condition::Stalled);
  EXPECT_EQ(link.transitions.size(), 2U) << "told once";
  // Each is open for command_timeout, and up to backoff_max passes until the next.
  EXPECT_GE(link.witnesses.size(), 600U / 13);
  EXPECT_LE(link.witnesses.size(), 600U / 4);
}

TEST(LinkAcked, AnAnsweredWitnessBesideASilentConnectionIsAProxyWithADeadLeg) {
  auto link = pending_and_acked();
  advance_to_witness(link);
  link.advance(3ms);
  link.witness(WitnessResult::Answered);
  const MonoTime answered = link.now;
  link.advance_until(Condition::HalfOpen, 2s);
  EXPECT_GE(link.now - answered, 200ms) << "both answers may be on their way";
  EXPECT_LE(link.now - answered, 310ms);
  ASSERT_EQ(link.hangups.size(), 1U);
  EXPECT_EQ(link.hangups[0].cause, Cause::HalfOpen);
  EXPECT_THAT(link.hangups[0].evidence, HasSubstr("proxy or load balancer"));
}

TEST(LinkAcked, AReplyWithinTheGraceAfterTheWitnesssAnswerIsNoProxy) {
  auto link = pending_and_acked();
  advance_to_witness(link);
  link.witness(WitnessResult::Answered);
  link.reply_after(150ms);
  EXPECT_TRUE(link.hangups.empty());
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
}

// The reply itself may be lost, and its repetitions: they follow the same time-table as ours.
TEST(LinkAcked, OnAPathKnownToLosePacketsAProxyTakesAsLongAsTheTransmissionsWould) {
  LinkScenario link;
  link.reach_ok();
  for (int i = 0; i < 100; ++i) {
    link.advance_to_probe();
    if (i % 10 == 0) link.retransmissions.push_back(link.now + 50ms);
    link.reply_after(i % 10 == 0 ? 60ms : 1ms);
  }
  ASSERT_EQ(link.machine.required_transmissions(link.now), 7);
  link.advance_to_probe();
  const MonoTime sent = link.now;
  advance_to_witness(link);
  link.witness(WitnessResult::Answered);
  link.advance_until(Condition::HalfOpen, 10s);
  EXPECT_GE(link.now - sent, 6400ms) << "seven transmissions of the reply";
  EXPECT_LE(link.now - sent, 7s);
}

TEST(LinkAcked, ARefusedWitnessBesideASilentConnectionIsRefused) {
  auto link = pending_and_acked();
  advance_to_witness(link);
  link.witness(WitnessResult::Refused);
  link.advance_until(Condition::Refused, 1s);
  EXPECT_TRUE(link.hangups.empty());
  link.reply_after(1s);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
}

TEST(LinkAcked, ALateLoopIsNoEvidenceForStalled) {
  auto link = pending_and_acked();
  advance_to_witness(link);
  link.late_turn(10s);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  const MonoTime woke = link.now;
  link.advance_to(woke + 1800ms);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  link.advance_until(Condition::Stalled, 10s);
}

TEST(LinkAcked, AServerThatAcceptsButNeverAnswersIsStalledWithoutHavingBeenUp) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.advance_until(Condition::Stalled, 10s);
  ASSERT_EQ(link.transitions.size(), 1U);
  EXPECT_EQ(link.transitions[0].from, Condition::Unknown);
  EXPECT_EQ(link.transitions[0].since_last_proof, link.now - kStart) << "there never was one";
}

TEST(LinkAcked, AThresholdBeyondTheProbeDeadlineIsStillKept) {
  LinkLimits limits;
  limits.slow_threshold = 700ms;
  auto link = pending_and_acked(1, limits);
  const MonoTime sent = link.now;
  int steps = 0;
  while (link.machine.condition() == Condition::Ok) {
    link.advance_to(link.orders.deadline);
    ASSERT_LT(++steps, 10) << "the loop must not turn without end meanwhile";
  }
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  EXPECT_GT(link.now - sent, 700ms);
  EXPECT_LT(link.now - sent, 701ms);
}

TEST(LinkAcked, TheLimitsScaleWithCommandTimeout) {
  LinkLimits limits;
  limits.command_timeout = 500ms;
  auto link = pending_and_acked(1, limits);
  const MonoTime sent = link.now;
  advance_to_witness(link);
  EXPECT_GE(link.now - sent, 250ms);
  EXPECT_LE(link.now - sent, 375ms);
  link.advance_until(Condition::Stalled, 1s);
  EXPECT_LE(link.now - sent, 1s);
}

}  // namespace
}  // namespace relinkd::core
