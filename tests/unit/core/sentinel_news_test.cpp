// SPDX-License-Identifier: Apache-2.0
#include "core/sentinel_news.hpp"

#include <string>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

using Kind = SentinelEvent::Kind;
using Subject = SentinelEvent::Subject;

constexpr MonoTime kNoon = MonoTime{} + 12h;
const HostPort kA{"10.0.0.1", 6379};
const HostPort kB{"10.0.0.2", 6379};

SentinelEvent event(Kind kind, const HostPort& where = kA, Subject subject = Subject::Primary) {
  SentinelEvent e;
  e.kind = kind;
  e.subject = subject;
  e.primary_name = "mymaster";
  e.where = where;
  return e;
}
SentinelEvent switched(const HostPort& from, const HostPort& to) {
  SentinelEvent e = event(Kind::SwitchMaster, from);
  e.primary = to;
  return e;
}
SentinelEvent tilt(Kind kind) {
  SentinelEvent e;
  e.kind = kind;
  return e;
}

TEST(SentinelNews, WhatSeveralSentinelsSayIsToldOnce) {
  for (const auto& [begin, end] :
       {std::pair{Kind::SDown, Kind::SDownGone}, std::pair{Kind::ODown, Kind::ODownGone}}) {
    SentinelNews news;
    EXPECT_TRUE(news.on_event("s1", event(begin), kNoon));
    EXPECT_FALSE(news.on_event("s2", event(begin), kNoon + 1s));
    EXPECT_TRUE(news.on_event("s2", event(end), kNoon + 2h)) << "hours later, too";
    EXPECT_FALSE(news.on_event("s1", event(end), kNoon + 2h));
    EXPECT_TRUE(news.on_event("s1", event(begin), kNoon + 3h));
  }
}

TEST(SentinelNews, TheEndOfWhatWasNotSeenIsNone) {
  SentinelNews news;
  EXPECT_FALSE(news.on_event("s1", event(Kind::SDownGone), kNoon));
  EXPECT_FALSE(news.on_event("s1", event(Kind::ODownGone), kNoon));
  EXPECT_FALSE(news.on_event("s1", tilt(Kind::TiltGone), kNoon));
}

TEST(SentinelNews, EachSubjectAndEachPrimaryIsItsOwn) {
  SentinelNews news;
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDown, kA), kNoon));
  EXPECT_TRUE(news.on_event("s1", event(Kind::ODown, kA), kNoon));
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDown, kB, Subject::Replica), kNoon));
  SentinelEvent other = event(Kind::SDown, kA);
  other.primary_name = "other";
  EXPECT_TRUE(news.on_event("s1", other, kNoon));
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDownGone, kB, Subject::Replica), kNoon));
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDownGone, kA), kNoon));
}

TEST(SentinelNews, TiltIsEachSentinelsOwn) {
  SentinelNews news;
  EXPECT_TRUE(news.on_event("s1", tilt(Kind::Tilt), kNoon));
  EXPECT_TRUE(news.on_event("s2", tilt(Kind::Tilt), kNoon));
  EXPECT_FALSE(news.on_event("s1", tilt(Kind::Tilt), kNoon));
  EXPECT_TRUE(news.on_event("s1", tilt(Kind::TiltGone), kNoon));
  EXPECT_TRUE(news.on_event("s1", tilt(Kind::Tilt), kNoon));
}

TEST(SentinelNews, ASwitchIsToldOnceAMinute) {
  SentinelNews news;
  EXPECT_TRUE(news.on_event("s1", switched(kA, kB), kNoon));
  EXPECT_FALSE(news.on_event("s2", switched(kA, kB), kNoon + 1s));
  EXPECT_FALSE(news.on_event("s3", switched(kA, kB), kNoon + SentinelNews::kSame - 1ns));
  EXPECT_TRUE(news.on_event("s1", switched(kA, kB), kNoon + SentinelNews::kSame));
}

TEST(SentinelNews, AnotherSwitchIsNewsAtOnce) {
  SentinelNews news;
  EXPECT_TRUE(news.on_event("s1", switched(kA, kB), kNoon));
  EXPECT_TRUE(news.on_event("s1", switched(kB, kA), kNoon + 1s));
  EXPECT_FALSE(news.on_event("s2", switched(kA, kB), kNoon + 2s)) << "the first, heard late";
  SentinelEvent other = switched(kA, kB);
  other.primary_name = "other";
  EXPECT_TRUE(news.on_event("s1", other, kNoon + 2s));
}

TEST(SentinelNews, ASwitchWithoutANewPrimaryIsNone) {
  SentinelNews news;
  EXPECT_FALSE(news.on_event("s1", event(Kind::SwitchMaster), kNoon));
}

// No Sentinel publishes -odown of a primary that it has left: without more, the next +odown of that
// node would be no news.
TEST(SentinelNews, ASwitchEndsWhatHeldOfTheOldPrimary) {
  SentinelNews news;
  news.on_event("s1", event(Kind::SDown, kA), kNoon);
  news.on_event("s1", event(Kind::ODown, kA), kNoon);
  news.on_event("s1", switched(kA, kB), kNoon + 1s);
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDown, kA, Subject::Replica), kNoon + 6s));
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDownGone, kA, Subject::Replica), kNoon + 1h));
  news.on_event("s1", switched(kB, kA), kNoon + 2h);
  EXPECT_TRUE(news.on_event("s1", event(Kind::SDown, kA), kNoon + 2h + 1s));
  EXPECT_TRUE(news.on_event("s1", event(Kind::ODown, kA), kNoon + 2h + 1s));
}

TEST(SentinelNews, AStragglersWordAboutAPrimaryThatWasLeftIsNone) {
  SentinelNews news;
  news.on_event("s1", event(Kind::ODown, kA), kNoon);
  news.on_event("s1", switched(kA, kB), kNoon + 1s);
  EXPECT_FALSE(news.on_event("s2", event(Kind::SDown, kA), kNoon + 1100ms));
  EXPECT_FALSE(news.on_event("s2", event(Kind::ODown, kA), kNoon + 1200ms));
  EXPECT_TRUE(news.on_event("s2", event(Kind::ODown, kB), kNoon + 1300ms)) << "the new one's is";
  // Primary again, and lost again, within the minute.
  EXPECT_TRUE(news.on_event("s1", switched(kB, kA), kNoon + 5s));
  EXPECT_TRUE(news.on_event("s1", event(Kind::ODown, kA), kNoon + 10s));
}

TEST(SentinelNews, WhatWasLongestUntouchedIsForgottenFirst) {
  SentinelNews news;
  const auto replica = [](int i) {
    return event(Kind::SDown, {"replica" + std::to_string(i), 6379}, Subject::Replica);
  };
  const int many = static_cast<int>(SentinelNews::kRemembered);
  for (int i = 0; i < many; ++i) {
    EXPECT_TRUE(news.on_event("s1", replica(i), kNoon + i * Duration(1ms)));
  }
  EXPECT_FALSE(news.on_event("s2", replica(0), kNoon + 1min)) << "touched";
  EXPECT_TRUE(news.on_event("s1", replica(many), kNoon + 1min));
  EXPECT_FALSE(news.on_event("s1", replica(0), kNoon + 1min));
  EXPECT_FALSE(news.on_event("s1", replica(2), kNoon + 1min));
  EXPECT_TRUE(news.on_event("s1", replica(1), kNoon + 1min)) << "made way";
}

}  // namespace
}  // namespace relinkd::core
