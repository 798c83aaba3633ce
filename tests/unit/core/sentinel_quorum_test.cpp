// SPDX-License-Identifier: Apache-2.0
#include "core/sentinel_quorum.hpp"

#include <string>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kNoon = MonoTime{} + 12h;
const HostPort kA{"10.0.0.1", 6379};
const HostPort kB{"10.0.0.2", 6379};
const HostPort kC{"10.0.0.3", 6379};

SentinelReport says(const HostPort& primary, std::uint64_t epoch) {
  SentinelReport report;
  report.primary = primary;
  report.epoch = epoch;
  return report;
}

SentinelQuorum of(int sentinels) {
  SentinelQuorum quorum;
  for (int i = 1; i <= sentinels; ++i) quorum.know("s" + std::to_string(i));
  return quorum;
}

TEST(SentinelQuorum, BelievesNothingBeforeTheFirstReport) {
  SentinelQuorum quorum = of(3);
  EXPECT_FALSE(quorum.belief(kNoon));
  EXPECT_EQ(quorum.deadline(kNoon), kNever);
  quorum.restore(kA, 4);
  EXPECT_FALSE(quorum.belief(kNoon));
}

TEST(SentinelQuorum, OneOfThreeIsBelievedButConfirmsNothing) {
  SentinelQuorum quorum = of(3);
  EXPECT_TRUE(quorum.on_report("s1", says(kA, 1), kNoon));
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kA, 1, 1, 3}));
  EXPECT_FALSE(quorum.belief(kNoon)->confirmed());
  EXPECT_FALSE(quorum.on_report("s2", says(kA, 1), kNoon)) << "the same again is no news";
  EXPECT_TRUE(quorum.belief(kNoon)->confirmed());
}

TEST(SentinelQuorum, AMajorityIsMoreThanHalfOfAllThatAreKnown) {
  for (const auto& [known, needed] :
       {std::pair{1U, 1U}, {2U, 2U}, {3U, 2U}, {4U, 3U}, {5U, 3U}, {6U, 4U}}) {
    SentinelQuorum quorum = of(static_cast<int>(known));
    for (unsigned votes = 1; votes <= known; ++votes) {
      quorum.on_report("s" + std::to_string(votes), says(kA, 1), kNoon);
      EXPECT_EQ(quorum.belief(kNoon)->confirmed(), votes >= needed) << votes << " of " << known;
    }
  }
}

TEST(SentinelQuorum, TheHighestEpochWinsAtOnceAndIsConfirmedByAMajority) {
  SentinelQuorum quorum = of(3);
  for (const char* s : {"s1", "s2", "s3"}) quorum.on_report(s, says(kA, 1), kNoon);
  EXPECT_TRUE(quorum.on_report("s2", says(kB, 2), kNoon + 1s));
  EXPECT_EQ(quorum.belief(kNoon + 1s), (SentinelQuorum::Belief{kB, 2, 1, 3}));
  EXPECT_FALSE(quorum.on_report("s3", says(kB, 2), kNoon + 1s));
  EXPECT_TRUE(quorum.belief(kNoon + 1s)->confirmed());
}

TEST(SentinelQuorum, AnEpochAloneIsNewsToo) {
  SentinelQuorum quorum = of(1);
  quorum.on_report("s1", says(kA, 1), kNoon);
  EXPECT_TRUE(quorum.on_report("s1", says(kA, 2), kNoon));
  EXPECT_EQ(quorum.belief(kNoon)->epoch, 2U);
}

// The Sentinel that is cut off together with the old primary goes on saying so.
TEST(SentinelQuorum, OneThatIsBehindIsNotBelieved) {
  SentinelQuorum quorum = of(3);
  quorum.on_report("s1", says(kB, 2), kNoon);
  for (int i = 0; i < 600; ++i) {
    EXPECT_FALSE(quorum.on_report("s3", says(kA, 1), kNoon + i * Duration(1s)));
  }
  const auto belief = quorum.belief(kNoon + 10min);
  EXPECT_EQ(belief, (SentinelQuorum::Belief{kB, 2, 0, 3}));
  EXPECT_FALSE(belief->confirmed());
}

