// SPDX-License-Identifier: Apache-2.0
// An overdue PING whose bytes are unacknowledged: a lost packet, a dead flow, or a dead path?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "link_scenario.hpp"

namespace relinkd::core {
namespace {

using testing::HasSubstr;

/// A PING was sent at `now` over a flow that has just been cut.
LinkScenario cut_at_a_ping() {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.cut();
  return link;
}

/// Goes on until the witness is asked for.
void advance_to_witness(LinkScenario& link) {
  while (!link.orders.open_witness && link.hangups.empty()) link.advance_to(link.orders.deadline);
}

TEST(LinkSuspect, APingIsSlowBeyondTheThresholdAndNothingElse) {
  auto link = cut_at_a_ping();
  const MonoTime sent = link.now;
  link.advance_until(Condition::Slow, 200ms);
  EXPECT_GT(link.now - sent, 100ms);
  EXPECT_LT(link.now - sent, 101ms);
  EXPECT_EQ(link.transitions.back().detail, "PING unanswered for 0.10 s");
  link.advance_to(sent + 199ms);
  EXPECT_EQ(link.transitions.size(), 1U);
  EXPECT_TRUE(link.witnesses.empty());
}

// With the defaults and a short round trip: PING at 0, tail-loss probe at 0.204 s, retransmission
// at 0.41 s, and 20 ms for the answer to the third.
TEST(LinkSuspect, ADeadFlowIsHalfOpenAfterThreeTransmissions) {
  auto link = cut_at_a_ping();
  const MonoTime sent = link.now;
  advance_to_witness(link);
  EXPECT_FALSE(*link.orders.open_witness) << "a SYN-ACK is proof enough";
  EXPECT_GE(link.now - sent, 220ms) << "the tail-loss probe gets time for its answer";
  EXPECT_LE(link.now - sent, 260ms);
  link.advance(1100us);
  link.witness(WitnessResult::Connected);
  link.advance_until(Condition::HalfOpen, 1s);
  EXPECT_GE(link.now - sent, 412ms + 20ms);
  EXPECT_LE(link.now - sent, 470ms);
  ASSERT_EQ(link.hangups.size(), 1U);
  EXPECT_EQ(link.hangups[0].cause, Cause::HalfOpen);
  EXPECT_THAT(link.hangups[0].evidence, HasSubstr("14 bytes unacknowledged after 3 transmissions; "
                                                  "a new connection is answered in 1.1 ms"));
  EXPECT_EQ(link.transitions.back().detail, link.hangups[0].evidence);
  EXPECT_TRUE(link.orders.close_witness);
  EXPECT_LE(link.orders.deadline - link.now, 100ms) << "it dials again soon";
}

TEST(LinkSuspect, TheWayToHalfOpenIsOkSlowHalfOpen) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Connected);
  link.advance_until(Condition::HalfOpen, 1s);
  ASSERT_EQ(link.transitions.size(), 2U);
  EXPECT_EQ(link.transitions[0].from, Condition::Ok);
  EXPECT_EQ(link.transitions[0].to, Condition::Slow);
  EXPECT_EQ(link.transitions[1].from, Condition::Slow);
  EXPECT_EQ(link.transitions[1].since_last_proof, link.now - *link.machine.last_proof());
}

// The path may have been down for PING, tail-loss probe and retransmission alike, and be back when
// the witness's SYN arrives: only a transmission after that proof can tell.
TEST(LinkSuspect, NoHalfOpenBeforeATransmissionThatFollowsTheWitnesssProof) {
  auto link = cut_at_a_ping();
  const MonoTime sent = link.now;
  advance_to_witness(link);
  link.advance_to(sent + 414ms);  // the third transmission is out
  link.witness(WitnessResult::Connected);
  link.advance_to(sent + 827ms);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  EXPECT_TRUE(link.hangups.empty());
  link.advance_until(Condition::HalfOpen, 100ms);
  EXPECT_GE(link.now - sent, 828ms + 20ms);
}

