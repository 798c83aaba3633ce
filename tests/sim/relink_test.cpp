// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "relink_world.hpp"
#include "scale.hpp"

namespace relinkd::sim {

// What may never happen is in RelinkWorld, which checks each plan.
TEST(RelinkSim, HoursOfTroubleBreakNoRuleAndEachRelinkEnds) {
  RelinkWorld::Totals all;
  const int seeds = scaled(20, 3);
  for (int seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RelinkWorld world(static_cast<std::uint64_t>(seed));
    world.trouble(2 * 3600);
    world.calm(3 * 3600);
    if (HasFailure()) return;
    const RelinkWorld::Totals& t = world.totals();
    all.destroyed += t.destroyed;
    all.verbs += t.verbs;
    all.siblings += t.siblings;
    all.recovered += t.recovered;
    all.gave_up += t.gave_up;
    all.breakers += t.breakers;
    all.restarts += t.restarts;
    all.no_actuator += t.no_actuator;
    all.held += t.held;
  }
  // A world in which nothing happens would break no rule either.
  EXPECT_GT(all.destroyed, 0U);
  EXPECT_GT(all.verbs, 0U);
  EXPECT_GT(all.siblings, 0U);
  EXPECT_GT(all.recovered, 0U);
  EXPECT_GT(all.gave_up, 0U);
  EXPECT_GT(all.breakers, 0U);
  EXPECT_GT(all.restarts, 0U);
  EXPECT_GT(all.no_actuator, 0U);
  EXPECT_GT(all.held, 0U);
}

}  // namespace relinkd::sim
