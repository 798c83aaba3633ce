// SPDX-License-Identifier: Apache-2.0
#include "core/sysctl_guard.hpp"

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

using Step = SysctlStep;
constexpr MonoTime kStart{24h};

class Sysctl : public ::testing::Test {
 protected:
  Step fine(MonoTime now = kStart) { return guard.on_look(true, true, enforce, now); }
  Step drifted(MonoTime now = kStart) { return guard.on_look(true, false, enforce, now); }
  Step unreadable(MonoTime now = kStart) { return guard.on_look(false, false, enforce, now); }
  SysctlGuard guard;
  bool enforce = false;
};

class EnforcedSysctl : public Sysctl {
 protected:
  EnforcedSysctl() { enforce = true; }
};

TEST_F(Sysctl, ThatIsAsWantedFromTheBeginningIsNoNews) { EXPECT_EQ(fine(), Step::Nothing); }

TEST_F(Sysctl, ThatIsNotIsToldOnceAndItsEndToo) {
  EXPECT_EQ(drifted(), Step::TellDrift);
  EXPECT_EQ(drifted(), Step::Nothing);
  EXPECT_EQ(fine(), Step::TellFine);
  EXPECT_EQ(fine(), Step::Nothing);
}

TEST_F(EnforcedSysctl, IsPutBackAtOnceAndThatItIsFineAgainIsNotToldTwice) {
  EXPECT_EQ(fine(), Step::Nothing);
  EXPECT_EQ(drifted(), Step::PutBack);
  guard.on_answer(SysctlAnswer::Done);
  EXPECT_EQ(fine(), Step::Nothing);
}

TEST_F(EnforcedSysctl, IsNotOrderedTwiceWhileAnOrderIsUnderWay) {
  EXPECT_EQ(drifted(), Step::PutBack);
  EXPECT_EQ(drifted(kStart + 2h), Step::Nothing);
}

TEST_F(EnforcedSysctl, ThatCannotBeReadIsToldAndNotPutBack) {
  EXPECT_EQ(unreadable(), Step::TellDrift);
}

TEST_F(EnforcedSysctl, ThatCouldNotBePutBackIsToldByTheCallerAndTriedAgainLater) {
  EXPECT_EQ(drifted(), Step::PutBack);
  guard.on_answer(SysctlAnswer::Failed);
  EXPECT_EQ(drifted(kStart + 59s), Step::Nothing);
  EXPECT_EQ(drifted(kStart + 1min), Step::PutBack);
  guard.on_answer(SysctlAnswer::Done);
  EXPECT_EQ(fine(kStart + 1min), Step::Nothing);
}

TEST_F(EnforcedSysctl, ThatSomebodyElseWasQuickerToPutBackIsNoNews) {
  EXPECT_EQ(fine(), Step::Nothing);
  EXPECT_EQ(drifted(), Step::PutBack);
  guard.on_answer(SysctlAnswer::NotNeeded);
  EXPECT_EQ(fine(), Step::Nothing);
}

TEST_F(EnforcedSysctl, ThatSomebodySetsAgainIsToldAndPutBackRarerAndRarer) {
  MonoTime now = kStart;
  EXPECT_EQ(drifted(now), Step::PutBack);
  guard.on_answer(SysctlAnswer::Done);
  int attempts = 1;
  for (const Duration wait : {1min, 2min, 4min, 8min, 16min, 32min, 60min, 60min}) {
    EXPECT_EQ(drifted(now + wait - 1s), Step::TellDrift) << attempts;
    now += wait;
    EXPECT_EQ(guard.due(), now);
    EXPECT_EQ(drifted(now), Step::PutBack);
    guard.on_answer(SysctlAnswer::Done);
    EXPECT_EQ(guard.attempts(), ++attempts);
  }
}

TEST_F(EnforcedSysctl, BeginsAnewAfterTwoHoursOfCalm) {
  EXPECT_EQ(drifted(), Step::PutBack);
  guard.on_answer(SysctlAnswer::Done);
  EXPECT_EQ(drifted(kStart + 1min), Step::PutBack);
  guard.on_answer(SysctlAnswer::Done);
  const MonoTime later = kStart + 1min + 2h;
  EXPECT_EQ(drifted(later), Step::PutBack);
  EXPECT_EQ(guard.attempts(), 1);
  EXPECT_EQ(guard.due(), later + 1min);
}

}  // namespace
}  // namespace relinkd::core