TEST(LinkSuspect, EachMomentOfTheProofIsFollowedByATransmissionBeforeHalfOpen) {
  for (Duration at = 245ms; at < 900ms; at += 1ms) {
    auto link = cut_at_a_ping();
    const MonoTime sent = link.now;
    advance_to_witness(link);
    link.advance_to(sent + at);
    if (!link.hangups.empty()) break;  // unreachable: the witness was silent for too long
    link.witness(WitnessResult::Connected);
    link.advance_until(Condition::HalfOpen, 2s);
    const auto after_proof =
        std::count_if(link.retransmissions.begin(), link.retransmissions.end(),
                      [&](MonoTime t) { return t > sent + at && t <= link.now - 20ms; });
    EXPECT_GE(after_proof, 1) << "witness answered " << to_text(at) << " after the PING";
  }
}

TEST(LinkSuspect, AReplyAfterTheWitnessIsOnlySlow) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Connected);
  link.reply_after(170ms);
  EXPECT_TRUE(link.orders.close_witness);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  EXPECT_THAT(link.transitions.back().detail, HasSubstr("PING unanswered for"));
  link.advance_to_probe();
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
  EXPECT_TRUE(link.hangups.empty());
}

TEST(LinkSuspect, ALonePacketLostAndRepeatedCostsNoWitness) {
  auto link = cut_at_a_ping();
  link.reply_after(205ms);  // to the tail-loss probe
  EXPECT_TRUE(link.witnesses.empty());
}

TEST(LinkSuspect, FlowAndSynBothSilentAreUnreachable) {
  auto link = cut_at_a_ping();
  const MonoTime sent = link.now;
  link.advance_until(Condition::Unreachable, 2s);
  EXPECT_GE(link.now - sent, 432ms);
  EXPECT_LE(link.now - sent, 500ms);
  ASSERT_EQ(link.hangups.size(), 1U);
  EXPECT_EQ(link.hangups[0].cause, Cause::Unreachable);
  EXPECT_THAT(link.hangups[0].evidence, HasSubstr("after 3 transmissions"));
  EXPECT_THAT(link.hangups[0].evidence, HasSubstr("SYN unanswered for 0.2"));
  EXPECT_EQ(link.witnesses.size(), 1U);
}

TEST(LinkSuspect, AnIcmpAnswerToTheWitnessIsUnreachable) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Unreachable);
  link.advance_until(Condition::Unreachable, 1s);
  EXPECT_THAT(link.transitions.back().detail, HasSubstr("a new connection: as it went"));
}

TEST(LinkSuspect, AnRstToTheWitnessIsRefusedAndTheConnectionKeptInCaseItAnswers) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Refused);
  link.advance_until(Condition::Refused, 1s);
  EXPECT_TRUE(link.hangups.empty());
  EXPECT_THAT(link.transitions.back().detail, HasSubstr("a new connection is refused"));
  link.reply_after(500ms);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
}

TEST(LinkSuspect, AWitnessThatThisHostCannotOpenIsALocalFault) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::LocalFault);
  link.advance_until(Condition::LocalFault, 1s);
  EXPECT_THAT(link.transitions.back().detail, HasSubstr("this host cannot connect: as it went"));
}

TEST(LinkSuspect, AWitnessWithoutAResultThatProvesAnythingIsOpenedAnew) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Failed);
  link.advance(250ms);
  EXPECT_GE(link.witnesses.size(), 2U);
}

