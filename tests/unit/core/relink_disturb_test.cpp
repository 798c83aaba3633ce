// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relink_scene.hpp"

namespace relinkd::core {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = RelinkNews::Kind;
using State = AppSocketState;

// --- what may disturb the living --------------------------------------------------------------

/// A failover has left sockets of the app at the former primary.
struct FailedOver : RunningRelinkScene {
  void fail_over(const RelinkTarget& target = kShop, int sockets = 3) {
    open(sockets, State::WrongNode, kFormer, target);
    look();
  }
};

TEST(RelinkDisturbs, SocketsToAFormerPrimaryGoAfterARandomPartOfSpread) {
  FailedOver s;
  s.fail_over();
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.last(Kind::Decided)->wrong_node, 3U);
  EXPECT_EQ(s.last(Kind::Decided)->node, kFormer);
  s.pass(4s);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2, 3));
  EXPECT_EQ(s.orders.size(), 1U) << "one order bears them all";
  EXPECT_EQ(s.last(Kind::Recovered)->wrong_node, 3U);
}

TEST(RelinkDisturbs, SpreadDiffersFromHostToHost) {
  std::set<MonoTime> moments;
  for (std::uint64_t host = 1; host <= 20; ++host) {
    FailedOver s;
    s.planner = std::make_unique<RelinkPlanner>(Entropy(host * 7919), [](auto&) { return "i"; });
    s.rules().spread = 60s;
    s.configure();
    s.tell_health();
    s.fail_over();
    s.pass(70s);
    ASSERT_EQ(s.orders.size(), 1U);
    EXPECT_LE(s.ordered_at[0] - kNoon, 61s);
    moments.insert(s.ordered_at[0]);
  }
  EXPECT_GT(moments.size(), 10U);
  EXPECT_GT(*moments.rbegin() - *moments.begin(), 20s);
}

TEST(RelinkDisturbs, TheEndpointIsLookedAtAgainAfterTheWait) {
  FailedOver s;
  s.rules().spread = 20s;
  s.configure();
  s.fail_over();
  s.unwell();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Unhealthy), 1);
  s.well();
  EXPECT_THAT(s.orders, IsEmpty()) << "all hosts see that at the same moment: spread begins anew";
  s.pass(22s);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2, 3));
}

TEST(RelinkDisturbs, SoAreTheSockets) {
  FailedOver s;
  s.rules().spread = 20s;
  s.configure();
  s.fail_over();
  s.close(2);
  s.find(3).state = State::Ok;  // the node is the primary again
  s.pass(30s);
  EXPECT_THAT(s.cookies(), ElementsAre(1));
}

TEST(RelinkDisturbs, WhatWentByItselfIsLeftAlone) {
  FailedOver s;
  s.fail_over();
  s.sockets_of[kShop].clear();
  s.look();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
  ASSERT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_THAT(s.last(Kind::Recovered)->detail, testing::HasSubstr("by itself"));
  EXPECT_EQ(s.count(Kind::Ended), 0);
}

TEST(RelinkDisturbs, NothingGoesWithoutAMajorityOfTheSentinels) {
  FailedOver s;
  s.health.confirmed = false;
  s.tell_health();
  s.fail_over();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Unconfirmed), 1);
  s.health.confirmed = true;
  s.tell_health();
  s.pass(4s);
  EXPECT_EQ(s.cookies().size(), 3U);
}

