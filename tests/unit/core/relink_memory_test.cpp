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

/// The daemon is killed and started again: it knows nothing of sockets and endpoints, but what it
/// remembered of relinks.
struct Restarted : RunningRelinkScene {
  void come_back() {
    forget();
    restart();
    tell_health();
    look();
  }
};

TEST(RelinkMemory, InMidLadderARelinkGoesOnWithItsIncidentAndDoesNotRepeatItsAction) {
  Restarted s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload, RelinkVerb::Restart};
  s.rules().restart_spread = 0s;
  s.configure();
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(15s);
  ASSERT_EQ(s.verbs().back(), RelinkVerb::Reload);
  const std::string incident = s.orders[0].incident;
  s.come_back();
  EXPECT_EQ(s.planner->incident(kShop), incident);
  s.pass(5s);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(Kind::Decided), 0);
  s.pass(10s);
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Restart));
  EXPECT_EQ(s.orders[0].incident, incident);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
}

TEST(RelinkMemory, AnActionWhoseAnswerWasNeverHeardIsNotRepeated) {
  Restarted s;
  s.rules().ladder = {RelinkVerb::Restart};
  s.rules().restart_spread = 0s;
  s.configure();
  s.answers.reset();
  s.open(State::BlackHoled);
  s.look();
  ASSERT_EQ(s.orders.size(), 1U);
  s.come_back();
  s.pass(10min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(Kind::GaveUp), 1);
}

TEST(RelinkMemory, SocketsThatWereOrderedToEndAreNotOrderedAgainAndOthersAre) {
  Restarted s;
  s.endpoints["sessions"].reconnect_rate = 10;
  s.configure();
  s.answers.reset();
  s.open(5, State::BlackHoled);
  s.look();
  ASSERT_EQ(s.cookies().size(), 1U);
  s.answers = RelinkOutcome::Done;
  s.come_back();
  s.pass(2s);
  EXPECT_THAT(s.cookies(), ElementsAre(2, 3, 4, 5));
}

TEST(RelinkMemory, ARelinkWhoseSocketsAreGoneHasRecovered) {
  Restarted s;
  s.open(State::BlackHoled);
  s.look();
  s.pass(500ms);
  s.come_back();
  s.pass(15s);
  EXPECT_EQ(s.count(RelinkResult::Recovered), 1);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_GE(s.last(Kind::Recovered)->lasted, 1s) << "since before the restart";
  EXPECT_THAT(s.orders, IsEmpty());
}

TEST(RelinkMemory, WhatIsNotKnownAgainYetIsNotTakenForRecovered) {
  Restarted s;
  s.rules().spread = 1h;
  s.configure();
  s.open(State::WrongNode, kFormer);
  s.look();
  const std::string incident = s.planner->incident(kShop);
  s.find(1).state = State::Ok;  // who the former primary was is not known at once
  s.come_back();
  s.pass(3s);
  EXPECT_EQ(s.planner->incident(kShop), incident);
  s.find(1).state = State::WrongNode;
  s.rules().spread = 0s;
  s.configure();
  s.pass(1s);
  ASSERT_EQ(s.orders.size(), 1U);
  EXPECT_EQ(s.orders[0].incident, incident);
}

TEST(RelinkMemory, BetweenTwoActionsItIsTheSameRelinkAndWaitsUntilWhatIsBadIsKnownAgain) {
  Restarted s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload};
  s.rules().max_relinks_per_hour = 1;
  s.rules().min_interval = 0s;
  s.rules().spread = 1h;
  s.configure();
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(15s);
  ASSERT_EQ(s.count(RelinkResult::NotRecovered), 1);
  s.rules().spread = 0s;
  s.configure();
  s.find(1).state = State::Unproven;
  s.come_back();
  s.pass(5s);
  EXPECT_THAT(s.orders, IsEmpty());
  s.find(1).state = State::BlackHoled;
  s.pass(15s);
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Reload));
  EXPECT_FALSE(s.planner->breaker_open("shop")) << "it was counted before";
}

