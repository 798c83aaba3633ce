// SPDX-License-Identifier: Apache-2.0
// Which live sockets are looked at, made stricter and put back, over virtual minutes.
#include "core/tune_planner.hpp"

#include <algorithm>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using Kind = TuneNews::Kind;

const RelinkTarget kSessions{"checkout", "sessions"};
const RelinkTarget kOrders{"checkout", "orders"};
constexpr SocketOptions kBare{false, 7200s, 75s, 9, 0ms};
constexpr SocketOptions kWanted{true, 5s, 1s, 3, 8s};

/// relinkd with an actuator that does what it is told, second by second.
class Scene {
 public:
  Scene() { configure({kWanted, true}); }

  void configure(TuneRules rules) {
    take(planner.configure({{kSessions, rules}, {kOrders, rules}}, now));
  }
  void open(std::uint64_t first, std::size_t count = 1, const RelinkTarget& target = kSessions) {
    for (std::size_t i = 0; i < count; ++i) sockets.push_back({first + i, target});
  }
  /// A census. Its orders wait in `orders`.
  void look() { take(planner.on_looked(sockets, now)); }
  void wait(Duration d) { now += d; }

  void take(TunePlan plan) {
    for (TuneOrder& order : plan.orders) orders.push_back(std::move(order));
    for (TuneNews& one : plan.news) news.push_back(std::move(one));
  }
  /// The actuator answers all orders, those that follow from its answers too.
  void answer() {
    while (!orders.empty()) {
      const TuneOrder order = orders.front();
      orders.erase(orders.begin());
      done.push_back(order);
      std::vector<TunedSocket> tuned;
      for (const std::uint64_t cookie : order.cookies) tuned.push_back(tune(cookie, order.tuning));
      take(planner.on_result(order.id, TuneOutcome::Done, tuned, "", now));
    }
  }
  /// It could do nothing with one of the sockets.
  void fail_one(std::uint64_t which, const std::string& why) {
    const std::vector<TuneOrder> all = std::exchange(orders, {});
    for (const TuneOrder& order : all) {
      std::vector<TunedSocket> tuned;
      bool failed = false;
      for (const std::uint64_t cookie : order.cookies) {
        failed = failed || cookie == which;
        tuned.push_back(cookie == which ? TunedSocket{cookie, kBare, {}}
                                        : tune(cookie, order.tuning));
      }
      const auto outcome = failed ? TuneOutcome::NotDone : TuneOutcome::Done;
      take(planner.on_result(order.id, outcome, tuned, why, now));
    }
  }
  void fail(TuneOutcome outcome, const std::string& why) {
    const std::vector<TuneOrder> all = std::exchange(orders, {});
    for (const TuneOrder& order : all) {
      take(planner.on_result(order.id, outcome, {}, why, now));
    }
  }
  [[nodiscard]] std::size_t told(Kind kind) const {
    return static_cast<std::size_t>(std::count_if(
        news.begin(), news.end(), [kind](const TuneNews& n) { return n.kind == kind; }));
  }

  TunePlanner planner;
  MonoTime now{1h};
  std::vector<TunePlanner::Seen> sockets;
  std::vector<TuneOrder> orders, done;
  std::vector<TuneNews> news;
  std::map<std::uint64_t, SocketOptions> kernel;      ///< by cookie; else kBare
  std::map<std::uint64_t, SocketOptions> remembered;  ///< by the actuator

 private:
  TunedSocket tune(std::uint64_t cookie, Tuning tuning) {
    SocketOptions& options = kernel.emplace(cookie, kBare).first->second;
    if (tuning == Tuning::Apply && protect(options, kWanted) != options) {
      remembered.emplace(cookie, options);
      options = protect(options, kWanted);
    }
    const auto it = remembered.find(cookie);
    if (tuning == Tuning::Revert && it != remembered.end()) {
      options = it->second;
      remembered.erase(it);
      return {cookie, options, {}};
    }
    if (it == remembered.end()) return {cookie, options, {}};
    return {cookie, options, it->second};
  }
};

