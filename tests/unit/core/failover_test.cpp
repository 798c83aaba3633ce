// SPDX-License-Identifier: Apache-2.0
#include "core/failover.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kNoon = MonoTime{} + 12h;
const std::string kA = "198.18.0.2:6379";
const std::string kB = "198.18.0.3:6379";
const std::string kC = "198.18.0.4:6379";

/// What INFO says: 40 hex digits each.
std::string hex(char digit) { return std::string(40, digit); }
ServerIdentity server(char run, char replid, char replid2 = '0') {
  return {hex(run), hex(replid), hex(replid2), 3600};
}

/// A is primary and was proven last at noon.
struct Primary : FailoverDetector {
  Primary() { on_primary_proven(kA, server('a', '1'), kNoon); }
  std::optional<FailoverStory> b_proven(MonoTime now) {
    return on_primary_proven(kB, server('b', '2', '1'), now);
  }
  /// The kind of the change that is told when B, learnt at `learnt`, proves itself.
  FailoverKind told_as(MonoTime learnt) {
    on_learnt(kB, false, learnt);
    return b_proven(learnt + 50ms).value().kind;
  }
};

TEST(Failover, AFirstPrimaryIsNone) {
  FailoverDetector detector;
  EXPECT_EQ(detector.primary(), "");
  detector.on_learnt(kA, false, kNoon);
  EXPECT_FALSE(detector.on_primary_proven(kA, server('a', '1'), kNoon + 1s));
  EXPECT_EQ(detector.primary(), kA);
  EXPECT_EQ(detector.last_proof(), kNoon + 1s);
  EXPECT_EQ(detector.identity().run_id, hex('a'));
}

TEST(Failover, IsToldOnceWithItsTimesWhenTheNewPrimaryProvesItself) {
  Primary detector;
  detector.on_condition(kA, Condition::Slow, kNoon + 900ms);
  detector.on_condition(kA, Condition::Unreachable, kNoon + 1200ms);
  detector.on_agreed_down(kNoon + 1500ms);
  detector.on_learnt(kB, false, kNoon + 2s);
  detector.on_learnt(kB, false, kNoon + 2010ms);  // said again by the next Sentinel
  const auto story = detector.b_proven(kNoon + 2050ms);
  ASSERT_TRUE(story);
  EXPECT_EQ(story->kind, FailoverKind::Failover);
  EXPECT_EQ(story->from, kA);
  EXPECT_EQ(story->to, kB);
  EXPECT_EQ(story->last_proof, kNoon);
  EXPECT_EQ(story->suspected, kNoon + 900ms);
  EXPECT_EQ(story->condition, Condition::Unreachable);
  EXPECT_EQ(story->condition_at, kNoon + 1200ms);
  EXPECT_EQ(story->learnt, kNoon + 2s);
  EXPECT_EQ(story->proven, kNoon + 2050ms);
  EXPECT_FALSE(story->planned);
  EXPECT_EQ(story->same_history, true);
  EXPECT_EQ(detector.primary(), kB);
  EXPECT_FALSE(detector.b_proven(kNoon + 3s));
  EXPECT_EQ(detector.last_proof(), kNoon + 3s);
}

TEST(Failover, AnAnswerThatCameLateIsNoSuspicion) {
  Primary detector;
  detector.on_condition(kA, Condition::Slow, kNoon);
  detector.on_condition(kA, Condition::Stalled, kNoon + 2s);
  detector.on_learnt(kB, false, kNoon + 3s);
  EXPECT_FALSE(detector.b_proven(kNoon + 3s).value().suspected);
}

TEST(Failover, OldPrimaryThatReturnsAsReplicaIsNone) {
  Primary detector;
  detector.on_condition(kA, Condition::Refused, kNoon + 1s);
  detector.told_as(kNoon + 2s);
  detector.on_condition(kA, Condition::Loading, kNoon + 60s);
  detector.on_condition(kA, Condition::ReadOnly, kNoon + 61s);
  detector.on_demoted(kA, kNoon + 61s);
  EXPECT_FALSE(detector.b_proven(kNoon + 62s));
  EXPECT_EQ(detector.primary(), kB);
}

