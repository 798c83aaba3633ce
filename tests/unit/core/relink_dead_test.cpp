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

// --- dead sockets -----------------------------------------------------------------------------

TEST(RelinkDead, IsDestroyedInTheVeryLookThatFindsIt) {
  RunningRelinkScene s;
  s.open(2, State::Ok);
  s.look();
  EXPECT_THAT(s.orders, IsEmpty());
  s.dies(1);
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
  EXPECT_EQ(s.orders.at(0).verb, RelinkVerb::DestroySockets);
  EXPECT_EQ(s.orders.at(0).target, kShop);
  EXPECT_EQ(s.orders.at(0).incident, "shop-1");
}

TEST(RelinkDead, IsToldFromTheDecisionToTheVerifiedOutcomeUnderOneIncident) {
  RunningRelinkScene s;
  s.open(State::Ok);
  s.dies(1);
  s.find(1).since -= 400ms;
  s.look();
  EXPECT_EQ(s.planner->incident(kShop), "shop-1");
  EXPECT_EQ(s.count(Kind::Recovered), 0) << "not before a look has shown it";
  s.pass(1s);
  ASSERT_EQ(s.news.size(), 3U);
  EXPECT_EQ(s.news[0].kind, Kind::Decided);
  EXPECT_EQ(s.news[0].black_holed, 1U);
  EXPECT_EQ(s.news[0].node, kNode);
  EXPECT_EQ(s.news[1].kind, Kind::Ended);
  EXPECT_EQ(s.news[1].result, RelinkResult::Recovered);
  EXPECT_EQ(s.news[1].black_holed, 1U);
  EXPECT_EQ(s.news[2].kind, Kind::Recovered);
  EXPECT_EQ(s.news[2].lasted, 1400ms);
  for (const RelinkNews& n : s.news) EXPECT_EQ(n.incident, "shop-1");
  EXPECT_EQ(s.planner->incident(kShop), "");
}

TEST(RelinkDead, GoesUnderTheEndpointsIncidentWhereItHasOne) {
  RunningRelinkScene s;
  s.health.incident = "sessions-7";
  s.tell_health();
  s.open(State::BlackHoled);
  s.look();
  EXPECT_EQ(s.orders.at(0).incident, "sessions-7");
}

TEST(RelinkDead, NoOtherStateIsActedOn) {
  RunningRelinkScene s;
  for (const State state : {State::Ok, State::Unproven, State::PeerClosed, State::Stalled,
                            State::Replica, State::Connecting}) {
    s.open(state).last_ack -= 10min;
  }
  s.pass(5min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_THAT(s.news, IsEmpty());
}

TEST(RelinkDead, WaitsWhileItsNodeIsNotWellAndGoesWhenItIs) {
  RunningRelinkScene s;
  s.open(State::BlackHoled);
  s.unwell();
  s.look();
  s.pass(30s);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Unhealthy), 1) << "once a relink, not once a look";
  s.well();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkDead, ToAHealthyShardGoesThoughAnotherShardIsDown) {
  RunningRelinkScene s;
  s.health.healthy = false;
  s.tell_health();
  s.open(State::BlackHoled);
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkDead, NeedsNoMajorityOfTheSentinels) {
  RunningRelinkScene s;
  s.health.confirmed = false;
  s.tell_health();
  s.open(State::BlackHoled);
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkDead, AnAppThatIsNotConfiguredIsNobodys) {
  RunningRelinkScene s;
  s.take(s.planner->on_census({"stranger", "sessions"},
                              {{99, kNode, State::BlackHoled, kNoon, kNoon, kNoon}}, true, s.now));
  EXPECT_THAT(s.orders, IsEmpty());
}

// --- reconnect_rate ---------------------------------------------------------------------------

TEST(RelinkRate, TwoHundredDeadSocketsGoAtReconnectRate) {
  RunningRelinkScene s;
  s.open(200, State::BlackHoled);
  s.look();
  s.pass(5s);
  EXPECT_EQ(s.cookies().size(), 200U);
  for (std::size_t i = 0; i < s.orders.size(); ++i) {
    std::size_t within = 0;
    for (std::size_t k = i; k < s.orders.size() && s.ordered_at[k] - s.ordered_at[i] < 1s; ++k) {
      within += s.orders[k].cookies.size();
    }
    EXPECT_LE(within, 110U);
  }
  EXPECT_GT(s.ordered_at.back() - s.ordered_at.front(), 1700ms);
  EXPECT_LT(s.ordered_at.back() - s.ordered_at.front(), 2500ms);
  EXPECT_EQ(s.count(RelinkHold::Rate), 1);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_EQ(s.last(Kind::Recovered)->black_holed, 200U);
}

TEST(RelinkRate, IsSharedByAllAppsOfAnEndpoint) {
  RunningRelinkScene s;
  s.rules(kMail);
  s.endpoints["sessions"].reconnect_rate = 10;
  s.configure();
  s.open(20, State::BlackHoled);
  s.open(20, State::BlackHoled, kNode, kMail);
  s.look();
  s.pass(2s);
  EXPECT_LE(s.cookies().size(), 21U);
  s.pass(3s);
  EXPECT_EQ(s.cookies().size(), 40U);
}

TEST(RelinkRate, AnOrderBearsAtMost256Sockets) {
  RunningRelinkScene s;
  s.endpoints["sessions"].reconnect_rate = 10000;
  s.configure();
  s.open(600, State::BlackHoled);
  s.look();
  ASSERT_EQ(s.orders.size(), 3U);
  EXPECT_EQ(s.orders[0].cookies.size(), 256U);
  EXPECT_EQ(s.orders[2].cookies.size(), 88U);
}

