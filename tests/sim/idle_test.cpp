// SPDX-License-Identifier: Apache-2.0
// The idle watch over virtual days: finds what cuts idle connections, and nothing else.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "idle_watched.hpp"
#include "scale.hpp"
#include "scene.hpp"

namespace relinkd::sim {
namespace {

using core::IdleCut;

struct IdleScene : Scene {
  explicit IdleScene(std::uint64_t seed, double loss = 0)
      : Scene(seed, loss), idle(world, path, server, node, limits()) {
    idle.start();
  }
  static core::IdleLimits limits() {
    core::IdleLimits l;
    l.ages = {1s, 5s, 10s};
    return l;
  }
  IdleWatched idle;
};

}  // namespace

TEST(IdleWatch, FindsNothingOnAPathThatKeepsIdleConnectionsWhateverItLoses) {
  for (const double loss : {0.0, 0.001, 0.01, 0.05}) {
    SCOPED_TRACE(fmt::format("loss {} %", loss * 100));
    IdleScene scene(1, loss);
    scene.world.run_for(from_seconds(21600 * scale()));
    EXPECT_TRUE(scene.idle.found().empty()) << scene.idle.found().front().to_string();
    EXPECT_GT(scene.idle.probes(), 2000 * scale()) << "it lives at the last age";
    EXPECT_LT(scene.idle.dials(), 3U);
  }
}

TEST(IdleWatch, FindsAFlowThatIsForgottenAfterFourSecondsOfSilence) {
  for (const double loss : {0.0, 0.01}) {
    IdleScene scene(2, loss);
    scene.path.forgets_after = 4s;
    scene.world.run_for(5min);
    ASSERT_EQ(scene.idle.found().size(), 1U) << "told once";
    EXPECT_EQ(scene.idle.found()[0].how, IdleCut::How::Silent);
    EXPECT_EQ(scene.idle.found()[0].age, 5s);
    EXPECT_EQ(scene.idle.found()[0].survived, 1s);
    EXPECT_EQ(scene.node.troubles(scene.begin), "") << "a finding of its own, no condition";
    scene.path.forgets_after = 0s;
    scene.world.run_for(5min);
    EXPECT_EQ(scene.idle.cleared(), 1);
    EXPECT_FALSE(scene.idle.machine().cut());
  }
}

TEST(IdleWatch, FindsTheVeryAgeOfAServersTimeout) {
  IdleScene scene(3);
  scene.server.close_idle_after(3s);
  scene.world.run_for(30min);
  ASSERT_EQ(scene.idle.found().size(), 1U) << "told once";
  EXPECT_EQ(scene.idle.found()[0].how, IdleCut::How::Fin);
  EXPECT_NEAR(to_seconds(scene.idle.found()[0].age), 3, 0.01);
  EXPECT_EQ(scene.node.troubles(scene.begin), "");
}

TEST(IdleWatch, TakesNoOutageForAnIdleCut) {
  IdleScene scene(4);
  for (int i = 0; i < scaled(300); ++i) {
    scene.world.run_for(30s + scene.world.random(30s));
    switch (i % 4) {
      case 0:
        scene.server.kill();
        scene.world.run_for(scene.world.random(10s));
        scene.server.start();
        break;
      case 1:
        scene.path.cut = true;
        scene.world.run_for(scene.world.random(20s));
        scene.path.cut = false;
        break;
      case 2:
        scene.server.stop();
        scene.world.run_for(scene.world.random(20s));
        scene.server.resume();
        break;
      default:
        // The node loses its power, and another takes over its address.
        scene.path.cut = true;
        scene.server.kill();
        scene.world.run_for(3s + scene.world.random(10s));
        scene.server.start();
        scene.path.cut = false;
    }
  }
  EXPECT_TRUE(scene.idle.found().empty())
      << scene.idle.found().size() << ": " << scene.idle.found().front().to_string();
  EXPECT_EQ(scene.node.broken(), "");
}

}  // namespace relinkd::sim