TEST(Failover, ThereAndBackAreTwo) {
  Primary detector;
  EXPECT_EQ(detector.told_as(kNoon + 1s), FailoverKind::Switchover);
  detector.on_condition(kB, Condition::HalfOpen, kNoon + 5s);
  detector.on_learnt(kA, false, kNoon + 6s);
  const auto back = detector.on_primary_proven(kA, server('a', '3', '2'), kNoon + 7s);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, FailoverKind::Failover);
  EXPECT_EQ(back->from, kB);
  EXPECT_EQ(back->last_proof, kNoon + 1050ms);
  EXPECT_FALSE(back->suspected) << "A's trouble and B's are not mixed";
}

TEST(Failover, WhatIsLearntAndNeverProvenIsReplaced) {
  Primary detector;
  detector.on_learnt(kC, false, kNoon + 1s);
  detector.on_learnt(kB, false, kNoon + 2s);
  const auto story = detector.b_proven(kNoon + 3s);
  ASSERT_TRUE(story);
  EXPECT_EQ(story->learnt, kNoon + 2s);
}

TEST(Failover, ASourceThatTakesItsWordBackHasNamedNobody) {
  Primary detector;
  detector.on_learnt(kB, true, kNoon + 1s);
  detector.on_learnt(kA, false, kNoon + 2s);
  EXPECT_FALSE(detector.b_proven(kNoon + 3s));
  EXPECT_EQ(detector.primary(), kA);
}

// --- kinds ------------------------------------------------------------------------------------

TEST(FailoverKinds, AMovedNameIsDns) {
  Primary detector;
  detector.on_condition(kA, Condition::Unreachable, kNoon + 1s);
  detector.on_learnt(kB, true, kNoon + 5s);
  EXPECT_EQ(detector.b_proven(kNoon + 5s).value().kind, FailoverKind::Dns);
}

TEST(FailoverKinds, AFailoverAfterAMovedNameIsNoDns) {
  Primary detector;
  detector.on_learnt(kB, true, kNoon + 5s);
  detector.b_proven(kNoon + 5s);
  detector.on_condition(kB, Condition::Refused, kNoon + 6s);
  const auto story = detector.on_primary_proven(kC, {}, kNoon + 7s);
  EXPECT_EQ(story.value().kind, FailoverKind::Failover);
}

TEST(FailoverKinds, AnOldPrimaryThatWasWellMakesASwitchover) {
  Primary detector;
  detector.on_condition(kA, Condition::Ok, kNoon);
  detector.on_condition(kA, Condition::Slow, kNoon + 500ms);
  EXPECT_EQ(detector.told_as(kNoon + 1s), FailoverKind::Switchover);
}

TEST(FailoverKinds, AnythingWrongWithItMakesAFailover) {
  for (const Condition c :
       {Condition::LocalFault, Condition::DnsFailed, Condition::Refused, Condition::Unreachable,
        Condition::HalfOpen, Condition::TlsFailed, Condition::NotRedis, Condition::AuthFailed,
        Condition::Stalled, Condition::Loading, Condition::Busy}) {
    Primary detector;
    detector.on_condition(kA, c, kNoon + 500ms);
    EXPECT_EQ(detector.told_as(kNoon + 1s), FailoverKind::Failover) << to_string(c);
  }
}

TEST(FailoverKinds, ItsTroubleIsOverWithItsNextProof) {
  Primary detector;
  detector.on_condition(kA, Condition::HalfOpen, kNoon + 500ms);
  detector.on_primary_proven(kA, {}, kNoon + 700ms);
  EXPECT_EQ(detector.told_as(kNoon + 1s), FailoverKind::Switchover);
}

TEST(FailoverKinds, OthersTroubleIsNotItsOwn) {
  Primary detector;
  detector.on_condition(kB, Condition::Refused, kNoon + 500ms);
  detector.on_condition(kC, Condition::Refused, kNoon + 500ms);
  EXPECT_EQ(detector.told_as(kNoon + 1s), FailoverKind::Switchover);
}

// A planned FAILOVER leaves connections open; the old primary says that it is a replica. What is
// done with it afterwards, such as stopping it, is no loss of a primary.
TEST(FailoverKinds, ADemotedOneWasWellWhateverFollows) {
  for (const Condition demoted : {Condition::ReadOnly, Condition::MasterDown}) {
    Primary detector;
    detector.on_condition(kA, demoted, kNoon + 500ms);
    detector.on_condition(kA, Condition::Refused, kNoon + 900ms);
    EXPECT_EQ(detector.told_as(kNoon + 1s), FailoverKind::Switchover) << to_string(demoted);
  }
}

