// SPDX-License-Identifier: Apache-2.0
// How strict a socket is, and what makes it strict enough.
#include "core/protection.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

/// What Linux gives a socket that asks for nothing (tcp(7)).
constexpr SocketOptions kBare{false, 7200s, 75s, 9, 0ms};
/// The default of `protect`: noticed after 8 s, idle or not.
constexpr SocketOptions kWanted{true, 5s, 1s, 3, 8s};

TEST(NoticedWhenIdle, IsNeverWithoutKeepalive) {
  EXPECT_EQ(noticed_when_idle(kBare), std::nullopt);
  SocketOptions only_timeout = kBare;
  only_timeout.user_timeout = 8s;
  EXPECT_EQ(noticed_when_idle(only_timeout), std::nullopt);
}

TEST(NoticedWhenIdle, IsTheIdleTimeAndAllProbes) {
  EXPECT_EQ(noticed_when_idle({true, 5s, 1s, 3, 0ms}), 8s);
  EXPECT_EQ(noticed_when_idle({true, 7200s, 75s, 9, 0ms}), 7875s);
}

TEST(NoticedWhenIdle, IsTheFirstProbeBehindTheUserTimeoutWhateverTheCount) {
  EXPECT_EQ(noticed_when_idle({true, 5s, 1s, 3, 8s}), 8s);
  EXPECT_EQ(noticed_when_idle({true, 5s, 1s, 3, 7500ms}), 8s);
  EXPECT_EQ(noticed_when_idle({true, 5s, 1s, 3, 60s}), 60s);
  EXPECT_EQ(noticed_when_idle({true, 5s, 10s, 3, 16s}), 25s);
}

TEST(NoticedWhenIdle, NeedsOneProbeUnansweredHoweverShortTheUserTimeout) {
  EXPECT_EQ(noticed_when_idle({true, 5s, 1s, 3, 1s}), 6s);
  EXPECT_EQ(noticed_when_idle({true, 5s, 1s, 3, 5s}), 6s);
}

TEST(NoticedWhenIdle, IsDefinedWhereTheIntervalIsNone) {
  EXPECT_GE(*noticed_when_idle({true, 5s, 0s, 3, 8s}), 8s);
}

TEST(NoticedInFlight, IsTheUserTimeoutOrTheKernelsPatience) {
  EXPECT_EQ(noticed_in_flight(kBare, 939s), 939s);
  EXPECT_EQ(noticed_in_flight({true, 5s, 1s, 3, 0ms}, 13s), 13s);
  EXPECT_EQ(noticed_in_flight(kWanted, 939s), 8s);
  EXPECT_EQ(noticed_in_flight({false, 5s, 1s, 3, 60s}, 13s), 60s);
}

TEST(Protect, MakesABareSocketAsStrictAsWanted) { EXPECT_EQ(protect(kBare, kWanted), kWanted); }

TEST(Protect, LeavesWhatIsStricterAsItIs) {
  const SocketOptions strict{true, 2s, 1s, 2, 3s};
  EXPECT_EQ(protect(strict, kWanted), strict);
}

TEST(Protect, TakesTheSmallerOfEachValue) {
  EXPECT_EQ(protect({true, 10s, 1s, 2, 20s}, {true, 5s, 2s, 3, 30s}),
            (SocketOptions{true, 5s, 1s, 2, 20s}));
}

TEST(Protect, TurnsKeepaliveOnWhereOnlyItsValuesAreSet) {
  EXPECT_EQ(protect({false, 2s, 1s, 2, 3s}, kWanted), (SocketOptions{true, 2s, 1s, 2, 3s}));
}

TEST(Protect, DoesNotUndoAnAppsKeepaliveByALongUserTimeout) {
  const SocketOptions own{true, 5s, 1s, 3, 0ms};  // noticed after 8 s
  const SocketOptions made = protect(own, {true, 60s, 10s, 3, 90s});
  EXPECT_EQ(made, (SocketOptions{true, 5s, 1s, 3, 8s}));
}

TEST(NoLaterThan, DoesNotTakeTheKernelsShorterPatienceAway) {
  const SocketOptions wanted{true, 30s, 10s, 6, 90s};
  EXPECT_EQ(no_later_than(wanted, 12'600ms), (SocketOptions{true, 30s, 10s, 6, 12'600ms}));
  EXPECT_EQ(no_later_than(wanted, 939s), wanted);
  EXPECT_EQ(no_later_than(wanted, 0s), wanted) << "it is not known";
  EXPECT_EQ(no_later_than(kBare, 13s), kBare);
}

/// Whatever an app has and is wanted, nothing is noticed later than with either, and doing it again
/// changes nothing.
TEST(Protect, IsNeverLaterThanEither) {
  std::vector<SocketOptions> all;
  for (const bool keepalive : {false, true}) {
    for (const Duration idle : {1s, 4s, 5s, 60s}) {
      for (const Duration interval : {1s, 3s, 7s}) {
        for (const int count : {1, 3, 9}) {
          for (const Duration timeout :
               {Duration(0ms), Duration(1500ms), Duration(8s), Duration(90s)}) {
            all.push_back({keepalive, idle, interval, count, timeout});
          }
        }
      }
    }
  }
  const auto no_later = [](const SocketOptions& a, const SocketOptions& b) {
    const auto limit = noticed_when_idle(b);
    return (!limit || *noticed_when_idle(a) <= *limit) &&
           noticed_in_flight(a, 939s) <= noticed_in_flight(b, 939s);
  };
  for (const SocketOptions& now : all) {
    for (SocketOptions wanted : all) {
      wanted.keepalive = true;
      const SocketOptions made = protect(now, wanted);
      ASSERT_TRUE(made.keepalive);
      ASSERT_TRUE(no_later(made, now));
      ASSERT_TRUE(no_later(made, wanted));
      ASSERT_EQ(made.user_timeout % 1ms, 0ns);
      ASSERT_EQ(protect(made, wanted), made);
    }
  }
}

}  // namespace
}  // namespace relinkd::core
