// SPDX-License-Identifier: Apache-2.0
#include "core/local_fault.hpp"

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kNoon = MonoTime{} + 12h;

TEST(LocalFault, OneLostEndpointIsNoFaultOfThisHost) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  EXPECT_FALSE(judge.is_local("a"));
}

TEST(LocalFault, TwoLostTogetherAtDifferentHostsAre) {
  LocalFaultJudge judge;
  judge.answered(kNoon - 1s);
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.became_unreachable("b", "10.0.0.2", kNoon + 2s);
  EXPECT_TRUE(judge.is_local("a")) << "the first, too, once the second is known";
  EXPECT_TRUE(judge.is_local("b"));
  EXPECT_FALSE(judge.is_local("c")) << "one that is not lost is not";
}

TEST(LocalFault, TwoAtOneHostAreThatHosts) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.became_unreachable("b", "10.0.0.1", kNoon);
  EXPECT_FALSE(judge.is_local("a"));
  EXPECT_FALSE(judge.is_local("b"));
}

TEST(LocalFault, TwoLostMoreThanTwoSecondsApartAreACoincidence) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.became_unreachable("b", "10.0.0.2", kNoon + 2s + 1ns);
  EXPECT_FALSE(judge.is_local("a"));
  EXPECT_FALSE(judge.is_local("b"));
}

TEST(LocalFault, AnyAnswerFromAnywhereClearsThisHost) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.became_unreachable("b", "10.0.0.2", kNoon + 1s);
  judge.answered(kNoon + 1500ms);
  EXPECT_FALSE(judge.is_local("a"));
  EXPECT_FALSE(judge.is_local("b"));
}

TEST(LocalFault, AnAnswerBetweenTheTwoClearsThisHost) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.answered(kNoon + 500ms);
  judge.became_unreachable("b", "10.0.0.2", kNoon + 1s);
  EXPECT_FALSE(judge.is_local("a"));
  EXPECT_FALSE(judge.is_local("b"));
}

TEST(LocalFault, OneThatIsSomethingElseNowNoLongerCounts) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.became_unreachable("b", "10.0.0.2", kNoon);
  judge.no_longer_unreachable("b");
  judge.no_longer_unreachable("never known");
  EXPECT_FALSE(judge.is_local("a"));
  EXPECT_FALSE(judge.is_local("b"));
}

TEST(LocalFault, TheMomentOfTheFirstLossCountsUntilItEnds) {
  LocalFaultJudge judge;
  judge.became_unreachable("a", "10.0.0.1", kNoon);
  judge.became_unreachable("a", "10.0.0.1", kNoon + 1min);  // said again
  judge.became_unreachable("b", "10.0.0.2", kNoon + 1min);
  EXPECT_FALSE(judge.is_local("a"));
}

}  // namespace
}  // namespace relinkd::core