TEST(FailoverKinds, ADemotionAfterALossIsAFailover) {
  Primary detector;
  detector.on_condition(kA, Condition::Stalled, kNoon + 2s);
  detector.on_condition(kA, Condition::ReadOnly, kNoon + 9s);
  EXPECT_EQ(detector.told_as(kNoon + 10s), FailoverKind::Failover);
}

TEST(FailoverKinds, WhatComesOverTheOldOneAfterAnotherWasNamedIsAnEffect) {
  for (const Condition c : {Condition::PeerClosed, Condition::Reset, Condition::Refused,
                            Condition::Loading, Condition::Unreachable}) {
    Primary detector;
    detector.on_learnt(kB, false, kNoon + 1s);
    detector.on_condition(kA, c, kNoon + 1020ms);
    const auto story = detector.b_proven(kNoon + 1050ms);
    EXPECT_EQ(story.value().kind, FailoverKind::Switchover) << to_string(c);
    EXPECT_FALSE(story->condition);
  }
}

// Sentinel demotes with CLIENT KILL TYPE normal: the old primary's FIN may be seen before the news.
TEST(FailoverKinds, ACloseJustBeforeTheNewsIsTheDemotions) {
  for (const Condition c : {Condition::PeerClosed, Condition::Reset}) {
    Primary detector;
    detector.on_condition(kA, c, kNoon + 100ms);
    EXPECT_EQ(detector.told_as(kNoon + 100ms + FailoverDetector::kClosing),
              FailoverKind::Switchover);
  }
}

TEST(FailoverKinds, ACloseThatNothingFollowedForLongIsALoss) {
  Primary detector;
  detector.on_condition(kA, Condition::PeerClosed, kNoon + 100ms);
  EXPECT_EQ(detector.told_as(kNoon + 101ms + FailoverDetector::kClosing), FailoverKind::Failover);
}

TEST(FailoverKinds, ACloseAndARefusedAttemptAreALoss) {
  Primary detector;
  detector.on_condition(kA, Condition::PeerClosed, kNoon + 100ms);
  detector.on_condition(kA, Condition::Refused, kNoon + 150ms);
  detector.on_condition(kA, Condition::Unreachable, kNoon + 800ms);
  detector.on_learnt(kB, false, kNoon + 1s);
  const auto story = detector.b_proven(kNoon + 1s);
  EXPECT_EQ(story.value().kind, FailoverKind::Failover);
  EXPECT_EQ(story->condition, Condition::Refused) << "the first that decides";
  EXPECT_EQ(story->condition_at, kNoon + 150ms);
}

TEST(FailoverKinds, ACloseAndAnAnswerAsReplicaAreADemotion) {
  Primary detector;
  detector.on_condition(kA, Condition::PeerClosed, kNoon + 100ms);
  detector.on_demoted(kA, kNoon + 200ms);
  EXPECT_EQ(detector.told_as(kNoon + 30s), FailoverKind::Switchover);
}

TEST(FailoverKinds, WhatOthersAgreeOnIsStrongerThanACloseOrAnAnswer) {
  Primary closing;
  closing.on_condition(kA, Condition::PeerClosed, kNoon + 100ms);
  closing.on_agreed_down(kNoon + 1s);
  EXPECT_EQ(closing.told_as(kNoon + 1500ms), FailoverKind::Failover);

  Primary reachable_only_from_here;
  reachable_only_from_here.on_agreed_down(kNoon + 1s);
  reachable_only_from_here.on_primary_proven(kA, {}, kNoon + 1200ms);
  EXPECT_EQ(reachable_only_from_here.told_as(kNoon + 1500ms), FailoverKind::Failover);

  Primary agreed_late;
  agreed_late.on_learnt(kB, false, kNoon + 1s);
  agreed_late.on_agreed_down(kNoon + 1010ms);
  EXPECT_EQ(agreed_late.b_proven(kNoon + 1050ms).value().kind, FailoverKind::Failover);
}

TEST(FailoverKinds, AnAgreementHoldsUntilThePrimaryAnswers) {
  Primary detector;
  detector.on_agreed_down(kNoon + 1s);
  EXPECT_EQ(detector.told_as(kNoon + 3min), FailoverKind::Failover);
}

TEST(FailoverKinds, AnAgreementThatCameToNothingIsForgotten) {
  Primary detector;
  detector.on_agreed_down(kNoon + 1s);
  detector.on_primary_proven(kA, {}, kNoon + 3s);
  EXPECT_EQ(detector.told_as(kNoon + 1s + FailoverDetector::kAgreed + 1ns),
            FailoverKind::Switchover);
}

