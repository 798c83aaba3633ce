// SPDX-License-Identifier: Apache-2.0
// Short stops and gaps are no condition; real outages are told once each, and end.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scale.hpp"
#include "scene.hpp"

namespace relinkd::sim {
namespace {

using core::Condition;

/// Nothing but ok and slow since the beginning, on one connection, with the invariants kept.
void expect_quiet(const Scene& scene) {
  EXPECT_EQ(scene.node.troubles(scene.begin), "");
  EXPECT_EQ(scene.node.hangups(), 0U);
  EXPECT_EQ(scene.node.dials(), 1U);
  EXPECT_EQ(scene.node.broken(), "");
}

/// Conditions entered, in order, without ok and slow.
std::vector<Condition> troubles(const Watched& node) {
  std::vector<Condition> list;
  for (const Record& r : node.records()) {
    if (!core::is_up(r.transition.to)) list.push_back(r.transition.to);
  }
  return list;
}

}  // namespace

TEST(Outage, AServerStoppedForLessThanCommandTimeoutIsAtMostSlow) {
  Scene scene(1);
  for (int i = 0; i < scaled(2000); ++i) {
    scene.world.run_for(5s + scene.world.random(1s));
    scene.server.stop();
    scene.world.run_for(scene.world.random(1990ms));
    scene.server.resume();
  }
  expect_quiet(scene);
  EXPECT_GT(scene.node.entered(Condition::Slow), 1000U) << "it is seen";
}

TEST(Outage, AServerThatFlapsBetweenStoppedAndRunningIsAtMostSlow) {
  Scene scene(2);
  const MonoTime end = scene.world.now() + scaled(8) * Duration(1h);
  while (scene.world.now() < end) {
    scene.world.run_for(scene.world.random(600ms));
    scene.server.stop();
    scene.world.run_for(scene.world.random(900ms));
    scene.server.resume();
  }
  expect_quiet(scene);
}

TEST(Outage, ALinkDownFor300MsIsAtMostSlow) {
  for (const bool told : {true, false}) {
    SCOPED_TRACE(told ? "this host's own link" : "a link further on");
    Scene scene(3);
    for (int i = 0; i < scaled(5000); ++i) {
      scene.world.run_for(4s + scene.world.random(1s));
      scene.path.cut = true;
      if (told) scene.path.local = core::LocalPath::LinkDown;
      scene.world.run_for(300ms);
      scene.path.cut = false;
      scene.path.local = core::LocalPath::Usable;
    }
    expect_quiet(scene);
    EXPECT_GT(scene.node.entered(Condition::Slow), 1000U) << "it is seen";
  }
}

TEST(Outage, AServerStoppedForLongIsStalledAndAnswersOnTheSameConnection) {
  Scene scene(4);
  for (int i = 0; i < scaled(100); ++i) {
    scene.world.run_for(20s + scene.world.random(1s));
    ASSERT_EQ(scene.condition(), Condition::Ok);
    scene.server.stop();
    scene.world.run_for(8s);
    EXPECT_EQ(scene.condition(), Condition::Stalled);
    scene.server.resume();
  }
  scene.world.run_for(5s);
  EXPECT_EQ(scene.condition(), Condition::Ok);
  EXPECT_EQ(troubles(scene.node),
            std::vector<Condition>(static_cast<std::size_t>(scaled(100)), Condition::Stalled));
  EXPECT_EQ(scene.node.hangups(), 0U);
  EXPECT_EQ(scene.node.dials(), 1U);
  EXPECT_EQ(scene.node.broken(), "");
}

TEST(Outage, AForgottenFlowIsHalfOpenAndReplacedWithinTheSecond) {
  Scene scene(5);
  const int count = scaled(300);
  for (int i = 0; i < count; ++i) {
    scene.world.run_for(20s + scene.world.random(1s));
    ASSERT_EQ(scene.condition(), Condition::Ok);
    scene.node.forget_flow();
    scene.world.run_for(1600ms);
    EXPECT_EQ(scene.node.entered(Condition::HalfOpen), static_cast<std::size_t>(i) + 1);
    EXPECT_TRUE(scene.up());
  }
  EXPECT_EQ(troubles(scene.node),
            std::vector<Condition>(static_cast<std::size_t>(count), Condition::HalfOpen));
  EXPECT_EQ(scene.node.dials(), static_cast<std::size_t>(count) + 1);
  EXPECT_EQ(scene.node.broken(), "");
}

TEST(Outage, ACutPathIsUnreachableUntilItIsRepaired) {
  for (const bool only_replies : {false, true}) {
    SCOPED_TRACE(only_replies ? "only the replies are lost" : "both directions");
    Scene scene(6);
    const int count = scaled(100);
    for (int i = 0; i < count; ++i) {
      scene.world.run_for(60s + scene.world.random(1s));
      ASSERT_EQ(scene.condition(), Condition::Ok);
      (only_replies ? scene.path.replies_cut : scene.path.cut) = true;
      scene.world.run_for(1700ms);
      EXPECT_EQ(scene.condition(), Condition::Unreachable);
      scene.world.run_for(scene.world.random(40s));
      EXPECT_EQ(scene.condition(), Condition::Unreachable);
      scene.path.replies_cut = scene.path.cut = false;
    }
    EXPECT_EQ(troubles(scene.node),
              std::vector<Condition>(static_cast<std::size_t>(count), Condition::Unreachable));
    EXPECT_EQ(scene.node.broken(), "");
  }
}

TEST(Outage, ThisHostsOwnLinkDownForLongIsALocalFaultAndNothingElse) {
  for (const Duration down : {4s, 10s, 60s}) {
    SCOPED_TRACE(to_text(down));
    Scene scene(7);
    scene.world.run_for(30s);
    scene.path.cut = true;
    scene.path.local = core::LocalPath::LinkDown;
    scene.world.run_for(down);
    EXPECT_EQ(scene.condition(), Condition::LocalFault);
    scene.path.cut = false;
    scene.path.local = core::LocalPath::Usable;
    scene.world.run_for(30s);
    EXPECT_EQ(scene.condition(), Condition::Ok);
    EXPECT_EQ(troubles(scene.node), std::vector{Condition::LocalFault});
    EXPECT_EQ(scene.node.broken(), "");
  }
}

TEST(Outage, ARestartIsPeerClosedThenRefusedThenOk) {
  Scene scene(8);
  const int count = scaled(200);
  for (int i = 0; i < count; ++i) {
    scene.world.run_for(60s + scene.world.random(1s));
    ASSERT_EQ(scene.condition(), Condition::Ok);
    scene.server.kill();
    scene.world.run_for(30s);
    EXPECT_EQ(scene.condition(), Condition::Refused);
    scene.server.start();
  }
  scene.world.run_for(60s);
  EXPECT_EQ(scene.condition(), Condition::Ok);
  std::vector<Condition> expected;
  for (int i = 0; i < count; ++i) {
    // A PING that was under way makes a reset of the FIN.
    expected.push_back(troubles(scene.node)[expected.size()]);
    EXPECT_TRUE(expected.back() == Condition::PeerClosed || expected.back() == Condition::Reset);
    expected.push_back(Condition::Refused);
  }
  EXPECT_EQ(troubles(scene.node), expected);
  EXPECT_EQ(scene.node.hangups(), 0U);
  EXPECT_EQ(scene.node.broken(), "");
}

TEST(Outage, AServerAwayForHoursIsAskedAtTheBackOffsPace) {
  Scene scene(9);
  scene.world.run_for(30s);
  scene.server.kill();
  const std::uint64_t before = scene.node.dials();
  scene.world.run_for(10h);
  // Full jitter up to 10 s: 5 s on average.
  const double a_minute = static_cast<double>(scene.node.dials() - before) / 600;
  EXPECT_GT(a_minute, 10);
  EXPECT_LT(a_minute, 14);
  EXPECT_EQ(troubles(scene.node).size(), 2U) << "told once";
  EXPECT_EQ(scene.node.broken(), "");
}

}  // namespace relinkd::sim