TEST(RelinkDisturbs, OfAClusterItIsOnlyReported) {
  FailedOver s;
  s.endpoints["sessions"].wrong_node = false;
  s.configure();
  s.fail_over();
  s.pass(1min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_THAT(s.news, IsEmpty());
}

TEST(RelinkDisturbs, IsBoundByReconnectRateToo) {
  FailedOver s;
  s.endpoints["sessions"].reconnect_rate = 10;
  s.configure();
  s.fail_over(kShop, 40);
  s.pass(2500ms);
  EXPECT_LE(s.cookies().size(), 26U);
  s.pass(6s);
  EXPECT_EQ(s.cookies().size(), 40U);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkDisturbs, WhatIsFoundLaterWaitsItsOwnSpread) {
  FailedOver s;
  s.rules().spread = 0s;
  s.configure();
  s.fail_over();
  EXPECT_EQ(s.orders.size(), 1U);
  s.rules().spread = 1h;
  s.configure();
  s.fail_over();
  s.pass(5s);
  EXPECT_EQ(s.orders.size(), 1U);
}

// --- min_interval -----------------------------------------------------------------------------

TEST(RelinkMinInterval, IsBetweenTwoThatDisturbTheSameTarget) {
  FailedOver s;
  s.fail_over();
  s.pass(4s);
  const MonoTime first = s.ordered_at.at(0);
  s.fail_over();
  s.pass(2min);
  ASSERT_EQ(s.orders.size(), 2U);
  EXPECT_GE(s.ordered_at[1] - first, 60s);
  EXPECT_LE(s.ordered_at[1] - first, 62s);
  EXPECT_EQ(s.count(RelinkHold::MinInterval), 1);
}

TEST(RelinkMinInterval, HoldsTheNextActionOfALadderWhoseFirstDisturbedNobody) {
  RunningRelinkScene s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload};
  s.rules().expect_connections = true;
  s.configure();
  s.open(2, State::WrongNode, kFormer);
  s.look();
  s.pass(3s);  // disturbed
  s.open(State::Ok);
  s.pass(2s);
  ASSERT_EQ(s.count(Kind::Recovered), 1);
  const MonoTime disturbed = s.ordered_at.back();
  s.dies(3);
  s.look();
  s.pass(20s);
  EXPECT_EQ(s.count(RelinkHold::MinInterval), 1);
  EXPECT_THAT(s.verbs(), Each(RelinkVerb::DestroySockets));
  s.pass(1min);
  EXPECT_EQ(s.verbs().back(), RelinkVerb::Reload);
  EXPECT_GE(s.ordered_at.back() - disturbed, 60s);
}

// --- max_parallel -----------------------------------------------------------------------------

TEST(RelinkParallel, AppsWaitTheirTurnUntilVerificationEnds) {
  FailedOver s;
  s.rules(kMail).spread = s.rules().spread = 0s;
  s.endpoints["sessions"].max_parallel = 1;
  s.configure();
  s.stubborn = {1};
  s.open(State::WrongNode, kFormer);
  s.open(State::WrongNode, kFormer, kMail);
  s.look();
  // In the order of names: mail first.
  EXPECT_THAT(s.cookies(), ElementsAre(2));
  EXPECT_EQ(s.count(RelinkHold::MaxParallel), 1);
  s.pass(1s);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2)) << "mail is verified";
  s.forget();
  s.pass(5s);
  s.open(State::WrongNode, kFormer, kMail);
  s.look();
  s.pass(2s);
  EXPECT_THAT(s.orders, IsEmpty()) << "shop is not";
}

TEST(RelinkParallel, AsManyAsConfiguredActAtATime) {
  FailedOver s;
  s.endpoints["sessions"].max_parallel = 3;
  for (int i = 0; i < 10; ++i) {
    const RelinkTarget target{"app-" + std::to_string(i), "sessions"};
    s.rules(target).spread = 0s;
    s.open(State::WrongNode, kFormer, target);
  }
  s.configure();
  s.answers.reset();
  s.look();
  ASSERT_EQ(s.orders.size(), 3U);
  EXPECT_EQ(s.count(RelinkHold::MaxParallel), 7);
  s.pass(10s);
  ASSERT_EQ(s.orders.size(), 3U);
  s.answer(s.orders[0], RelinkOutcome::Done);
  s.look();
  EXPECT_EQ(s.orders.size(), 4U);
}

TEST(RelinkParallel, DeadSocketsNeedNoTurn) {
  FailedOver s;
  s.rules(kMail).spread = s.rules().spread = 0s;
  s.endpoints["sessions"].max_parallel = 1;
  s.configure();
  s.answers.reset();
  s.open(State::WrongNode, kFormer, kMail);
  s.look();
  s.open(State::BlackHoled);
  s.look();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
}

TEST(RelinkParallel, AnAppWithoutAnActuatorKeepsNobodyWaiting) {
  FailedOver s;
  s.rules(kMail).spread = s.rules().spread = 0s;
  s.endpoints["sessions"].max_parallel = 1;
  s.configure();
  s.answers.reset();
  s.open(State::WrongNode, kFormer);
  s.open(State::WrongNode, kFormer, kMail);
  s.look();
  ASSERT_EQ(s.orders.size(), 1U);
  s.answer(s.orders[0], RelinkOutcome::NoActuator);
  EXPECT_EQ(s.orders.size(), 2U);
}

}  // namespace
}  // namespace relinkd::core