TEST(FailoverKinds, AnAgreementAboutAnEarlierPrimaryIsNotAboutThisOne) {
  Primary detector;
  detector.on_agreed_down(kNoon + 1s);
  detector.told_as(kNoon + 2s);
  detector.on_learnt(kA, false, kNoon + 3s);
  EXPECT_EQ(detector.on_primary_proven(kA, {}, kNoon + 3s).value().kind, FailoverKind::Switchover);
}

// Frozen, replaced, and awake again just before the new one answers.
TEST(FailoverKinds, AnAnswerAfterAnotherWasNamedDoesNotUndoTheLoss) {
  Primary detector;
  detector.on_condition(kA, Condition::Slow, kNoon + 1s);
  detector.on_condition(kA, Condition::Stalled, kNoon + 2s);
  detector.on_learnt(kB, false, kNoon + 4s);
  detector.on_primary_proven(kA, {}, kNoon + 4010ms);
  const auto story = detector.b_proven(kNoon + 4050ms);
  EXPECT_EQ(story.value().kind, FailoverKind::Failover);
  EXPECT_EQ(story->last_proof, kNoon + 4010ms);
  EXPECT_FALSE(story->condition) << "was before that answer";
  EXPECT_FALSE(story->suspected);
}

TEST(FailoverKinds, TroubleBeforeAnUnprovenNameIsNotBlamedOnALaterChange) {
  Primary detector;
  detector.on_condition(kA, Condition::Stalled, kNoon + 2s);
  detector.on_learnt(kC, false, kNoon + 4s);
  detector.on_primary_proven(kA, {}, kNoon + 5s);
  EXPECT_EQ(detector.told_as(kNoon + 1h), FailoverKind::Switchover);
}

TEST(FailoverKinds, AnnouncedMaintenanceMakesASwitchover) {
  Primary detector;
  detector.on_maintenance(kNoon + 5min);
  detector.on_maintenance(kNoon + 1min);
  detector.on_condition(kA, Condition::Refused, kNoon + 1s);
  detector.on_agreed_down(kNoon + 1s);
  detector.on_learnt(kB, false, kNoon + 2s);
  const auto story = detector.b_proven(kNoon + 3s);
  EXPECT_EQ(story.value().kind, FailoverKind::Switchover);
  EXPECT_TRUE(story->planned);
}

TEST(FailoverKinds, WhatIsLostAfterTheMaintenanceWasNotPlanned) {
  Primary detector;
  detector.on_maintenance(kNoon - 1ns);
  detector.on_condition(kA, Condition::Refused, kNoon + 1s);
  EXPECT_EQ(detector.told_as(kNoon + 2s), FailoverKind::Failover);
}

TEST(FailoverKinds, AMovedNameDuringMaintenanceIsMarked) {
  Primary detector;
  detector.on_maintenance(kNoon + 5min);
  detector.on_learnt(kB, true, kNoon + 2s);
  const auto story = detector.b_proven(kNoon + 3s);
  EXPECT_EQ(story.value().kind, FailoverKind::Dns);
  EXPECT_TRUE(story->planned);
}

// --- proofs that nobody announced -------------------------------------------------------------

TEST(FailoverUnlearnt, APrimaryFoundInPlaceOfADemotedOneIsLearntThen) {
  Primary detector;
  detector.on_condition(kA, Condition::ReadOnly, kNoon + 4s);
  const auto story = detector.b_proven(kNoon + 5s);
  ASSERT_TRUE(story);
  EXPECT_EQ(story->kind, FailoverKind::Switchover);
  EXPECT_EQ(story->learnt, kNoon + 5s);
  EXPECT_EQ(story->condition, Condition::ReadOnly);
}

TEST(FailoverUnlearnt, APrimaryFoundInPlaceOfALostOneIsLearntThen) {
  Primary detector;
  detector.on_condition(kA, Condition::Unreachable, kNoon + 4s);
  EXPECT_EQ(detector.b_proven(kNoon + 5s).value().kind, FailoverKind::Failover);
}

// REPLICAOF NO ONE makes a second primary, not another one.
TEST(FailoverUnlearnt, ASecondPrimaryBesideOneThatIsWellIsNone) {
  Primary detector;
  for (int i = 1; i < 10; ++i) {
    EXPECT_FALSE(detector.b_proven(kNoon + i * Duration(1s)));
    EXPECT_FALSE(detector.on_primary_proven(kA, {}, kNoon + i * Duration(1s) + 1ms));
  }
  EXPECT_EQ(detector.primary(), kA);
  detector.on_condition(kA, Condition::PeerClosed, kNoon + 10s);
  EXPECT_FALSE(detector.b_proven(kNoon + 10100ms)) << "a closed connection is no lost primary";
}

