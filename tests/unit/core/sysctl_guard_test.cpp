// SPDX-License-Identifier: Apache-2.0
#include "core/sysctl_guard.hpp"

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kStart{24h};

TEST(SysctlGuard, LetsTheFirstAttemptBeMadeAtOnce) { EXPECT_LE(SysctlGuard().due(), kStart); }

TEST(SysctlGuard, MakesThoseThatFollowRarerAndRarer) {
  SysctlGuard guard;
  MonoTime now = kStart;
  for (const Duration wait : {1min, 2min, 4min, 8min, 16min, 32min, 60min, 60min}) {
    guard.tried(now);
    EXPECT_EQ(guard.due(), now + wait);
    now = guard.due();
  }
}

TEST(SysctlGuard, CountsTheAttempts) {
  SysctlGuard guard;
  EXPECT_EQ(guard.tried(kStart), 1);
  EXPECT_EQ(guard.tried(kStart + 1min), 2);
}

TEST(SysctlGuard, BeginsAnewAfterTwoHoursOfCalm) {
  SysctlGuard guard;
  guard.tried(kStart);
  guard.tried(kStart + 1min);
  const MonoTime later = kStart + 1min + 2h;
  EXPECT_EQ(guard.tried(later), 1);
  EXPECT_EQ(guard.due(), later + 1min);
}

}  // namespace
}  // namespace relinkd::core