TEST(LinkSuspect, NoWayOutOfThisHostIsALocalFault) {
  for (const auto& [local, words] :
       {std::pair{LocalPath::NoRoute, "this host has no route to the node"},
        std::pair{LocalPath::LinkDown, "the link towards the node is down"}}) {
    auto link = cut_at_a_ping();
    // The kernel does not count what it could not send.
    link.retransmissions.clear();
    link.local = local;
    const MonoTime sent = link.now;
    link.advance_until(Condition::LocalFault, 2s);
    EXPECT_GE(link.now - sent, 600ms);
    EXPECT_THAT(link.transitions.back().detail, HasSubstr(words));
    EXPECT_TRUE(link.hangups.empty());
    // The link is back: what the verdict rested on is gone, and the flow gets its chance.
    link.local = LocalPath::Usable;
    link.advance_until(Condition::Slow, 1s);
    link.reply_after(10ms);
    link.advance_to_probe();
    link.reply_after(1ms);
    EXPECT_EQ(link.machine.condition(), Condition::Ok);
  }
}

// The kernel counts as transmitted what a link without carrier drops.
TEST(LinkSuspect, NoWayOutIsALocalFaultAlsoWhereTheKernelCountsItsAttempts) {
  auto link = cut_at_a_ping();
  link.local = LocalPath::LinkDown;
  link.advance_until(Condition::LocalFault, 2s);
  EXPECT_EQ(link.transitions.size(), 2U);
  EXPECT_TRUE(link.hangups.empty());
}

TEST(LinkSuspect, ASynThatCouldNotLeaveIsNotHeldAgainstThePathOnceTheLinkIsBack) {
  auto link = cut_at_a_ping();
  link.local = LocalPath::LinkDown;
  link.advance_until(Condition::LocalFault, 2s);
  link.advance(3s);
  const std::size_t before = link.witnesses.size();
  link.local = LocalPath::Usable;
  link.advance(60ms);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  EXPECT_EQ(link.witnesses.size(), before + 1) << "asked anew";
}

TEST(LinkSuspect, ALocalFaultThatEndsBeforeAnythingWasProvenLeavesThatSaid) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.cut();
  link.local = LocalPath::LinkDown;
  link.advance_until(Condition::LocalFault, 5s);
  link.local = LocalPath::Usable;
  link.advance_until(Condition::Unknown, 1s);
  EXPECT_EQ(link.transitions.back().detail, "nothing is proven yet");
}

TEST(LinkSuspect, TheKernelsTimeOutForWantOfAWayOutIsStillALocalFault) {
  for (const auto how : {Ending::How::TimedOut, Ending::How::Unreachable}) {
    auto link = cut_at_a_ping();
    link.local = LocalPath::NoRoute;
    link.advance_until(Condition::LocalFault, 2s);
    link.end(how);
    EXPECT_EQ(link.machine.condition(), Condition::LocalFault);
  }
}

TEST(LinkSuspect, TheKernelsTimeOutIsHalfOpenOnlyIfTheWitnessProvedThePath) {
  auto dead = cut_at_a_ping();
  dead.advance(250ms);
  dead.end(Ending::How::TimedOut);
  EXPECT_EQ(dead.machine.condition(), Condition::Unreachable);

  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Connected);
  link.end(Ending::How::TimedOut);
  EXPECT_EQ(link.machine.condition(), Condition::HalfOpen);
}

TEST(LinkSuspect, APathKnownToLosePacketsTakesMoreTransmissions) {
  LinkScenario link;
  link.reach_ok();
  // One PING in ten had to be repeated.
  for (int i = 0; i < 100; ++i) {
    link.advance_to_probe();
    if (i % 10 == 0) link.retransmissions.push_back(link.now + 50ms);
    link.reply_after(i % 10 == 0 ? 60ms : 1ms);
  }
  EXPECT_EQ(link.machine.required_transmissions(link.now), LossEstimator::kMost);
  link.advance_to_probe();
  link.cut();
  const MonoTime sent = link.now;
  advance_to_witness(link);
  link.witness(WitnessResult::Connected);
  link.advance_until(Condition::HalfOpen, 8s);
  EXPECT_GE(link.now - sent, 6652ms);
  EXPECT_THAT(link.hangups.back().evidence, HasSubstr("after 7 transmissions"));
}