TEST(SentinelQuorum, WhereItIsTheOnlyOneHeardItsBeliefIsNotConfirmed) {
  SentinelQuorum quorum = of(1);
  quorum.know("s2");  // named by s1, and silent
  quorum.know("s3");
  for (int i = 0; i < 600; ++i) quorum.on_report("s1", says(kA, 1), kNoon + i * Duration(1s));
  EXPECT_EQ(quorum.belief(kNoon + 599s), (SentinelQuorum::Belief{kA, 1, 1, 3}));
}

TEST(SentinelQuorum, ALowerEpochThanBeforeARestartIsNotBelieved) {
  SentinelQuorum quorum = of(3);
  quorum.restore(kB, 7);
  EXPECT_TRUE(quorum.on_report("s3", says(kA, 6), kNoon)) << "there is a belief now";
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kB, 7, 0, 3}));
  EXPECT_FALSE(quorum.on_report("s1", says(kB, 7), kNoon));
  EXPECT_EQ(quorum.belief(kNoon)->votes, 1U);
  EXPECT_TRUE(quorum.on_report("s2", says(kC, 8), kNoon));
}

TEST(SentinelQuorum, AtTheSameEpochOnlyAMajorityChangesTheAddress) {
  SentinelQuorum quorum = of(4);
  quorum.on_report("s1", says(kA, 3), kNoon);
  EXPECT_FALSE(quorum.on_report("s2", says(kB, 3), kNoon));
  EXPECT_FALSE(quorum.on_report("s3", says(kB, 3), kNoon)) << "half is no majority";
  EXPECT_EQ(quorum.belief(kNoon)->primary, kA);
  EXPECT_TRUE(quorum.on_report("s4", says(kB, 3), kNoon));
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kB, 3, 3, 4}));
}

TEST(SentinelQuorum, OldVotesChangeNoAddressEither) {
  SentinelQuorum quorum = of(3);
  quorum.on_report("s1", says(kA, 3), kNoon);
  quorum.on_report("s2", says(kB, 3), kNoon);
  EXPECT_FALSE(quorum.on_report("s3", says(kB, 3), kNoon + SentinelQuorum::kFresh));
  EXPECT_TRUE(quorum.on_report("s2", says(kB, 3), kNoon + SentinelQuorum::kFresh));
}

TEST(SentinelQuorum, AVoteLapsesAndTheDeadlineTellsWhen) {
  SentinelQuorum quorum = of(3);
  quorum.on_report("s1", says(kA, 1), kNoon);
  quorum.on_report("s2", says(kA, 1), kNoon + 2s);
  quorum.on_report("s3", says(kB, 0), kNoon + 3s);
  const MonoTime first = kNoon + SentinelQuorum::kFresh;
  EXPECT_EQ(quorum.deadline(kNoon + 3s), first);
  EXPECT_EQ(quorum.belief(first - 1ns)->votes, 2U);
  EXPECT_EQ(quorum.belief(first)->votes, 1U);
  EXPECT_EQ(quorum.deadline(first), first + 2s);
  EXPECT_EQ(quorum.belief(first + 2s), (SentinelQuorum::Belief{kA, 1, 0, 3})) << "still believed";
  EXPECT_EQ(quorum.deadline(first + 2s), kNever) << "s3's vote for another lapses without a change";
}

TEST(SentinelQuorum, OneThatTakesItsWordBackNoLongerVotes) {
  SentinelQuorum quorum = of(3);
  quorum.on_report("s1", says(kB, 2), kNoon);
  quorum.on_report("s2", says(kB, 2), kNoon);
  quorum.on_report("s1", says(kA, 1), kNoon + 1s);
  EXPECT_EQ(quorum.belief(kNoon + 1s), (SentinelQuorum::Belief{kB, 2, 1, 3}));
}

TEST(SentinelQuorum, AnAddressAndAnIdOfOneSentinelAreOneVote) {
  SentinelQuorum quorum;
  quorum.know("10.0.0.9:26379");
  quorum.on_report("10.0.0.9:26379", says(kA, 1), kNoon);
  quorum.know("id9");  // another Sentinel named it
  EXPECT_EQ(quorum.belief(kNoon)->known, 2U);
  quorum.rename("10.0.0.9:26379", "id9");
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kA, 1, 1, 1}));
  quorum.rename("10.0.0.9:26379", "id9");
  quorum.rename("id9", "id9");
  quorum.rename("never known", "id8");
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kA, 1, 1, 1}));
}

