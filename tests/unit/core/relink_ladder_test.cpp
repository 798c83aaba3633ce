// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relink_scene.hpp"

namespace relinkd::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = RelinkNews::Kind;
using State = AppSocketState;
constexpr auto kDestroy = RelinkVerb::DestroySockets;
constexpr auto kReload = RelinkVerb::Reload;
constexpr auto kSignal = RelinkVerb::Signal;
constexpr auto kRestart = RelinkVerb::Restart;

struct Laddered : RunningRelinkScene {
  explicit Laddered(std::vector<RelinkVerb> ladder) {
    rules().ladder = std::move(ladder);
    configure();
  }
};

// --- verification -----------------------------------------------------------------------------

TEST(RelinkVerify, AnIdlePoolWithNoSocketAfterADestroyIsRecoveredAndTheLadderStops) {
  Laddered s({kDestroy, kReload});
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy));
  EXPECT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_EQ(s.last(Kind::Recovered)->verb, kDestroy);
}

TEST(RelinkVerify, ASocketThatIsStillBadAfterVerifyWithinClimbsTheLadder) {
  Laddered s({kDestroy, kReload, kRestart});
  s.rules().verify_within = 5s;
  s.configure();
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(4s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 0);
  s.pass(5s);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  s.pass(3min);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload, kRestart));
  EXPECT_EQ(s.orders[2].rung, 2U);
  EXPECT_EQ(s.orders[2].incident, s.orders[0].incident);
}

TEST(RelinkVerify, TheFirstActionThatVerifiesIsTheLast) {
  Laddered s({kDestroy, kReload, kRestart});
  s.stubborn = {1};
  s.verbs_help = true;
  s.open(State::BlackHoled);
  s.look();
  s.pass(5min);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  ASSERT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_EQ(s.last(Kind::Recovered)->verb, kReload);
  EXPECT_EQ(s.last(Kind::Ended)->result, RelinkResult::Recovered);
  EXPECT_EQ(s.count(Kind::Ended), 2);
}

TEST(RelinkVerify, AfterTheLastActionItIsGivenUpAndTheseSocketsAreLeftAlone) {
  Laddered s({kDestroy, kReload});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(10min);
  EXPECT_EQ(s.orders.size(), 2U);
  EXPECT_EQ(s.count(Kind::GaveUp), 1);
  EXPECT_EQ(s.last(Kind::GaveUp)->black_holed, 1U);
  EXPECT_EQ(s.planner->incident(kShop), "");
}

TEST(RelinkVerify, ANewDeadSocketBesideGivenUpOnesIsANewRelink) {
  Laddered s({kDestroy});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(2min);
  s.forget();
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.cookies(), ElementsAre(2));
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkVerify, ASocketThatDiesMeanwhileIsDestroyedAndHasItsOwnTime) {
  Laddered s({kDestroy, kReload});
  s.open(State::Ok);
  s.open(State::BlackHoled);
  s.stubborn = {2};
  s.look();
  s.pass(8s);
  s.dies(1);
  s.stubborn = {1, 2};
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
  s.close(2);
  s.pass(5s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 0);
  s.pass(6s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
}

TEST(RelinkVerify, DuringALaterActionTheNewlyDeadStillGoAtOnce) {
  Laddered s({kDestroy, kReload, kRestart});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.open(State::Ok);
  s.look();
  s.pass(15s);
  ASSERT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  s.close(1);
  s.dies(2);
  s.look();
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload, kDestroy));
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
  EXPECT_EQ(s.orders[2].rung, 0U);
  s.pass(1min);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_EQ(s.orders.size(), 3U);
}

TEST(RelinkVerify, ANewlyDeadOneThatWaitsForItsNodeIsNoFailureOfALaterAction) {
  Laddered s({kDestroy, kReload, kRestart});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.open(State::Ok, kFormer);
  s.look();
  s.pass(15s);
  ASSERT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  s.health.healthy_nodes = {kNode};
  s.tell_health();
  s.close(1);
  s.dies(2);
  s.pass(1min);
  EXPECT_EQ(s.orders.size(), 2U);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
  s.well();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
}