TEST(RelinkMemory, WhatWaitsToBeDestroyedByALaterActionIsDestroyed) {
  Restarted s;
  s.rules().ladder = {RelinkVerb::Signal, RelinkVerb::DestroySockets};
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  s.pass(8s);
  s.take(s.planner->pause(kNever, s.now));
  s.pass(10s);
  ASSERT_EQ(s.count(RelinkResult::NotRecovered), 1);
  s.come_back();
  s.pass(5s);
  EXPECT_THAT(s.orders, IsEmpty());
  s.take(s.planner->resume(s.now));
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkMemory, NothingIsSaidBeforeACensusAndAProof) {
  Restarted s;
  s.open(State::BlackHoled);
  s.look();
  s.restart();
  s.forget();
  s.health.proven = false;
  s.tell_health();
  s.look();
  s.pass(2min);
  EXPECT_EQ(s.count(RelinkHold::Starting), 1);
  EXPECT_EQ(s.news.size(), 1U);
  EXPECT_NE(s.planner->incident(kShop), "");
  s.health.proven = true;
  s.tell_health();
  s.pass(15s);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkMemory, IsNotLostByASecondRestart) {
  Restarted s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload};
  s.configure();
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(15s);
  const std::string incident = s.orders[0].incident;
  s.restart();
  s.come_back();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
  ASSERT_EQ(s.count(Kind::GaveUp), 1);
  EXPECT_EQ(s.last(Kind::GaveUp)->incident, incident);
}

TEST(RelinkMemory, WhatWasGivenUpStaysSo) {
  Restarted s;
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  ASSERT_EQ(s.count(Kind::GaveUp), 1);
  s.come_back();
  s.pass(10min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_THAT(s.news, IsEmpty());
  s.come_back();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
}

TEST(RelinkMemory, MinIntervalGoesOn) {
  Restarted s;
  s.open(State::WrongNode, kFormer);
  s.look();
  s.pass(5s);
  const MonoTime first = s.ordered_at.at(0);
  s.come_back();
  s.open(State::WrongNode, kFormer);
  s.pass(2min);
  ASSERT_EQ(s.orders.size(), 1U);
  EXPECT_GE(s.ordered_at[0] - first, 60s);
}

TEST(RelinkMemory, MinIntervalGoesOnForARelinkUnderWayToo) {
  Restarted s;
  s.rules().spread = 0s;
  s.configure();
  s.open(State::WrongNode, kFormer);
  s.find(1).since -= 10s;
  s.look();
  const MonoTime first = s.ordered_at.at(0);
  s.look();
  s.pass(5s);
  s.open(State::BlackHoled);
  s.open(State::WrongNode, kFormer);
  s.find(2).since = s.find(3).since = kNoon - 1min;  // found late
  s.look();
  ASSERT_THAT(s.cookies(), ElementsAre(1, 2));
  s.come_back();
  s.pass(2min);
  ASSERT_THAT(s.cookies(), ElementsAre(3));
  EXPECT_GE(s.ordered_at[0] - first, 60s);
}

TEST(RelinkMemory, TheBreakersCountGoesOn) {
  Restarted s;
  s.rules().max_relinks_per_hour = 2;
  s.rules().min_interval = 0s;
  s.configure();
  for (int i = 0; i < 2; ++i) {
    s.open(State::BlackHoled).first_seen -= 1h;
    s.look();
    s.pass(1s);
  }
  s.come_back();
  s.open(State::BlackHoled).first_seen -= 1h;
  s.look();
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_TRUE(s.planner->breaker_open("shop"));
}

TEST(RelinkMemory, AnOpenBreakerStaysOpenForTheRestOfItsHour) {
  Restarted s;
  s.rules().max_relinks_per_hour = 1;
  s.rules().min_interval = 0s;
  s.configure();
  for (int i = 0; i < 2; ++i) {
    s.open(State::BlackHoled).first_seen -= 1h;
    s.look();
    s.pass(1s);
  }
  ASSERT_TRUE(s.planner->breaker_open("shop"));
  s.pass(30min);
  s.come_back();
  EXPECT_TRUE(s.planner->breaker_open("shop"));
  EXPECT_EQ(s.planner->memory().breakers.at("shop").why, "more than 1 relinks within an hour");
  s.pass(29min);
  EXPECT_THAT(s.orders, IsEmpty());
  s.pass(1min);
  EXPECT_EQ(s.count(Kind::BreakerClosed), 1);
  EXPECT_EQ(s.orders.size(), 1U);
}

TEST(RelinkMemory, WithoutItARelinkBeginsAnew) {
  RunningRelinkScene s;
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.restart(false);
  s.tell_health();
  s.look();
  EXPECT_EQ(s.orders.size(), 2U) << "to destroy a socket twice is to destroy it once";
}

TEST(RelinkMemory, NothingIsRememberedOfAQuietDay) {
  RunningRelinkScene s;
  s.open(5, State::Ok);
  s.pass(1h);
  const RelinkMemory memory = s.planner->memory();
  EXPECT_TRUE(memory.breakers.empty());
  EXPECT_TRUE(memory.last_disturbed.empty());
  EXPECT_TRUE(memory.open.empty());
  EXPECT_FALSE(memory.paused_until);
}

}  // namespace
}  // namespace relinkd::core
