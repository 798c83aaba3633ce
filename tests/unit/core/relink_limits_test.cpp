// SPDX-License-Identifier: Apache-2.0
#include "core/relink_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relink_scene.hpp"

namespace relinkd::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = RelinkNews::Kind;
using State = AppSocketState;

// --- the parts --------------------------------------------------------------------------------

TEST(RelinkTokens, FillEvenlyAndSaveUpATenthOfASecond) {
  TokenBucket bucket;
  bucket.set_rate(100);
  EXPECT_EQ(bucket.take(50, kNoon), 10U);
  EXPECT_EQ(bucket.take(50, kNoon), 0U);
  EXPECT_EQ(bucket.take(50, kNoon + 30ms), 3U);
  EXPECT_EQ(bucket.take(50, kNoon + 1h), 10U);
}

TEST(RelinkTokens, AreThereWhenTheySay) {
  TokenBucket bucket;
  bucket.set_rate(7);
  EXPECT_EQ(bucket.take(5, kNoon), 1U);
  const MonoTime next = bucket.next(4, kNoon);
  EXPECT_EQ(bucket.take(4, next - 1ms), 0U);
  EXPECT_EQ(bucket.take(4, next), 1U);
}

TEST(RelinkTurns, ComeInTheOrderInWhichTheyWereAskedFor) {
  RelinkSlots slots;
  EXPECT_TRUE(slots.take("a", 1));
  EXPECT_TRUE(slots.take("a", 1)) << "one has it until it is given back";
  EXPECT_FALSE(slots.take("c", 1));
  EXPECT_FALSE(slots.take("b", 1));
  slots.leave("a");
  EXPECT_TRUE(slots.freed());
  EXPECT_FALSE(slots.take("b", 1));
  EXPECT_TRUE(slots.take("c", 1));
  slots.leave("c");
  EXPECT_TRUE(slots.take("b", 1));
}

// --- the breaker ------------------------------------------------------------------------------

struct Breaking : RunningRelinkScene {
  Breaking() {
    rules().max_relinks_per_hour = 3;
    rules().min_interval = 10s;
    configure();
  }
  void relink() {
    open(State::BlackHoled).first_seen -= 1h;
    look();
    pass(20s);
  }
};

TEST(RelinkBreaker, OpensAtTheRelinkThatExceedsTheLimit) {
  Breaking s;
  for (int i = 0; i < 3; ++i) s.relink();
  EXPECT_EQ(s.orders.size(), 3U);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
  s.relink();
  EXPECT_TRUE(s.planner->breaker_open("shop"));
  EXPECT_EQ(s.orders.size(), 3U);
  ASSERT_EQ(s.count(Kind::BreakerOpened), 1);
  EXPECT_THAT(s.last(Kind::BreakerOpened)->detail, HasSubstr("more than 3 relinks"));
  EXPECT_EQ(s.last(Kind::BreakerOpened)->target, (RelinkTarget{"shop", ""}));
  EXPECT_EQ(s.count(RelinkHold::Breaker), 1);
  s.pass(50min);
  EXPECT_EQ(s.orders.size(), 3U);
}

TEST(RelinkBreaker, OpensOnceWhateverElseIsDue) {
  Breaking s;
  s.rules().max_relinks_per_hour = 0;
  s.rules().spread = 0s;
  s.configure();
  s.open(State::BlackHoled);
  s.open(State::WrongNode, kFormer);
  s.look();
  s.pass(10s);
  EXPECT_EQ(s.count(Kind::BreakerOpened), 1);
  EXPECT_EQ(s.count(RelinkHold::Breaker), 1);
}

TEST(RelinkBreaker, IsTheAppsForAllItsEndpointsAndNoOthers) {
  Breaking s;
  const RelinkTarget orders{"shop", "orders"};
  s.rules(orders);
  s.rules(kMail);
  s.endpoints["orders"] = {};
  s.configure();
  s.take(s.planner->on_health("orders", s.health, s.now));
  for (int i = 0; i < 4; ++i) s.relink();
  s.forget();
  s.open(State::BlackHoled, kNode, orders);
  s.open(State::BlackHoled, kNode, kMail);
  s.look();
  ASSERT_EQ(s.orders.size(), 1U);
  EXPECT_EQ(s.orders[0].target, kMail);
}

TEST(RelinkBreaker, ClosesWhenAnHourHasPassed) {
  Breaking s;
  for (int i = 0; i < 4; ++i) s.relink();
  s.pass(59min);
  EXPECT_EQ(s.count(Kind::BreakerClosed), 0);
  s.pass(1min);
  EXPECT_EQ(s.count(Kind::BreakerClosed), 1);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
  EXPECT_EQ(s.orders.size(), 4U) << "what is still bad goes then";
}

TEST(RelinkBreaker, AResetClosesItAndTheCountBeginsAnew) {
  Breaking s;
  for (int i = 0; i < 4; ++i) s.relink();
  s.take(s.planner->reset("shop", s.now));
  EXPECT_FALSE(s.planner->breaker_open("shop"));
  EXPECT_EQ(s.count(Kind::BreakerClosed), 1);
  EXPECT_EQ(s.orders.size(), 4U);
  EXPECT_THAT(s.planner->memory().breakers.at("shop").relinks, SizeIs(1));
}

TEST(RelinkBreaker, RelinksOfMoreThanAnHourAgoDoNotCount) {
  Breaking s;
  for (int i = 0; i < 12; ++i) {
    s.relink();
    s.pass(25min);
  }
  EXPECT_EQ(s.orders.size(), 12U);
}