TEST(TunePlanner, ProtectsEachSocketWhenItIsFirstSeen) {
  Scene s;
  s.open(1, 2);
  s.look();
  ASSERT_THAT(s.orders, SizeIs(1));
  EXPECT_EQ(s.orders[0].tuning, Tuning::Apply);
  EXPECT_EQ(s.orders[0].target, kSessions);
  EXPECT_THAT(s.orders[0].cookies, UnorderedElementsAre(1, 2));
  s.answer();
  EXPECT_EQ(s.planner.find(1)->now, kWanted);
  EXPECT_EQ(s.planner.find(1)->before, kBare);
  s.wait(1s);
  s.look();
  EXPECT_THAT(s.orders, IsEmpty()) << "it is known";
  s.open(3);
  s.look();
  ASSERT_THAT(s.orders, SizeIs(1));
  EXPECT_THAT(s.orders[0].cookies, ElementsAre(3));
}

TEST(TunePlanner, TellsOnceForAnAppAndEndpoint) {
  Scene s;
  s.open(1, 100);
  s.look();
  s.answer();
  ASSERT_THAT(s.news, SizeIs(1)) << "and not once an order";
  EXPECT_EQ(s.news[0].kind, Kind::Protected);
  EXPECT_EQ(s.news[0].target, kSessions);
  EXPECT_EQ(s.news[0].sockets, 100U);
  s.open(101, 5);
  s.open(201, 1, kOrders);
  s.look();
  s.answer();
  ASSERT_THAT(s.news, SizeIs(2));
  EXPECT_EQ(s.news[1].target, kOrders);
}

TEST(TunePlanner, SaysNothingOfAnAppThatProtectsItself) {
  Scene s;
  s.kernel[1] = {true, 2s, 1s, 2, 3s};
  s.open(1);
  s.look();
  s.answer();
  EXPECT_THAT(s.news, IsEmpty());
  EXPECT_EQ(s.planner.find(1)->now, s.kernel[1]);
  EXPECT_EQ(s.planner.find(1)->before, std::nullopt);
}

TEST(TunePlanner, DoesItAgainEachMinuteSinceTheAppMaySetItsOwn) {
  Scene s;
  s.open(1);
  s.look();
  s.answer();
  s.kernel[1] = kBare;
  s.wait(59s);
  s.look();
  EXPECT_THAT(s.orders, IsEmpty());
  s.wait(1s);
  s.look();
  EXPECT_THAT(s.orders, SizeIs(1));
  s.answer();
  EXPECT_EQ(s.kernel[1], kWanted);
}

TEST(TunePlanner, ForgetsWhatIsGone) {
  Scene s;
  s.open(1, 2);
  s.look();
  s.answer();
  s.sockets.pop_back();
  s.look();
  EXPECT_NE(s.planner.find(1), nullptr);
  EXPECT_EQ(s.planner.find(2), nullptr);
}

TEST(TunePlanner, GivesOrdersOfAFewSocketsAndNotTooManyAtOnce) {
  Scene s;
  s.open(1, 5000);
  s.look();
  EXPECT_THAT(s.orders, SizeIs(TunePlanner::kMostUnderWay));
  s.look();
  EXPECT_THAT(s.orders, SizeIs(TunePlanner::kMostUnderWay)) << "those are still under way";
  s.answer();
  EXPECT_EQ(s.kernel.size(), 5000U) << "answers make room for the rest";
  for (const TuneOrder& order : s.done) EXPECT_LE(order.cookies.size(), TunePlanner::kBatch);
}

TEST(TunePlanner, OnlyLooksInModeObserveAndSaysWhatItWouldDo) {
  Scene s;
  s.configure({kWanted, false});
  s.kernel[3] = kWanted;
  s.open(1, 3);
  s.look();
  s.answer();
  EXPECT_EQ(s.done[0].tuning, Tuning::Look);
  EXPECT_EQ(s.kernel[1], kBare);
  EXPECT_EQ(s.planner.find(1)->now, kBare);
  ASSERT_THAT(s.news, SizeIs(1));
  EXPECT_EQ(s.news[0].kind, Kind::Would);
  EXPECT_EQ(s.news[0].sockets, 2U) << "the third is protected already";
  EXPECT_EQ(s.news[0].wanted, kWanted);
}

