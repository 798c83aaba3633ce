// SPDX-License-Identifier: Apache-2.0
// 500 endpoints on one loop, and a loop that is away now and then.
#include <deque>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scale.hpp"
#include "watched.hpp"

namespace relinkd::sim {
namespace {

using core::Condition;

constexpr std::size_t kEndpoints = 500;

/// Many nodes, each with a path and a server of its own.
struct Fleet {
  explicit Fleet(std::uint64_t seed, double loss = 0) : world(seed) {
    for (std::size_t i = 0; i < kEndpoints; ++i) {
      auto& place = places.emplace_back();
      place.path.loss = loss;
      place.path.delay = 100us + world.random(20ms);
      place.node = std::make_unique<Watched>(world, host, place.path, place.server);
      place.node->start();
    }
    begin = world.now();
  }
  void expect_quiet() {
    for (auto& place : places) {
      EXPECT_EQ(place.node->troubles(begin), "");
      EXPECT_EQ(place.node->hangups(), 0U);
      EXPECT_EQ(place.node->broken(), "");
    }
  }
  /// PINGs in a second, in windows of 20 ms: the largest.
  std::uint64_t most_pings_at_a_time() {
    std::uint64_t most = 0;
    std::uint64_t before = pings();
    for (int i = 0; i < 50; ++i) {
      world.run_for(20ms);
      const std::uint64_t now = pings();
      most = std::max(most, now - before);
      before = now;
    }
    return most;
  }
  std::uint64_t pings() const {
    std::uint64_t sum = 0;
    for (const auto& place : places) sum += place.node->probes();
    return sum;
  }

  struct Place {
    Path path;
    Server server;
    std::unique_ptr<Watched> node;
  };
  World world;
  Host host{world};
  std::deque<Place> places;
  MonoTime begin;
};

}  // namespace

TEST(Many, FiveHundredEndpointsAreOkAndTheirPingsSpread) {
  Fleet fleet(1);
  fleet.world.run_for(scaled(4) * Duration(1min));
  fleet.expect_quiet();
  for (auto& place : fleet.places) EXPECT_EQ(place.node->entered(Condition::Ok), 1U);
  EXPECT_LT(fleet.most_pings_at_a_time(), 40U) << "10 on average";
}

TEST(Many, ASuspendedLoopIsNoEvidenceAgainstAnybody) {
  Fleet fleet(2, 0.001);
  fleet.world.run_for(60s);
  for (int i = 0; i < scaled(25); ++i) {
    fleet.world.run_for(2s + fleet.world.random(10s));
    // From just late to long away.
    const Duration away = i % 2 == 0 ? fleet.world.random(500ms) : fleet.world.random(30s);
    fleet.host.suspend_for(away);
    fleet.world.run_for(away + 1ms);
  }
  fleet.world.run_for(5s);
  fleet.expect_quiet();
}

TEST(Many, AfterASuspensionThePingsSpreadAgain) {
  Fleet fleet(3);
  fleet.world.run_for(60s);
  fleet.host.suspend_for(5s);
  fleet.world.run_for(15s);
  EXPECT_LT(fleet.most_pings_at_a_time(), 40U) << "10 on average";
}

TEST(Many, AFlowForgottenWhileTheLoopWasAwayIsFoundAfterwards) {
  Fleet fleet(4);
  fleet.world.run_for(60s);
  fleet.host.suspend_for(5s);
  for (auto& place : fleet.places) place.node->forget_flow();
  fleet.world.run_for(15s);
  for (auto& place : fleet.places) {
    EXPECT_EQ(
        place.node->entered(Condition::HalfOpen) + place.node->entered(Condition::Unreachable), 1U);
    EXPECT_TRUE(core::is_up(place.node->machine().condition()));
    EXPECT_EQ(place.node->broken(), "");
  }
}

}  // namespace relinkd::sim