// Its role was asked for seconds ago: until the next ROLE it is taken for what it was.
TEST(FailoverUnlearnt, AnOldPrimaryThatDoesNotKnowYetDoesNotTakeOverAgain) {
  Primary detector;
  detector.told_as(kNoon + 1s);
  EXPECT_FALSE(detector.on_primary_proven(kA, server('a', '1'), kNoon + 2s));
  EXPECT_FALSE(detector.b_proven(kNoon + 2s));
  EXPECT_EQ(detector.primary(), kB);
  EXPECT_EQ(detector.identity().run_id, hex('b'));
}

// --- across a restart of relinkd --------------------------------------------------------------

TEST(FailoverRestored, AnotherPrimaryThanBeforeIsOneStorySinceThen) {
  FailoverDetector detector;
  detector.restore(kA, kNoon - 1h);
  const auto story = detector.on_primary_proven(kB, server('b', '2'), kNoon);
  ASSERT_TRUE(story);
  EXPECT_EQ(story->kind, FailoverKind::Failover) << "not known to have been planned";
  EXPECT_EQ(story->from, kA);
  EXPECT_EQ(story->duration(), Duration(1h));
  EXPECT_EQ(story->same_history, std::nullopt) << "A's was not kept";
  EXPECT_FALSE(detector.on_primary_proven(kB, {}, kNoon + 1s));
}

TEST(FailoverRestored, TheSamePrimaryAsBeforeIsNone) {
  FailoverDetector detector;
  detector.restore(kA, kNoon - 1h);
  detector.on_learnt(kA, false, kNoon);
  EXPECT_FALSE(detector.on_primary_proven(kA, {}, kNoon));
  EXPECT_FALSE(detector.on_primary_proven(kA, {}, kNoon + 1s));
  EXPECT_EQ(detector.last_proof(), kNoon + 1s);
}

TEST(FailoverRestored, AnOldPrimaryFoundAliveAsReplicaWasSwitchedOver) {
  FailoverDetector detector;
  detector.restore(kA, kNoon - 10s);
  detector.on_learnt(kB, false, kNoon);
  detector.on_demoted(kA, kNoon + 5ms);
  EXPECT_EQ(detector.on_primary_proven(kB, {}, kNoon + 10ms).value().kind,
            FailoverKind::Switchover);
}

// --- identities -------------------------------------------------------------------------------

TEST(FailoverIdentity, AnotherProcessAtTheSameNodeIsTakenOverWithoutAStory) {
  Primary detector;
  EXPECT_FALSE(detector.on_primary_proven(kA, {hex('c'), "", "", 1}, kNoon + 2s));
  EXPECT_EQ(detector.identity().run_id, hex('c'));
  EXPECT_EQ(detector.identity().replid, "") << "the old process's";
}

TEST(FailoverIdentity, WhatIsLeftOutStaysAsItWas) {
  Primary detector;
  detector.on_primary_proven(kA, {}, kNoon + 1s);
  detector.on_primary_proven(kA, {hex('a'), "", "", 3601}, kNoon + 2s);
  EXPECT_EQ(detector.identity().replid, hex('1'));
  EXPECT_EQ(detector.identity().uptime_seconds, 3601U);
}

TEST(FailoverIdentity, OfAnotherNodeNothingIsKept) {
  Primary detector;
  detector.on_learnt(kB, false, kNoon + 1s);
  EXPECT_EQ(detector.on_primary_proven(kB, {}, kNoon + 1s).value().same_history, std::nullopt);
  EXPECT_EQ(detector.identity().run_id, "");
}

TEST(FailoverIdentity, APromotedReplicaContinuesTheHistory) {
  const ServerIdentity before = server('a', '1');
  EXPECT_TRUE(server('b', '2', '1').continues(before)) << "promoted";
  EXPECT_TRUE(server('b', '1').continues(before)) << "not promoted yet, or the same data loaded";
  EXPECT_FALSE(server('b', '2').continues(before)) << "another history, without a former one";
  EXPECT_FALSE(server('b', '2', '3').continues(before));
  EXPECT_FALSE(before.continues(server('b', '2', '1'))) << "not the other way round";
}