TEST(RelinkVerify, WhatIsBeingDestroyedNeedsNoLaterAction) {
  Laddered s({kDestroy, kReload});
  s.rules().spread = 20s;
  s.configure();
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.open(State::Ok);
  s.look();
  s.pass(10s);  // the reload waits its spread
  ASSERT_EQ(s.count(RelinkResult::NotRecovered), 1);
  s.close(1);
  s.dies(2);
  s.answers.reset();
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kDestroy));
}

TEST(RelinkVerify, WhatWasNotOrderedYetIsNoFailure) {
  Laddered s({kDestroy, kReload});
  s.endpoints["sessions"].reconnect_rate = 1;
  s.configure();
  s.open(30, State::BlackHoled);
  s.look();
  s.pass(1min);
  EXPECT_EQ(s.cookies().size(), 30U);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 0);
  EXPECT_EQ(s.count(RelinkResult::Recovered), 1);
}

TEST(RelinkVerify, WhileTheEndpointIsUnwellNothingIsSaidOfTheAction) {
  Laddered s({kDestroy, kReload});
  s.rules().expect_connections = true;
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  s.unwell();
  s.pass(5min);
  EXPECT_EQ(s.count(Kind::Ended), 0);
  s.well();
  s.pass(8s);
  EXPECT_EQ(s.count(Kind::Ended), 0) << "the app has had no time to reconnect to it";
  s.open(State::Ok);
  s.pass(1s);
  EXPECT_EQ(s.count(RelinkResult::Recovered), 1);
}

// --- expect_connections -----------------------------------------------------------------------

TEST(RelinkExpect, AnAppThatDoesNotReconnectClimbsTheLadder) {
  Laddered s({kDestroy, kReload});
  s.rules().expect_connections = true;
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  s.pass(15s);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  s.open(State::Connecting);
  s.pass(1s);
  EXPECT_EQ(s.count(Kind::Recovered), 0);
  s.sockets_of[kShop].back().state = State::Ok;
  s.pass(1s);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkExpect, OneLivingSocketToARightNodeIsEnough) {
  for (const State state : {State::Ok, State::Unproven}) {
    Laddered s({kDestroy, kReload});
    s.rules().expect_connections = true;
    s.configure();
    s.open(State::BlackHoled);
    s.look();
    s.open(state);
    s.pass(1min);
    EXPECT_THAT(s.verbs(), ElementsAre(kDestroy));
    EXPECT_EQ(s.count(Kind::Recovered), 1);
  }
}

TEST(RelinkExpect, WhatWentByItselfBeforeAnythingWasDoneNeedsNoLivingSocket) {
  Laddered s({kDestroy, kReload});
  s.rules().expect_connections = true;
  s.configure();
  s.unwell();
  s.open(State::BlackHoled);
  s.look();
  s.close(1);
  s.look();
  s.well();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkExpect, GivesUpWhereNothingMakesItReconnect) {
  Laddered s({kDestroy, kReload});
  s.rules().expect_connections = true;
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  s.pass(10min);
  EXPECT_EQ(s.orders.size(), 2U);
  EXPECT_EQ(s.count(Kind::GaveUp), 1);
}

// --- actions that do more ---------------------------------------------------------------------

TEST(RelinkLadder, WithoutDestroySocketsItsFirstActionIsForDeadSocketsToo) {
  Laddered s({kSignal, kRestart});
  s.verbs_help = true;
  s.open(2, State::BlackHoled);
  s.look();
  EXPECT_THAT(s.orders, IsEmpty()) << "it disturbs the living, so it waits";
  s.pass(4s);
  EXPECT_THAT(s.verbs(), ElementsAre(kSignal));
  EXPECT_THAT(s.orders[0].cookies, IsEmpty());
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkLadder, RestartHasASpreadOfItsOwn) {
  Laddered s({kRestart});
  s.rules().spread = 0s;
  s.rules().restart_spread = 10min;
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  s.pass(3s);
  EXPECT_THAT(s.orders, IsEmpty());
  s.pass(11min);
  EXPECT_THAT(s.verbs(), ElementsAre(kRestart));
}

