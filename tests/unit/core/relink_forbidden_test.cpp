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

// --- after a start ----------------------------------------------------------------------------

TEST(RelinkStart, NothingIsOrderedBeforeAFullCensus) {
  RelinkScene s;
  s.configure();
  s.tell_health();
  s.open(State::BlackHoled);
  s.take(s.planner->on_census(kShop, s.sockets_of[kShop], false, s.now));
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Starting), 1);
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkStart, NothingIsOrderedBeforeAProofOfTheEndpoint) {
  RelinkScene s;
  s.configure();
  s.health.proven = false;
  s.tell_health();
  s.open(State::BlackHoled);
  s.look();
  s.pass(30s);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Starting), 1);
  s.health.proven = true;
  s.tell_health();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkStart, NothingIsOrderedWhileNothingIsKnownOfTheEndpoint) {
  RelinkScene s;
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  s.pass(30s);
  EXPECT_THAT(s.orders, IsEmpty());
}

// --- pause ------------------------------------------------------------------------------------

TEST(RelinkPause, StopsAllActionsAtOnce) {
  RunningRelinkScene s;
  s.take(s.planner->pause(kNever, s.now));
  EXPECT_TRUE(s.planner->paused(s.now));
  s.open(State::BlackHoled);
  s.open(State::WrongNode, kFormer);
  s.look();
  s.pass(1h);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Paused), 1);
  s.take(s.planner->resume(s.now));
  EXPECT_THAT(s.cookies(), ElementsAre(1));
  s.pass(4s);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
}

TEST(RelinkPause, EndsByItself) {
  RunningRelinkScene s;
  s.take(s.planner->pause(s.now + 10min, s.now));
  s.open(State::BlackHoled);
  s.pass(9min);
  EXPECT_THAT(s.orders, IsEmpty());
  s.pass(61s);
  EXPECT_THAT(s.cookies(), ElementsAre(1));
  EXPECT_FALSE(s.planner->paused_until());
}

TEST(RelinkPause, BetweenTwoActionsOfALadderHoldsTheSecond) {
  RunningRelinkScene s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload};
  s.configure();
  s.open(State::BlackHoled);
  s.stubborn = {1};
  s.look();
  s.take(s.planner->pause(kNever, s.now));
  s.pass(1min);
  EXPECT_EQ(s.orders.size(), 1U);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
  s.take(s.planner->resume(s.now));
  s.pass(4s);
  EXPECT_EQ(s.verbs().back(), RelinkVerb::Reload);
}

TEST(RelinkPause, WhatWasDoneBeforeMayTurnOutToHaveHelped) {
  RunningRelinkScene s;
  s.open(State::BlackHoled);
  s.look();
  s.take(s.planner->pause(kNever, s.now));
  s.pass(2s);
  EXPECT_EQ(s.count(RelinkResult::Recovered), 1);
}

TEST(RelinkPause, OutlivesARestart) {
  RunningRelinkScene s;
  s.take(s.planner->pause(kNever, s.now));
  s.restart();
  EXPECT_TRUE(s.planner->paused(s.now));
  EXPECT_EQ(s.planner->paused_until(), kNever);
}

// --- observe ----------------------------------------------------------------------------------

struct Observed : RunningRelinkScene {
  Observed() {
    rules().observe = true;
    rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Restart};
    configure();
  }
};

TEST(RelinkObserve, DecidesEverythingAndDoesNothing) {
  Observed s;
  s.open(State::BlackHoled);
  s.look();
  s.pass(10min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(Kind::Decided), 1);
  EXPECT_EQ(s.count(RelinkResult::Would), 1) << "once a relink, not once a census";
  EXPECT_EQ(s.count(Kind::Ended), 1);
}

TEST(RelinkObserve, ASecondRelinkWouldBeDoneToo) {
  Observed s;
  for (std::uint64_t cookie = 1; cookie <= 2; ++cookie) {
    s.open(State::BlackHoled);
    s.look();
    s.pass(2min);
    s.close(cookie);
    s.pass(2min);
  }
  EXPECT_EQ(s.count(RelinkResult::Would), 2);
  EXPECT_EQ(s.count(Kind::Recovered), 0) << "nothing was done that could have helped";
}

TEST(RelinkObserve, WhatIsHeldWouldNotBeDone) {
  Observed s;
  s.unwell();
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  EXPECT_EQ(s.count(RelinkResult::Would), 0);
  EXPECT_EQ(s.count(RelinkHold::Unhealthy), 1);
}

TEST(RelinkObserve, TakesNobodysTurn) {
  Observed s;
  s.rules(kMail).spread = s.rules().spread = 0s;
  s.endpoints["sessions"].max_parallel = 1;
  s.configure();
  s.open(State::WrongNode, kFormer);
  s.look();
  s.open(State::WrongNode, kFormer, kMail);
  s.look();
  EXPECT_EQ(s.orders.at(0).target, kMail);
}

TEST(RelinkObserve, UntilTheModeIsActThen) {
  Observed s;
  s.open(State::BlackHoled);
  s.pass(1min);
  s.rules().observe = false;
  s.configure();
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

// --- configuration ----------------------------------------------------------------------------

TEST(RelinkConfigure, WhatIsGoneIsForgottenAndItsAnswersMeanNothing) {
  RunningRelinkScene s;
  s.answers.reset();
  s.open(State::BlackHoled);
  s.look();
  s.planner->configure({}, {});
  EXPECT_EQ(s.planner->incident(kShop), "");
  EXPECT_TRUE(s.planner->memory().open.empty());
  s.forget();
  s.answer(s.orders.empty() ? RelinkOrder{1, kShop, "", 0, {}, {1}} : s.orders[0],
           RelinkOutcome::Failed);
  EXPECT_THAT(s.news, IsEmpty());
  EXPECT_EQ(s.planner->deadline(), kNever);
}

TEST(RelinkConfigure, AReloadKeepsARelinkUnderWay) {
  RunningRelinkScene s;
  s.answers.reset();
  s.open(State::BlackHoled);
  s.look();
  s.rules().verify_within = 20s;
  s.configure();
  s.pass(5s);
  EXPECT_EQ(s.orders.size(), 1U);
  s.answer(s.orders[0], RelinkOutcome::Done);
  s.look();
  EXPECT_EQ(s.last(Kind::Recovered)->incident, s.orders[0].incident);
}

TEST(RelinkConfigure, AnotherLadderIsBegunAnew) {
  RunningRelinkScene s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload, RelinkVerb::Restart};
  s.configure();
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(15s);
  EXPECT_EQ(s.verbs().back(), RelinkVerb::Reload);
  s.rules().ladder = {RelinkVerb::DestroySockets};
  s.configure();
  s.look();
  EXPECT_EQ(s.verbs().back(), RelinkVerb::DestroySockets);
}

}  // namespace
}  // namespace relinkd::core