TEST(TunePlanner, OnlyLooksWhereProtectIsFalse) {
  Scene s;
  s.configure({{}, true});
  s.open(1);
  s.look();
  s.answer();
  EXPECT_EQ(s.done[0].tuning, Tuning::Look);
  EXPECT_THAT(s.news, IsEmpty());
}

TEST(TunePlanner, ProtectsAtOnceWhenAReloadAllowsIt) {
  Scene s;
  s.configure({kWanted, false});
  s.open(1);
  s.look();
  s.answer();
  s.configure({kWanted, true});
  s.answer();
  EXPECT_EQ(s.kernel[1], kWanted);
  EXPECT_EQ(s.told(Kind::Protected), 1U);
}

TEST(TunePlanner, MakesNothingStricterWhilePaused) {
  Scene s;
  s.take(s.planner.pause(true, s.now));
  s.open(1);
  s.look();
  s.answer();
  EXPECT_EQ(s.done[0].tuning, Tuning::Look);
  EXPECT_THAT(s.news, IsEmpty());
  s.take(s.planner.pause(false, s.now));
  s.answer();
  EXPECT_EQ(s.done[1].tuning, Tuning::Apply);
  EXPECT_EQ(s.kernel[1], kWanted);
}

TEST(TunePlanner, PutsBackAndLeavesAloneUntilItIsToldOtherwise) {
  Scene s;
  s.open(1, 2);
  s.kernel[2] = kWanted;
  s.look();
  s.answer();
  s.take(s.planner.revert("checkout", s.now));
  s.answer();
  EXPECT_EQ(s.kernel[1], kBare);
  EXPECT_EQ(s.kernel[2], kWanted) << "relinkd did not change it";
  EXPECT_EQ(s.planner.find(1)->before, std::nullopt);
  ASSERT_EQ(s.told(Kind::Reverted), 1U);
  EXPECT_EQ(s.news.back().sockets, 1U);
  s.open(3);
  s.wait(1min);
  s.look();
  s.answer();
  EXPECT_EQ(s.kernel[3], kBare);
  EXPECT_THAT(s.planner.reverted(), ElementsAre("checkout"));
  EXPECT_THAT(s.news, SizeIs(2));

  s.take(s.planner.apply("checkout", s.now));
  s.answer();
  EXPECT_EQ(s.kernel[1], kWanted);
  EXPECT_EQ(s.kernel[3], kWanted);
  EXPECT_EQ(s.told(Kind::Protected), 2U);
}

TEST(TunePlanner, KnowsOverARestartWhatWasPutBackAndForgetsAppsThatAreGone) {
  Scene s;
  s.planner.restore({"checkout", "gone"});
  s.configure({kWanted, true});
  EXPECT_THAT(s.planner.reverted(), ElementsAre("checkout"));
  s.open(1);
  s.look();
  s.answer();
  EXPECT_EQ(s.kernel[1], kBare);
}

TEST(TunePlanner, PutsBackWhatWasUnderWayWhenThePersonSaidSo) {
  Scene s;
  s.open(1);
  s.look();
  s.take(s.planner.revert("checkout", s.now));
  EXPECT_THAT(s.orders, SizeIs(1)) << "one order a socket at a time";
  s.answer();
  EXPECT_EQ(s.kernel[1], kBare);
  EXPECT_EQ(s.done.back().tuning, Tuning::Revert);
}

