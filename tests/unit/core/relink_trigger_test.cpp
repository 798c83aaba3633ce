// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relink_scene.hpp"

namespace relinkd::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = RelinkNews::Kind;

/// An app in another network namespace: its sockets cannot be seen.
struct OutOfSight : RunningRelinkScene {
  OutOfSight() {
    rules().endpoint_trigger = true;
    rules().ladder = {RelinkVerb::Reload, RelinkVerb::Restart};
    rules().restart_spread = 0s;
    configure();
  }
  void disturb() {
    health.disturbed = now;
    tell_health();
  }
};

TEST(RelinkTrigger, ActsErrorThresholdAfterTheEndpointWasDisturbed) {
  OutOfSight s;
  s.disturb();
  s.pass(29s);
  EXPECT_THAT(s.news, IsEmpty());
  s.pass(4s);
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Reload));
  EXPECT_EQ(s.last(Kind::Decided)->detail, "its endpoint was disturbed 30.0 s ago");
  s.pass(11s);
  EXPECT_EQ(s.count(RelinkResult::Recovered), 1);
  ASSERT_EQ(s.count(Kind::Recovered), 1);
  EXPECT_GT(s.last(Kind::Recovered)->lasted, 40s);
  s.pass(1h);
  EXPECT_EQ(s.orders.size(), 1U) << "once for one disturbance";
}

TEST(RelinkTrigger, NeedsNoCensus) {
  RelinkScene s;
  s.rules().endpoint_trigger = true;
  s.rules().ladder = {RelinkVerb::Reload};
  s.configure();
  s.tell_health();
  s.health.disturbed = s.now;
  s.tell_health();
  while (s.planner->deadline() < s.now + 1min) {
    s.now = s.planner->deadline();
    s.take(s.planner->on_deadline(s.now));
  }
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Reload));
}

TEST(RelinkTrigger, WaitsForTheEndpointsHealth) {
  OutOfSight s;
  s.disturb();
  s.unwell();
  s.pass(10min);
  EXPECT_THAT(s.orders, IsEmpty());
  EXPECT_EQ(s.count(RelinkHold::Unhealthy), 1);
  s.well();
  s.pass(3s);
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Reload));
}

TEST(RelinkTrigger, IsNotRecoveredWhereTheEndpointIsUnwellAfterIt) {
  OutOfSight s;
  s.disturb();
  s.pass(33s);
  s.unwell();
  s.pass(15s);
  EXPECT_EQ(s.count(RelinkResult::NotRecovered), 1);
  EXPECT_EQ(s.orders.size(), 1U);
  s.well();
  EXPECT_EQ(s.verbs().back(), RelinkVerb::Restart);
}

TEST(RelinkTrigger, ASecondDisturbanceIsHeldByMinInterval) {
  OutOfSight s;
  s.disturb();
  s.pass(35s);
  s.disturb();
  s.pass(5min);
  ASSERT_EQ(s.orders.size(), 2U);
  EXPECT_GE(s.ordered_at[1] - s.ordered_at[0], 60s);
}

TEST(RelinkTrigger, AfterARestartOneDisturbanceIsNotActedOnTwice) {
  OutOfSight s;
  s.disturb();
  s.pass(1min);
  ASSERT_EQ(s.orders.size(), 1U);
  s.restart();
  s.tell_health();
  s.pass(5min);
  EXPECT_EQ(s.orders.size(), 1U);
}

TEST(RelinkTrigger, OneOfJustBeforeTheStartIsActedOn) {
  OutOfSight s;
  s.disturb();
  s.pass(10s);
  s.restart();
  s.tell_health();
  s.pass(1min);
  EXPECT_EQ(s.orders.size(), 1U);
}

TEST(RelinkTrigger, OneOfLongBeforeTheAppWasConfiguredIsNot) {
  OutOfSight s;
  s.health.disturbed = s.now - 3h;
  s.restart(false);
  s.tell_health();
  s.pass(5min);
  EXPECT_THAT(s.orders, IsEmpty());
}

TEST(RelinkTrigger, WhatCannotBeSeenIsNotDestroyed) {
  OutOfSight s;
  s.rules().ladder = {RelinkVerb::DestroySockets, RelinkVerb::Reload};
  s.configure();
  s.disturb();
  s.pass(1min);
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Reload));
}

TEST(RelinkTrigger, APersonMayOrderIt) {
  OutOfSight s;
  s.take(s.planner->order("shop", false, s.now));
  EXPECT_THAT(s.verbs(), ElementsAre(RelinkVerb::Reload));
}

}  // namespace
}  // namespace relinkd::core
