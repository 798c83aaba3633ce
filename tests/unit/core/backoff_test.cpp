// SPDX-License-Identifier: Apache-2.0
#include "core/backoff.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

TEST(FullJitter, LiesBetweenZeroAndTheDoubledInitialBoundedByTheMaximum) {
  Entropy entropy(1);
  for (const unsigned failures :
       {0U, 1U, 2U, 5U, 6U, 7U, 20U, 63U, 64U, std::numeric_limits<unsigned>::max()}) {
    const Duration bound =
        failures < 7 ? Duration(100ms) * (1 << failures) : Duration(10s);  // 12.8 s > 10 s
    for (int i = 0; i < 1000; ++i) {
      const Duration d = full_jitter(100ms, 10s, failures, entropy);
      EXPECT_GE(d, 0s) << failures;
      EXPECT_LT(d, bound) << failures;
    }
  }
}

TEST(FullJitter, AMaximumBelowTheInitialHolds) {
  Entropy entropy(2);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(full_jitter(10s, 1s, 3, entropy), 1s);
}

// Full jitter: every moment up to the bound is as likely as any other. With 20,000 draws each tenth
// holds 2,000, and 1,800 or 2,200 are over four standard deviations (42) away.
TEST(FullJitter, IsUniform) {
  Entropy entropy(3);
  std::array<int, 10> tenths{};
  Duration sum{};
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const Duration d = full_jitter(1s, 10s, 2, entropy);  // up to 4 s
    ++tenths[static_cast<std::size_t>(d / 400ms)];
    sum += d;
  }
  for (const int count : tenths) {
    EXPECT_GT(count, 1800);
    EXPECT_LT(count, 2200);
  }
  EXPECT_NEAR(to_seconds(sum) / kDraws, 2.0, 0.04);
}

TEST(FullJitter, TheSameSeedGivesTheSameTimes) {
  Entropy a(4);
  Entropy b(4);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_EQ(full_jitter(100ms, 10s, i % 9, a), full_jitter(100ms, 10s, i % 9, b));
  }
}

}  // namespace
}  // namespace relinkd::core