TEST(LinkSuspect, TheEpisodeUnderWayDoesNotCountAsLossOfThePath) {
  auto link = cut_at_a_ping();
  link.advance(430ms);
  EXPECT_EQ(link.machine.required_transmissions(link.now), LossEstimator::kFewest);
}

TEST(LinkSuspect, TheSampleIsWantedOnlyWhileAProbeIsOverdue) {
  auto link = cut_at_a_ping();
  EXPECT_FALSE(link.machine.wants_sample(link.now + 199ms));
  EXPECT_TRUE(link.machine.wants_sample(link.now + 200ms));
  EXPECT_FALSE(link.machine.wants_local_path(link.now + 200ms)) << "not yet known to be unacked";
  link.advance(201ms);
  EXPECT_TRUE(link.machine.wants_local_path(link.now));
  link.reply_after(1ms);
  EXPECT_FALSE(link.machine.wants_sample(link.now + 10s));
}

// --- a loop that comes late -------------------------------------------------------------------

TEST(LinkSuspect, TheTimeAwayIsNotCounted) {
  auto link = cut_at_a_ping();
  link.late_turn(5s);  // at what would have been 100 ms after the PING
  const MonoTime woke = link.now;
  EXPECT_TRUE(link.hangups.empty());
  EXPECT_TRUE(link.witnesses.empty());
  link.advance_to(woke + 99ms);
  EXPECT_FALSE(link.machine.wants_sample(link.now)) << "half of the probe deadline was used up";
  link.advance_to(woke + 101ms);
  EXPECT_TRUE(link.machine.wants_sample(link.now));
}

TEST(LinkSuspect, WhatTheKernelRepeatedWhileTheLoopWasAwayNeedsAWitnessToo) {
  auto link = cut_at_a_ping();
  const MonoTime sent = link.now;
  link.late_turn(2s);  // five transmissions are out by now
  advance_to_witness(link);
  link.witness(WitnessResult::Connected);
  link.advance_to(sent + 3300ms);
  EXPECT_TRUE(link.hangups.empty()) << "no transmission since the proof";
  link.advance_until(Condition::HalfOpen, 1s);
}

TEST(LinkSuspect, AWitnessIsNotUnansweredWhileTheLoopIsAway) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.late_turn(5s);
  EXPECT_TRUE(link.hangups.empty()) << "the answer may be on its way";
  link.advance_until(Condition::Unreachable, 1s);
}

// On a busy host a share of the wake-ups is late; progress must not depend on there being none.
TEST(LinkSuspect, AVerdictComesThoughEveryTurnIsLate) {
  auto link = cut_at_a_ping();
  const MonoTime sent = link.now;
  while (link.hangups.empty() && link.now - sent < 30s) link.late_turn(100ms);
  EXPECT_EQ(link.machine.condition(), Condition::Unreachable);
}

TEST(LinkSuspect, ALateLoopAloneIsNoNews) {
  auto link = cut_at_a_ping();
  link.advance_until(Condition::Slow, 200ms);
  link.late_turn(5s);
  EXPECT_EQ(link.machine.condition(), Condition::Slow) << "nothing was answered";
  EXPECT_EQ(link.transitions.size(), 1U);
}

TEST(LinkSuspect, AReplyReadByALateLoopIsInTime) {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.advance(5s);
  link.unacked = false;
  link.feed(event::Replied{}, 4s);
  EXPECT_EQ(link.machine.last_rtt(), std::nullopt) << "it measures the loop, not the path";
  EXPECT_EQ(link.machine.smoothed_rtt().value_or(1s), 200us);
}

TEST(LinkSuspect, AsLateAsTimerSlackIsNotLate) {
  auto link = cut_at_a_ping();
  advance_to_witness(link);
  link.witness(WitnessResult::Connected);
  while (link.hangups.empty()) link.late_turn(kLateLoop);
  EXPECT_EQ(link.machine.condition(), Condition::HalfOpen);
}

}  // namespace
}  // namespace relinkd::core
