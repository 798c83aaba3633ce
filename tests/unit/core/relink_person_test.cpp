// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relink_scene.hpp"

namespace relinkd::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = RelinkNews::Kind;
using State = AppSocketState;

struct Ordered : RunningRelinkScene {
  void order(bool dry_run = false) { take(planner->order("shop", dry_run, now)); }
};

TEST(RelinkByHand, EndsAllSocketsOfTheAppAtOnceAndNobodyElses) {
  Ordered s;
  s.rules().spread = 1h;
  s.rules(kMail);
  s.configure();
  s.open(3, State::Ok);
  s.open(State::Replica, kFormer);
  s.open(State::Ok, kNode, kMail);
  s.look();
  s.order();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(s.last(Kind::Decided)->detail, HasSubstr("all of its 4 connections"));
  s.pass(1s);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkByHand, GoesThroughTheWholeLadder) {
  Ordered s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload};
  s.configure();
  s.stubborn = {1};
  s.open(State::Ok);
  s.look();
  s.order();
  s.pass(12s);
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::DestroySockets, RelinkVerb::Reload));
}

TEST(RelinkByHand, SocketsThatAreOpenedAfterItAreNotMeant) {
  Ordered s;
  s.open(2, State::Ok);
  s.look();
  s.order();
  s.open(2, State::Ok);
  s.pass(1min);
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkByHand, SaidTwiceItEndsEachSocketOnce) {
  for (const bool answered : {false, true}) {
    Ordered s;
    if (!answered) s.answers.reset();
    s.open(2, State::Ok);
    s.look();
    s.order();
    s.order();
    EXPECT_THAT(s.cookies(), ElementsAre(1, 2)) << answered;
    EXPECT_EQ(s.count(Kind::Decided), 1);
  }
}

TEST(RelinkByHand, SaidAgainItEndsWhatIsStillThere) {
  Ordered s;
  s.stubborn = {1};
  s.open(2, State::Ok);
  s.look();
  s.order();
  s.open(State::Ok);
  s.pass(1s);
  s.order();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 1, 2, 3));
}

TEST(RelinkByHand, IsBoundByReconnectRate) {
  Ordered s;
  s.endpoints["sessions"].reconnect_rate = 10;
  s.configure();
  s.open(30, State::Ok);
  s.look();
  s.order();
  s.pass(1s);
  EXPECT_LE(s.cookies().size(), 11U);
  s.pass(3s);
  EXPECT_EQ(s.cookies().size(), 30U);
}

TEST(RelinkByHand, NeitherMinIntervalNorABreakerHoldsIt) {
  Ordered s;
  s.rules().max_relinks_per_hour = 0;
  s.configure();
  s.open(State::BlackHoled);
  s.look();
  ASSERT_TRUE(s.planner->breaker_open("shop"));
  s.order();
  EXPECT_THAT(s.cookies(), ElementsAre(1));
  s.pass(1s);
  s.open(State::Ok);
  s.look();
  s.order();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2));
  EXPECT_TRUE(s.planner->breaker_open("shop")) << "the app stays under it";
}

TEST(RelinkByHand, OnlyTowardHealth) {
  const std::vector<std::pair<RelinkHold, std::function<void(Ordered&)>>> cases = {
      {RelinkHold::Unhealthy, [](Ordered& s) { s.unwell(); }},
      {RelinkHold::Unconfirmed,
       [](Ordered& s) {
         s.health.confirmed = false;
         s.tell_health();
       }},
      {RelinkHold::Starting,
       [](Ordered& s) {
         s.health.proven = false;
         s.tell_health();
       }},
      {RelinkHold::Paused, [](Ordered& s) { s.take(s.planner->pause(kNever, s.now)); }},
  };
  for (const auto& [why, forbid] : cases) {
    for (const bool dry_run : {false, true}) {
      Ordered s;
      s.open(State::Ok);
      s.look();
      forbid(s);
      s.order(dry_run);
      ASSERT_EQ(s.count(Kind::Held), 1) << kRelinkHoldNames[why];
      EXPECT_EQ(s.last(Kind::Held)->hold, why);
      s.well();
      s.pass(5min);
      EXPECT_THAT(s.orders, IsEmpty()) << "it was refused, and does not come later";
    }
  }
}

TEST(RelinkByHand, ADryRunOnlySays) {
  Ordered s;
  s.open(2, State::Ok);
  s.open(State::BlackHoled);
  s.unwell();
  s.look();
  s.health.healthy = true;
  s.tell_health();
  s.forget();
  const RelinkMemory before = s.planner->memory();
  s.order(true);
  EXPECT_THAT(s.orders, IsEmpty());
  ASSERT_EQ(s.news.size(), 1U);
  EXPECT_EQ(s.news[0].kind, Kind::Decided);
  EXPECT_EQ(s.news[0].black_holed, 1U);
  EXPECT_EQ(s.planner->memory().open.at(kShop).incident, before.open.at(kShop).incident);
}

TEST(RelinkByHand, AnAppWithoutSocketsHasNothingToReconnect) {
  Ordered s;
  s.order();
  EXPECT_THAT(s.news, IsEmpty());
}

TEST(RelinkByHand, InObserveModeItOnlyWould) {
  Ordered s;
  s.rules().observe = true;
  s.configure();
  s.open(State::Ok);
  s.look();
  s.order();
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkResult::Would), 1);
}

TEST(RelinkByHand, ReplacementsThatDieStopItToo) {
  Ordered s;
  s.rules().max_relinks_per_hour = 0;
  s.rules().verify_within = 1h;
  s.configure();
  s.stubborn = {1};  // so that the relink goes on
  s.open(State::BlackHoled);
  s.look();
  s.order();
  for (std::uint64_t replacement = 2; replacement <= 6; ++replacement) {
    s.open(State::Ok).first_seen += 1ms;
    s.pass(1s);
    s.dies(replacement);
    s.look();
  }
  EXPECT_THAT(s.cookies(), ElementsAre(1, 2, 3));
}

TEST(RelinkByHand, TriesAgainWhatWasGivenUp) {
  Ordered s;
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  ASSERT_EQ(s.count(Kind::GaveUp), 1);
  s.stubborn.clear();
  s.order();
  EXPECT_THAT(s.cookies(), ElementsAre(1, 1));
  s.pass(1s);
  EXPECT_EQ(s.count(Kind::Recovered), 1);
}

TEST(RelinkByHand, SoDoesAReset) {
  Ordered s;
  s.stubborn = {1};
  s.open(State::BlackHoled);
  s.look();
  s.pass(1min);
  s.take(s.planner->reset("shop", s.now));
  EXPECT_THAT(s.cookies(), ElementsAre(1, 1));
  EXPECT_EQ(s.count(Kind::BreakerClosed), 0) << "it was not open";
}

TEST(RelinkByHand, AResetOfAStrangerIsNothing) {
  Ordered s;
  s.take(s.planner->reset("stranger", s.now));
  EXPECT_THAT(s.news, IsEmpty());
  EXPECT_FALSE(s.planner->breaker_open("stranger"));
}

}  // namespace
}  // namespace relinkd::core