TEST(RelinkBreaker, WithinMinIntervalOfItsBeginningItIsTheSameRelink) {
  Breaking s;
  for (int i = 0; i < 9; ++i) {
    s.open(State::BlackHoled).first_seen -= 1h;
    s.look();
    s.pass(1s);
  }
  EXPECT_EQ(s.orders.size(), 9U);
  EXPECT_THAT(s.planner->memory().breakers.at("shop").relinks, SizeIs(1));
}

TEST(RelinkBreaker, WhatIsHeldDoesNotCount) {
  Breaking s;
  s.unwell();
  for (int i = 0; i < 10; ++i) {
    s.relink();
    s.sockets_of[kShop].clear();
    s.pass(20s);
  }
  EXPECT_FALSE(s.planner->breaker_open("shop"));
  EXPECT_TRUE(s.planner->memory().breakers.empty());
}

// --- replacements that die --------------------------------------------------------------------

/// Each socket that is destroyed is replaced, and the replacement dies after its first large use.
struct MtuBlackHole : RunningRelinkScene {
  void replace(Duration lives) {
    open(State::Ok);
    const std::uint64_t cookie = sockets_of[kShop].back().cookie;
    pass(lives);
    dies(cookie);
    look();
    pass(1s);
  }
};

TEST(RelinkReplacement, AtTheThirdThatDiesItStopsAndSaysSo) {
  MtuBlackHole s;
  s.open(State::BlackHoled);
  s.look();
  s.pass(1s);
  s.replace(3s);
  s.replace(3s);
  EXPECT_EQ(s.orders.size(), 3U);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
  s.replace(3s);
  EXPECT_EQ(s.orders.size(), 3U) << "the third is left as it is";
  EXPECT_TRUE(s.planner->breaker_open("shop"));
  EXPECT_THAT(s.last(Kind::BreakerOpened)->detail, HasSubstr("3 replacements to " + kNode));
  s.replace(3s);
  s.pass(30min);
  EXPECT_EQ(s.orders.size(), 3U);
  EXPECT_EQ(s.count(Kind::BreakerOpened), 1);
  s.take(s.planner->reset("shop", s.now));
  EXPECT_EQ(s.cookies().size(), 5U) << "both that are dead by now";
}

TEST(RelinkReplacement, AResetBeginsTheirCountAnew) {
  MtuBlackHole s;
  s.open(State::BlackHoled);
  s.look();
  s.pass(1s);
  s.replace(3s);
  s.replace(3s);
  s.take(s.planner->reset("shop", s.now));
  s.replace(3s);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
  EXPECT_EQ(s.orders.size(), 4U);
}

TEST(RelinkReplacement, SeveralInOneLookAreSeveral) {
  RunningRelinkScene s;
  s.open(5, State::BlackHoled);
  s.look();
  s.pass(1s);
  s.open(5, State::Ok);
  s.pass(1s);
  for (std::uint64_t c = 6; c <= 10; ++c) s.dies(c);
  s.look();
  EXPECT_TRUE(s.planner->breaker_open("shop"));
  EXPECT_EQ(s.cookies().size(), 5U);
}

TEST(RelinkReplacement, ThatLivedForAMinuteIsNone) {
  MtuBlackHole s;
  s.open(State::BlackHoled);
  s.look();
  s.pass(1s);
  for (int i = 0; i < 6; ++i) s.replace(61s);
  EXPECT_EQ(s.orders.size(), 7U);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
}

TEST(RelinkReplacement, OldSocketsOfAPoolAreNone) {
  RunningRelinkScene s;
  s.rules().idle_siblings = false;
  s.configure();
  s.open(20, State::Unproven);
  s.pass(5s);
  for (std::uint64_t c = 1; c <= 20; ++c) {
    s.dies(c);
    s.look();
    s.pass(1s);
  }
  EXPECT_EQ(s.orders.size(), 20U);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
}

TEST(RelinkReplacement, ToAnotherNodeIsNone) {
  RunningRelinkScene s;
  s.open(State::BlackHoled, kFormer);
  s.look();
  s.pass(1s);
  for (int i = 0; i < 3; ++i) {
    s.open(State::BlackHoled, kNode);
    s.sockets_of[kShop].back().first_seen = s.now;
    s.look();
    s.pass(1s);
  }
  EXPECT_EQ(s.orders.size(), 4U) << "the first to that node was none, the next two are";
  EXPECT_FALSE(s.planner->breaker_open("shop"));
}

TEST(RelinkReplacement, OfLongAgoAreForgotten) {
  MtuBlackHole s;
  s.open(State::BlackHoled);
  s.look();
  s.pass(1s);
  for (int i = 0; i < 6; ++i) {
    s.pass(5min);
    s.replace(3s);
  }
  EXPECT_EQ(s.orders.size(), 7U);
  EXPECT_FALSE(s.planner->breaker_open("shop"));
}

// --- bounds -----------------------------------------------------------------------------------

TEST(RelinkBounds, WhatIsRememberedOfARelinkHasALimit) {
  RunningRelinkScene s;
  s.endpoints["sessions"].reconnect_rate = 10000;
  s.configure();
  s.answers.reset();
  for (int i = 0; i < 5; ++i) {
    s.open(1000, State::BlackHoled);
    s.look();
  }
  EXPECT_LE(s.planner->memory().open.at(kShop).cookies.size(), 1000U);
}

}  // namespace
}  // namespace relinkd::core
