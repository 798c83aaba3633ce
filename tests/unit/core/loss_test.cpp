// SPDX-License-Identifier: Apache-2.0
#include "core/loss.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kNoon = MonoTime{} + 12h;

/// What `rate` of repeated segments, one segment a second for five minutes, leads to.
int required_after(double rate) {
  LossEstimator loss;
  double owed = 0;
  for (int i = 0; i < 300; ++i) {
    owed += rate;
    const auto lost = static_cast<std::uint32_t>(owed);
    owed -= lost;
    loss.add(kNoon + i * Duration(1s), 1 + lost, lost);
  }
  return loss.required_transmissions(kNoon + 299s);
}

TEST(Loss, APathWithoutLossTakesThree) {
  EXPECT_EQ(LossEstimator().required_transmissions(kNoon), 3);
  EXPECT_EQ(required_after(0), 3);
}

TEST(Loss, MoreLossTakesMoreUpToSeven) {
  int last = 3;
  for (const double rate : {0.0, 0.004, 0.01, 0.02, 0.04, 0.1, 0.2, 0.5, 0.9}) {
    const int required = required_after(rate);
    EXPECT_GE(required, last) << rate;
    EXPECT_LE(required, 7) << rate;
    last = required;
  }
  EXPECT_EQ(last, 7);
}

// Twice the seen rate is assumed, since a few minutes are a small sample; n in a row by chance at
// most once in ten million probes. 1 %: 0.02^n <= 1e-7 first at n = 5. 4 %: 0.08^7.
TEST(Loss, TheNumberIsTheOneThatChanceReachesOnceInTenMillion) {
  EXPECT_EQ(required_after(0.01), 5);
  EXPECT_EQ(required_after(0.04), 7);
  for (const double rate : {0.01, 0.02, 0.03}) {
    EXPECT_LE(std::pow(2 * rate / (1 + rate), required_after(rate)), 1e-7) << rate;
    EXPECT_GT(std::pow(2 * rate / (1 + rate), required_after(rate) - 1), 1e-7) << rate;
  }
}

TEST(Loss, OneLossAmongFewSegmentsIsTakenSeriously) {
  LossEstimator loss;
  loss.add(kNoon, 5, 1);
  EXPECT_EQ(loss.required_transmissions(kNoon), 7);
}

TEST(Loss, MoreRepetitionsThanSegmentsAreStillANumber) {
  LossEstimator loss;
  loss.add(kNoon, 0, 3);
  EXPECT_EQ(loss.required_transmissions(kNoon), 7);
}

TEST(Loss, IsForgottenAfterFiveMinutes) {
  LossEstimator loss;
  loss.add(kNoon, 10, 3);
  EXPECT_EQ(loss.required_transmissions(kNoon + 4min), 7);
  EXPECT_EQ(loss.required_transmissions(kNoon + LossEstimator::kWindow), 3);
}

TEST(Loss, IsForgottenAlsoWhenSegmentsKeepComing) {
  LossEstimator loss;
  loss.add(kNoon, 10, 3);
  for (int i = 1; i <= 330; ++i) loss.add(kNoon + i * Duration(1s), 1, 0);
  EXPECT_EQ(loss.required_transmissions(kNoon + 330s), 3);
}

TEST(Loss, ALongPauseLeavesNothingOldInTheWindow) {
  LossEstimator loss;
  for (int i = 0; i < 300; ++i) loss.add(kNoon + i * Duration(1s), 1, 1);
  EXPECT_EQ(loss.required_transmissions(kNoon + 24h), 3);
  loss.add(kNoon + 24h, 1, 0);
  EXPECT_EQ(loss.required_transmissions(kNoon + 24h), 3);
}

}  // namespace
}  // namespace relinkd::core