TEST(FailoverIdentity, NoneIsNotEqualToNone) {
  const ServerIdentity untold{hex('a'), "", "", std::nullopt};
  const ServerIdentity zeros = server('a', '0');
  EXPECT_FALSE(server('b', '2', '0').continues(zeros));
  EXPECT_FALSE(untold.continues(untold));
}

TEST(FailoverIdentity, AShorterUptimeThanTheSilenceIsARestart) {
  const ServerIdentity before = server('a', '1');
  const auto what = [&](std::optional<std::uint64_t> uptime, Duration silence) {
    return compare(before, {hex('b'), hex('2'), hex('0'), uptime}, silence).what;
  };
  using What = Replacement::What;
  EXPECT_EQ(what(0, 300ms), What::Restarted);
  EXPECT_EQ(what(1, 300ms), What::Restarted) << "whole seconds are rounded";
  EXPECT_EQ(what(2, 300ms), What::Restarted);
  EXPECT_EQ(what(3, 300ms), What::OtherServer);
  EXPECT_EQ(what(60, 60s), What::Restarted);
  EXPECT_EQ(what(62, 60s), What::Restarted);
  EXPECT_EQ(what(63, 60s), What::OtherServer);
  EXPECT_EQ(what(std::nullopt, 60s), What::Restarted);
  EXPECT_EQ(what(~0ULL, 60s), What::OtherServer);
}

TEST(FailoverIdentity, AReplacementTellsWhetherTheDataGoOn) {
  const ServerIdentity before = server('a', '1');
  EXPECT_EQ(compare(before, server('b', '2', '1'), 1s).same_history, true);
  EXPECT_EQ(compare(before, server('b', '2'), 1s).same_history, false);
  EXPECT_EQ(compare(before, {hex('b'), "", "", 1}, 1s).same_history, std::nullopt);
  EXPECT_EQ(compare({hex('a'), "", "", 1}, server('b', '2'), 1s).same_history, std::nullopt);
}

// --- the sentence -----------------------------------------------------------------------------

TEST(FailoverSentence, TellsAllFiguresInOrder) {
  Primary detector;
  detector.on_condition(kA, Condition::Slow, kNoon + 930ms);
  detector.on_condition(kA, Condition::HalfOpen, kNoon + 1230ms);
  detector.on_learnt(kB, false, kNoon + 2080ms);
  EXPECT_EQ(detector.b_proven(kNoon + 2130ms).value().to_string(),
            "failover from 198.18.0.2:6379 to 198.18.0.3:6379 took 2.13 s from the old primary's "
            "last answer: suspected after 0.93 s, half-open after 1.23 s, the new primary named "
            "after 2.08 s and proven after 2.13 s; its data continue the old one's");
}

TEST(FailoverSentence, LeavesOutWhatIsNotKnown) {
  FailoverDetector detector;
  detector.restore(kA, kNoon);
  EXPECT_EQ(detector.on_primary_proven(kB, {}, kNoon + 90s).value().to_string(),
            "failover from 198.18.0.2:6379 to 198.18.0.3:6379 took 1 min 30 s from the old "
            "primary's last answer: the new primary proven after 1 min 30 s");
}

TEST(FailoverSentence, SaysWhatKindItWas) {
  FailoverStory story;
  story.from = "a:1";
  story.to = "b:2";
  story.last_proof = kNoon;
  story.learnt = story.proven = kNoon + 4s;
  story.condition = Condition::ReadOnly;
  story.condition_at = kNoon + 2s;
  story.same_history = false;
  story.kind = FailoverKind::Switchover;
  story.planned = true;
  EXPECT_EQ(story.to_string(),
            "announced switchover from a:1 to b:2 took 4.00 s from the old primary's last answer: "
            "demoted after 2.00 s, the new primary proven after 4.00 s; its data do not continue "
            "the old one's");
  story.planned = false;
  story.kind = FailoverKind::Dns;
  story.condition.reset();
  story.learnt = kNoon - 3s;
  EXPECT_EQ(story.to_string(),
            "move of the name from a:1 to b:2 took 4.00 s from the old primary's last answer: the "
            "new primary named 3.00 s before it and proven after 4.00 s; its data do not continue "
            "the old one's");
  story.kind = FailoverKind::Restart;
  story.learnt = story.proven;
  story.condition = Condition::PeerClosed;
  story.same_history.reset();
  EXPECT_EQ(story.to_string(),
            "restart of b:2 took 4.00 s from the old process's last answer: disconnected after "
            "2.00 s, the new process proven after 4.00 s");
}

}  // namespace
}  // namespace relinkd::core
