// SPDX-License-Identifier: Apache-2.0
#include "core/give_up.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

/// How long a connection with unacknowledged data lived on Linux 6.18, the path cut. All times in
/// milliseconds.
struct Measured {
  int retries2;
  std::chrono::milliseconds rto;  ///< the connection's own when the path was cut
  std::chrono::milliseconds rto_max;
  std::chrono::milliseconds model;
  std::chrono::milliseconds lived;
};

std::ostream& operator<<(std::ostream& out, const Measured& m) {
  return out << "tcp_retries2 " << m.retries2 << ", RTO " << m.rto.count() << " ms, RTO max "
             << m.rto_max.count() << " ms";
}

constexpr Measured kMeasured[] = {
    {15, 200ms, 120s, 924'600ms, 938'800ms},
    {15, 200ms, 120s, 924'600ms, 927'800ms},  // EHOSTUNREACH, ARP unanswered
    {8, 200ms, 120s, 102'200ms, 108'200ms},
    {5, 200ms, 120s, 12'600ms, 13'300ms},
    {5, 400ms, 120s, 12'600ms, 26'500ms},
    {5, 1000ms, 120s, 12'600ms, 16'300ms},
    {5, 200ms, 120s, 12'600ms, 15'400ms},  // the peer's link down, EHOSTUNREACH
    {3, 200ms, 120s, 3'000ms, 6'800ms},
    {15, 200ms, 10s, 112'600ms, 115'900ms},
    {15, 200ms, 1s, 14'400ms, 15'000ms},
    {5, 200ms, 1s, 4'400ms, 5'800ms},
    {5, 200ms, 120s, 12'600ms, 12'800ms},  // tcp_rto_min_us = 5000, which the model ignores
};

class GiveUpMeasured : public ::testing::TestWithParam<Measured> {};

TEST_P(GiveUpMeasured, IsTheModelsTimeToTheTenth) {
  const Measured& m = GetParam();
  EXPECT_EQ(give_up_time(m.retries2, kRtoBase, m.rto_max), m.model);
}

TEST_P(GiveUpMeasured, LiesBetweenTheModelAndTheTimeoutAfterIt) {
  const Measured& m = GetParam();
  EXPECT_GE(m.lived, give_up_time(m.retries2, kRtoBase, m.rto_max));
  EXPECT_LE(m.lived, give_up_latest(m.retries2, m.rto, m.rto_max));
}

INSTANTIATE_TEST_SUITE_P(Linux618, GiveUpMeasured, ::testing::ValuesIn(kMeasured));

TEST(GiveUp, WithoutRetriesIsOneTimeout) {
  EXPECT_EQ(give_up_time(0), 200ms);
  EXPECT_GT(give_up_latest(0), give_up_time(0));
}

TEST(GiveUp, GrowsWithEveryRetry) {
  for (int retries2 = 1; retries2 <= 255; ++retries2) {
    EXPECT_GT(give_up_time(retries2), give_up_time(retries2 - 1)) << retries2;
    EXPECT_GT(give_up_latest(retries2), give_up_latest(retries2 - 1)) << retries2;
    EXPECT_GT(give_up_latest(retries2), give_up_time(retries2)) << retries2;
  }
}

TEST(GiveUp, DoublesUpToTheLongestTimeoutAndThenGrowsByThat) {
  EXPECT_EQ(give_up_time(9), 204'600ms);
  EXPECT_EQ(give_up_time(10) - give_up_time(9), 120s);
  EXPECT_EQ(give_up_time(255), 204'600ms + 246 * 120s);
}

TEST(GiveUp, LatestIsNotTwiceTheTimeWhereTimeoutsAreCapped) {
  EXPECT_LT(give_up_latest(15), (924'600ms + 120s) * 9 / 8 + 1ms);
  EXPECT_LT(give_up_latest(15, kRtoBase, 1s), 18s);
}

}  // namespace
}  // namespace relinkd::core