TEST(TunePlanner, AsksNoMoreWhereItIsUnsupportedUntilTheActuatorIsAnother) {
  Scene s;
  s.open(1, 100);
  s.look();
  s.fail(TuneOutcome::Unsupported, "this kernel has no BTF");
  EXPECT_THAT(s.news, IsEmpty()) << "who asks for the trace of connections tells it";
  EXPECT_EQ(s.planner.unsupported(), "this kernel has no BTF");
  s.wait(1h);
  s.look();
  EXPECT_THAT(s.orders, IsEmpty());
  s.planner.actuator_changed();
  s.look();
  s.answer();
  EXPECT_EQ(s.kernel.size(), 100U);
}

TEST(TunePlanner, WaitsForAnActuatorThatIsNotThere) {
  Scene s;
  s.open(1, 2);
  s.look();
  s.fail(TuneOutcome::Lost, "nobody listens");
  EXPECT_THAT(s.news, IsEmpty()) << "the relinker tells it";
  s.wait(9s);
  s.look();
  EXPECT_THAT(s.orders, IsEmpty());
  s.wait(1s);
  s.look();
  s.answer();
  EXPECT_EQ(s.kernel[1], kWanted);
}

TEST(TunePlanner, TellsARefusalOnceAndTriesAgainEachMinute) {
  Scene s;
  s.open(1);
  for (int i = 0; i < 3; ++i) {
    s.look();
    ASSERT_THAT(s.orders, SizeIs(1)) << i;
    s.fail(TuneOutcome::NotDone, "the app checkout is in mode observe");
    s.look();
    EXPECT_THAT(s.orders, IsEmpty());
    s.wait(1min);
  }
  EXPECT_EQ(s.told(Kind::NotDone), 1U);
  EXPECT_EQ(s.news[0].detail, "the app checkout is in mode observe");
}

TEST(TunePlanner, TellsOnceThatSomeOfTheSocketsCouldNotBeSetAndKnowsTheOthers) {
  Scene s;
  s.open(1, 3 * TunePlanner::kBatch);
  for (int i = 0; i < 3; ++i) {
    s.look();
    s.fail_one(2, "no room");
    s.wait(1min);
  }
  EXPECT_EQ(s.told(Kind::NotDone), 1U) << "though the other orders were carried out";
  EXPECT_EQ(s.planner.find(1)->now, kWanted);
  EXPECT_EQ(s.planner.find(2)->now, kBare);
  s.look();
  s.answer();
  s.wait(1min);
  s.look();
  s.fail_one(2, "no room");
  EXPECT_EQ(s.told(Kind::NotDone), 2U) << "it was over in between";
}

TEST(TunePlanner, KeepsWhatAnAppHadUntilTheAppSetsItsOwn) {
  Scene s;
  s.open(1);
  s.look();
  s.answer();
  s.remembered.clear();  // an actuator that has lost its record
  s.wait(1min);
  s.look();
  s.answer();
  EXPECT_EQ(s.planner.find(1)->before, kBare);
  s.kernel[1] = {true, 2s, 1s, 2, 3s};
  s.wait(1min);
  s.look();
  s.answer();
  EXPECT_EQ(s.planner.find(1)->before, std::nullopt);
}

TEST(TunePlanner, BelievesNoAnswerAboutSocketsThatWereNotAskedFor) {
  Scene s;
  s.open(1);
  s.open(2, 1, kOrders);
  s.look();
  ASSERT_THAT(s.orders, SizeIs(2));
  const TuneOrder order = s.orders[0];
  const std::uint64_t other = order.cookies[0] == 1 ? 2 : 1;
  s.take(s.planner.on_result(order.id, TuneOutcome::Done, {{other, kWanted, {}}}, "", s.now));
  EXPECT_EQ(s.planner.find(other)->now, std::nullopt);
  s.take(s.planner.on_result(order.id, TuneOutcome::Done, {{1, kWanted, {}}}, "", s.now));
  s.take(s.planner.on_result(4711, TuneOutcome::Done, {{1, kWanted, {}}}, "", s.now));
  EXPECT_EQ(s.planner.find(1)->now, std::nullopt);
}

}  // namespace
}  // namespace relinkd::core