TEST(SentinelQuorum, OfTwoVotesThatAreOneTheNewerCounts) {
  for (const bool address_is_newer : {false, true}) {
    SentinelQuorum quorum;
    quorum.on_report("id", says(kB, 2), kNoon + (address_is_newer ? 0s : 2s));
    quorum.on_report("address", says(kA, 1), kNoon + 1s);
    quorum.rename("address", "id");
    EXPECT_EQ(quorum.belief(kNoon + 2s),
              (SentinelQuorum::Belief{kB, 2, address_is_newer ? 0U : 1U, 1}));
  }
}

TEST(SentinelQuorum, AForgottenOneIsNeitherCountedNorHeard) {
  SentinelQuorum quorum = of(3);
  quorum.on_report("s1", says(kA, 1), kNoon);
  quorum.on_report("s2", says(kA, 1), kNoon);
  quorum.forget("s2");
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kA, 1, 1, 2}));
  quorum.forget("s3");
  EXPECT_TRUE(quorum.belief(kNoon)->confirmed());
}

TEST(SentinelQuorum, WhoReportsIsKnown) {
  SentinelQuorum quorum;
  quorum.on_report("s1", says(kA, 1), kNoon);
  EXPECT_EQ(quorum.belief(kNoon), (SentinelQuorum::Belief{kA, 1, 1, 1}));
}

TEST(SentinelQuorum, MoreThanCanBeRememberedAreIgnored) {
  SentinelQuorum quorum = of(1000);
  quorum.on_report("s1", says(kA, 1), kNoon);
  EXPECT_EQ(quorum.belief(kNoon)->known, SentinelQuorum::kRemembered);
  EXPECT_FALSE(quorum.on_report("s1000", says(kB, 9), kNoon));
  EXPECT_EQ(quorum.belief(kNoon)->primary, kA);
  quorum.rename("s2", "another");
  EXPECT_EQ(quorum.belief(kNoon)->known, SentinelQuorum::kRemembered);
}

// SENTINEL REMOVE and MONITOR at all Sentinels: the epoch is 0 again.
TEST(SentinelQuorum, AllThatAreKnownMaySetUpAnew) {
  SentinelQuorum quorum = of(3);
  quorum.restore(kA, 12);
  const auto everybody = [&](MonoTime now) {
    bool changed = false;
    for (const char* s : {"s1", "s2", "s3"}) {
      changed = quorum.on_report(s, says(kB, 0), now) || changed;
    }
    return changed;
  };
  everybody(kNoon);
  for (Duration t = 1s; t < SentinelQuorum::kSetAnew; t += 1s) EXPECT_FALSE(everybody(kNoon + t));
  EXPECT_EQ(quorum.belief(kNoon)->primary, kA);
  EXPECT_TRUE(everybody(kNoon + SentinelQuorum::kSetAnew));
  EXPECT_EQ(quorum.belief(kNoon + SentinelQuorum::kSetAnew), (SentinelQuorum::Belief{kB, 0, 3, 3}));
}

TEST(SentinelQuorum, AMajorityIsNotEnoughToSetUpAnewNorIsAMomentWithoutTheThird) {
  SentinelQuorum quorum = of(3);
  quorum.restore(kA, 12);
  for (Duration t = 0s; t < 10min; t += 1s) {
    quorum.on_report("s1", says(kB, 0), kNoon + t);
    quorum.on_report("s2", says(kB, 0), kNoon + t);
    // Agrees for half a minute, is silent for half a minute.
    if (t % Duration(1min) < 30s) quorum.on_report("s3", says(kB, 0), kNoon + t);
  }
  EXPECT_EQ(quorum.belief(kNoon + 10min)->primary, kA);
}

TEST(SentinelQuorum, ANewlyNamedSentinelStopsSettingUpAnew) {
  SentinelQuorum quorum = of(1);
  quorum.restore(kA, 12);
  for (Duration t = 0s; t < 10min; t += 1s) {
    if (t == 30s) quorum.know("s2");
    quorum.on_report("s1", says(kB, 3), kNoon + t);
  }
  EXPECT_EQ(quorum.belief(kNoon + 10min)->primary, kA);
}

}  // namespace
}  // namespace relinkd::core