// --- a pool forgotten by a NAT ----------------------------------------------------------------

/// 20 idle sockets without keepalive, whose flow was cut while nothing was sent.
struct ForgottenPool : RunningRelinkScene {
  explicit ForgottenPool(bool idle_siblings) {
    rules().idle_siblings = idle_siblings;
    configure();
    open(20, State::Unproven);
    for (RelinkSocket& socket : sockets_of[kShop]) {
      // Used in the order of their cookies, last.
      socket.last_ack = kNoon - 10min + socket.cookie * 1ms;
    }
    pass(30s);
  }
};

TEST(RelinkSiblings, GoWithTheFirstThatIsFoundDead) {
  ForgottenPool s(true);
  s.dies(20);  // a pool hands out what was used last
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(20)) << "the dead one at once, the others after spread";
  EXPECT_EQ(s.last(Kind::Decided)->siblings, 19U);
  s.pass(3s);
  EXPECT_EQ(s.cookies().size(), 20U);
  EXPECT_LE(s.ordered_at.back() - s.ordered_at.front(), 2s);
  EXPECT_EQ(s.planner->memory().breakers.at("shop").relinks.size(), 1U);
}

TEST(RelinkSiblings, DoNotDelayTheVerdictOnTheDeadOne) {
  ForgottenPool s(true);
  s.rules().spread = 30s;
  s.configure();
  s.dies(20);
  s.look();
  s.pass(1s);
  ASSERT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_EQ(s.last(Kind::Recovered)->lasted, 1s);
  s.pass(30s);
  EXPECT_EQ(s.cookies().size(), 20U);
}

TEST(RelinkSiblings, WithoutThemEachSocketIsHealedAsItIsUsedAndNoneWaits) {
  ForgottenPool s(false);
  for (std::uint64_t used = 1; used <= 20; ++used) {
    s.dies(21 - used);
    s.look();
    EXPECT_EQ(s.cookies().size(), used);
    s.pass(1s);
    s.open(State::Ok);
  }
  EXPECT_EQ(s.planner->memory().breakers.at("shop").relinks.size(), 1U) << "one relink";
  EXPECT_EQ(s.count(RelinkHold::MinInterval), 0);
  EXPECT_EQ(s.count(Kind::Recovered), 20);
}

TEST(RelinkSiblings, AreOnlyThoseThatWereSilentForLongerThanTheDeadOne) {
  ForgottenPool s(true);
  s.dies(7);
  s.look();
  s.pass(3s);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST(RelinkSiblings, AreMeasuredByTheLastOfTheDeadThatWasAcknowledged) {
  ForgottenPool s(true);
  s.dies(3);
  s.dies(7);
  s.look();
  s.pass(3s);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST(RelinkSiblings, ThatAreBeingDestroyedAreNotOrderedOnceMoreWhenAnotherDies) {
  ForgottenPool s(true);
  s.rules().min_interval = 0s;
  s.configure();
  s.dies(20);
  s.look();
  s.answers.reset();
  s.pass(4s);
  ASSERT_EQ(s.cookies().size(), 20U);
  s.open(State::Ok);
  s.dies(21);
  s.look();
  s.pass(4s);
  EXPECT_EQ(s.cookies().size(), 21U);
}

TEST(RelinkSiblings, OneThatIsAcknowledgedMeanwhileStays) {
  ForgottenPool s(true);
  s.dies(20);
  s.look();
  s.find(3).last_ack = s.now;
  s.find(3).state = State::Ok;
  s.pass(3s);
  EXPECT_EQ(s.cookies().size(), 19U);
  EXPECT_THAT(s.cookies(), testing::Not(testing::Contains(3)));
}

TEST(RelinkSiblings, AQuietSubscriberWhoseKeepaliveIsAnsweredStays) {
  ForgottenPool s(true);
  s.open(State::Ok).looked_after = true;
  s.sockets_of[kShop].back().last_ack = kNoon - 12min;
  s.dies(20);
  s.look();
  s.pass(5s);
  EXPECT_EQ(s.cookies().size(), 20U);
  EXPECT_EQ(s.sockets_of[kShop].size(), 1U);
}

TEST(RelinkSiblings, ToAnotherNodeStay) {
  ForgottenPool s(true);
  s.open(State::Unproven, kFormer).last_ack = kNoon - 12min;
  s.dies(20);
  s.look();
  s.pass(5s);
  EXPECT_EQ(s.cookies().size(), 20U);
}

TEST(RelinkSiblings, WaitForMinIntervalWhileTheDeadDoNot) {
  ForgottenPool s(true);
  s.dies(20);
  s.look();
  s.pass(3s);
  const MonoTime swept = s.ordered_at.back();
  s.forget();
  s.open(5, State::Unproven);
  s.pass(10s);
  s.dies(25);
  s.find(25).last_ack = s.now;
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(25));
  s.pass(1min);
  EXPECT_THAT(s.cookies(), ElementsAre(21, 22, 23, 24, 25));
  EXPECT_GE(s.ordered_at.back(), swept + 1min);
  EXPECT_LE(s.ordered_at.back(), swept + 1min + 1s) << "at the next look";
  EXPECT_EQ(s.count(RelinkHold::MinInterval), 1);
}

TEST(RelinkSiblings, StayWhileTheEndpointIsNotConfirmed) {
  ForgottenPool s(true);
  s.health.confirmed = false;
  s.tell_health();
  s.dies(20);
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.cookies(), ElementsAre(20));
  EXPECT_EQ(s.count(RelinkHold::Unconfirmed), 1);
}

}  // namespace
}  // namespace relinkd::core