TEST(RelinkLadder, OneThatTakesLongIsVerifiedFromItsEnd) {
  Laddered s({kRestart, kReload});
  s.rules().restart_spread = 0s;
  s.configure();
  s.answers.reset();
  s.open(State::BlackHoled);
  s.look();
  ASSERT_EQ(s.orders.size(), 1U);
  s.pass(90s);
  EXPECT_EQ(s.count(Kind::Ended), 0);
  s.answer(s.orders[0], RelinkOutcome::Done);
  s.pass(9s);
  EXPECT_EQ(s.count(Kind::Ended), 0);
  s.pass(2s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
}

TEST(RelinkLadder, ASecondDestroyOfALadderIsPassedOver) {
  Laddered s({kDestroy, kDestroy, kReload});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
}

TEST(RelinkLadder, DestroySocketsMayComeLater) {
  Laddered s({kReload, kDestroy});
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.verbs(), ElementsAre(kReload, kDestroy));
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

// --- failures ---------------------------------------------------------------------------------

TEST(RelinkFailed, ASignalThatNobodyCatchesIsFollowedByTheNextActionAtOnce) {
  Laddered s({kSignal, kReload});
  s.answers = RelinkOutcome::Failed;
  s.open(State::BlackHoled);
  s.look();
  s.pass(4s);
  ASSERT_THAT(s.verbs(), ElementsAre(kSignal, kReload));
  EXPECT_EQ(s.ordered_at[0], s.ordered_at[1]);
  EXPECT_EQ(s.count(RelinkResult::Failed), 2);
  EXPECT_EQ(s.count(Kind::GaveUp), 1);
  EXPECT_EQ(s.last(Kind::Ended)->detail, "so it was told");
}

TEST(RelinkFailed, ButManyHostsDoNotRestartAtTheSameMoment) {
  Laddered s({kSignal, kRestart});
  s.rules().restart_spread = 10min;
  s.configure();
  s.answers = RelinkOutcome::Failed;
  s.open(State::BlackHoled);
  s.look();
  s.pass(4s);
  EXPECT_THAT(s.verbs(), ElementsAre(kSignal));
  s.pass(11min);
  EXPECT_THAT(s.verbs(), ElementsAre(kSignal, kRestart));
}

TEST(RelinkFailed, OneOfTwoOrdersOfAnActionIsNoFailureOfIt) {
  Laddered s({kDestroy, kReload});
  s.endpoints["sessions"].reconnect_rate = 10000;
  s.configure();
  s.answers.reset();
  s.open(300, State::BlackHoled);
  s.look();
  ASSERT_EQ(s.orders.size(), 2U);
  s.answer(s.orders[0], RelinkOutcome::Failed);
  EXPECT_EQ(s.orders.size(), 2U);
  s.answer(s.orders[1], RelinkOutcome::Done);
  s.pass(5s);
  EXPECT_EQ(s.count(Kind::Ended), 0);
  s.answers = RelinkOutcome::Done;
  s.pass(10s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1) << "256 are still there";
}

TEST(RelinkFailed, OneThatFollowsAnOrderThatWasCarriedOutIsNoFailureOfTheAction) {
  Laddered s({kDestroy, kReload});
  s.stubborn = {1};
  s.open(2, State::Ok);
  s.dies(1);
  s.look();
  s.answers = RelinkOutcome::Failed;
  s.dies(2);
  s.look();
  EXPECT_EQ(s.cookies().size(), 2U);
  EXPECT_EQ(s.count(Kind::Ended), 0);
}

TEST(RelinkFailed, WhereSocketsCannotBeDestroyedItIsNotTriedAgain) {
  Laddered s({kDestroy, kReload, kRestart});
  s.answers = RelinkOutcome::Failed;
  s.open(State::BlackHoled);
  s.look();
  s.open(State::BlackHoled);
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

// --- without an actuator ----------------------------------------------------------------------

TEST(RelinkNoActuator, IsToldOnceAndTriedAgainWithBackOff) {
  Laddered s({kDestroy, kReload});
  s.answers = RelinkOutcome::NoActuator;
  s.open(State::BlackHoled);
  s.look();
  s.pass(10min);
  EXPECT_EQ(s.count(RelinkResult::NoActuator), 1);
  EXPECT_EQ(s.count(Kind::Ended), 1);
  ASSERT_GE(s.orders.size(), 14U);
  EXPECT_LE(s.orders.size(), 16U);
  EXPECT_EQ(s.ordered_at[1] - s.ordered_at[0], 1s);
  EXPECT_EQ(s.ordered_at[2] - s.ordered_at[1], 2s);
  EXPECT_EQ(s.ordered_at[3] - s.ordered_at[2], 4s);
  EXPECT_EQ(s.ordered_at[12] - s.ordered_at[11], 60s);
  for (const RelinkOrder& o : s.orders) EXPECT_EQ(o.rung, 0U);
}

TEST(RelinkNoActuator, ItComesBack) {
  Laddered s({kDestroy});
  s.answers = RelinkOutcome::NoActuator;
  s.open(State::BlackHoled);
  s.look();
  s.pass(10s);
  s.answers = RelinkOutcome::Done;
  s.pass(20s);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_EQ(s.planner->memory().breakers.at("shop").relinks.size(), 1U);
}

TEST(RelinkNoActuator, WhatHealsMeanwhileIsNotOrderedAgain) {
  Laddered s({kDestroy});
  s.answers = RelinkOutcome::NoActuator;
  s.open(State::BlackHoled);
  s.look();
  s.close(1);
  s.look();
  s.pass(1min);
  EXPECT_EQ(s.orders.size(), 1U);
  EXPECT_EQ(s.last(Kind::Recovered)->detail, "by itself, before anything was done");
}

TEST(RelinkNoActuator, WhatMayHaveBeenCarriedOutGetsItsTimeToShow) {
  Laddered s({kReload});
  s.answers = RelinkOutcome::NoActuator;
  s.open(State::BlackHoled);
  s.look();
  s.pass(30s);
  ASSERT_GE(s.orders.size(), 2U);
  EXPECT_GE(s.ordered_at[1] - s.ordered_at[0], 10s);
}

TEST(RelinkNoActuator, AnActionIsTriedAgainThoughOrdersBesideItAreUnderWay) {
  Laddered s({kDestroy, kReload});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.open(State::Ok);
  s.look();
  s.pass(9s);
  s.answers.reset();
  s.pass(5s);
  ASSERT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  s.dies(2);
  s.look();
  ASSERT_EQ(s.orders.size(), 3U);
  s.answer(s.orders[1], RelinkOutcome::NoActuator);
  s.answer(s.orders[2], RelinkOutcome::NoActuator);
  s.answers = RelinkOutcome::Done;
  s.pass(15s);
  EXPECT_THAT(s.verbs(), ElementsAre(kDestroy, kReload, kDestroy, kDestroy, kReload));
  EXPECT_EQ(s.count(RelinkResult::NoActuator), 1);
  EXPECT_EQ(s.last(Kind::Ended)->verb, kReload);
}

TEST(RelinkNoActuator, OfASocketThatIsDestroyedBesideALaterActionIsNotToldOfThatAction) {
  Laddered s({kDestroy, kReload});
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.open(State::Ok);
  s.look();
  s.pass(15s);
  ASSERT_THAT(s.verbs(), ElementsAre(kDestroy, kReload));
  s.answers = RelinkOutcome::NoActuator;
  s.dies(2);
  s.look();
  EXPECT_EQ(s.orders.size(), 3U);
  EXPECT_EQ(s.count(RelinkResult::NoActuator), 0);
}

TEST(RelinkNoActuator, WhatFailedBesideItIsNotRecovered) {
  Laddered s({kDestroy, kReload});
  s.endpoints["sessions"].reconnect_rate = 10000;
  s.configure();
  s.answers.reset();
  s.open(300, State::BlackHoled);
  s.look();
  ASSERT_EQ(s.orders.size(), 2U);
  s.answer(s.orders[0], RelinkOutcome::Failed);
  s.answer(s.orders[1], RelinkOutcome::NoActuator);
  s.answers = RelinkOutcome::NoActuator;
  for (std::uint64_t cookie = 257; cookie <= 300; ++cookie) s.close(cookie);
  s.pass(15s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
  EXPECT_EQ(s.verbs().back(), kReload);
}

TEST(RelinkNoActuator, ConditionsAreLookedAtAgainBeforeTheNextAttempt) {
  Laddered s({kDestroy});
  s.answers = RelinkOutcome::NoActuator;
  s.open(State::BlackHoled);
  s.look();
  s.unwell();
  s.pass(10min);
  EXPECT_EQ(s.orders.size(), 1U);
}

}  // namespace
}  // namespace relinkd::core
