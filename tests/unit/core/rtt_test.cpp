// SPDX-License-Identifier: Apache-2.0
#include "core/rtt.hpp"

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr Duration kCeiling = 2s;

// RFC 6298, 2.1: one second before the first sample.
TEST(Rtt, BeforeASampleTheDeadlineIsASecond) {
  const RttEstimator rtt;
  EXPECT_EQ(rtt.deadline(kCeiling), 1s);
  EXPECT_EQ(rtt.deadline(500ms), 500ms) << "but never above the ceiling";
  EXPECT_EQ(rtt.smoothed(), std::nullopt);
  EXPECT_EQ(rtt.spread(), 0s);
}

// RFC 6298, 2.2: SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 × RTTVAR = 3 R.
TEST(Rtt, TheFirstSampleGivesThreeTimesItself) {
  RttEstimator rtt;
  rtt.sample(100ms, kCeiling);
  EXPECT_EQ(rtt.smoothed(), 100ms);
  EXPECT_EQ(rtt.deadline(kCeiling), 300ms);
}

// RFC 6298, 2.3, worked by hand: R' = 180 ms after R = 100 ms.
// RTTVAR = 3/4 × 50 + 1/4 × |100 − 180| = 57.5 ms; SRTT = 7/8 × 100 + 1/8 × 180 = 110 ms.
TEST(Rtt, ASecondSampleMovesVarianceFirstThenTheMean) {
  RttEstimator rtt;
  rtt.sample(100ms, kCeiling);
  rtt.sample(180ms, kCeiling);
  EXPECT_EQ(rtt.smoothed(), 110ms);
  EXPECT_EQ(rtt.deadline(kCeiling), 110ms + 4 * 57500us);
  // And a shorter one: RTTVAR = 3/4 × 57.5 + 1/4 × 80, SRTT = 7/8 × 110 + 1/8 × 30.
  rtt.sample(30ms, kCeiling);
  EXPECT_EQ(rtt.smoothed(), 100ms);
  EXPECT_EQ(rtt.deadline(kCeiling), 100ms + 4 * 63125us);
}

TEST(Rtt, OnAShortPathTheDeadlineIsTheFloor) {
  RttEstimator rtt;
  for (int i = 0; i < 50; ++i) rtt.sample(200us, kCeiling);
  EXPECT_EQ(rtt.deadline(kCeiling), RttEstimator::kFloor);
  EXPECT_LT(rtt.spread(), 1ms) << "the spread knows no floor";
}

TEST(Rtt, OnASteadyLongPathTheDeadlineApproachesThePath) {
  RttEstimator rtt;
  for (int i = 0; i < 100; ++i) rtt.sample(400ms, kCeiling);
  EXPECT_GE(rtt.deadline(kCeiling), 400ms);
  EXPECT_LT(rtt.deadline(kCeiling), 401ms);
}

TEST(Rtt, TheDeadlineNeverExceedsTheCeiling) {
  RttEstimator rtt;
  rtt.sample(30s, kCeiling);
  EXPECT_EQ(rtt.deadline(kCeiling), kCeiling);
  EXPECT_EQ(rtt.deadline(100ms), 100ms) << "not even for the floor";
}

// A stall of two seconds on a path of 1 ms counts as 400 ms: 4 × 100 ms + 51 ms.
TEST(Rtt, OneStallDoesNotBlindTheNextMinute) {
  RttEstimator rtt;
  for (int i = 0; i < 50; ++i) rtt.sample(1ms, kCeiling);
  rtt.sample(2s, kCeiling);
  EXPECT_LT(rtt.deadline(kCeiling), 460ms);
  int samples = 0;
  for (; rtt.deadline(kCeiling) > RttEstimator::kFloor; ++samples) rtt.sample(1ms, kCeiling);
  EXPECT_LE(samples, 10);
}

TEST(Rtt, APathThatBecameLongerIsFollowedWithinAFewSamples) {
  RttEstimator rtt;
  for (int i = 0; i < 50; ++i) rtt.sample(1ms, kCeiling);
  int samples = 0;
  for (; rtt.deadline(kCeiling) < 600ms; ++samples) rtt.sample(600ms, kCeiling);
  EXPECT_LE(samples, 3);
}

}  // namespace
}  // namespace relinkd::core
