// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace relinkd {
namespace {

TEST(ToText, HasTheDigitsThatMatter) {
  const std::vector<std::pair<Duration, const char*>> table{
      {0s, "0 µs"},
      {1us, "1 µs"},
      {200us, "200 µs"},
      {999us, "999 µs"},
      {999499ns, "999 µs"},
      {999500ns, "1.0 ms"},
      {1100us, "1.1 ms"},
      {99400us, "99.4 ms"},
      {99500us, "0.10 s"},
      {620ms, "0.62 s"},
      {1s, "1.00 s"},
      {9994ms, "9.99 s"},
      {9995ms, "10.0 s"},
      {38400ms, "38.4 s"},
      {59940ms, "59.9 s"},
      {59950ms, "1 min"},
      {939s, "15 min 39 s"},
      {1h - 1s, "59 min 59 s"},
      {1h - 1ms, "1 h"},
      {131min, "2 h 11 min"},
      {48h - 1min, "47 h 59 min"},
      {48h, "2 d 0 h"},
      {24h * 400 + 5h, "400 d 5 h"},
  };
  for (const auto& [time, text] : table) EXPECT_EQ(to_text(time), text);
}

TEST(ToText, KeepsTheSign) {
  EXPECT_EQ(to_text(-620ms), "-0.62 s");
  EXPECT_EQ(to_text(-1us), "-1 µs");
}

TEST(ToText, NeverNamesSixtyOfSomething) {
  for (Duration d = 58s; d < 62s; d += 7ms) {
    const std::string text = to_text(d);
    EXPECT_EQ(text.find("60"), std::string::npos) << text;
  }
}

TEST(ToConfigText, UsesTheLargestUnitThatDivides) {
  const std::vector<std::pair<Duration, const char*>> table{
      {0s, "0s"},
      {1h, "1h"},
      {90s, "90s"},
      {60s, "1m"},
      {100ms, "100ms"},
      {24h, "1d"},
      {36h, "36h"},
      {1500us, "1500us"},
      {5min, "5m"},
      {7ns, "7ns"},
      {1s + 1ns, "1000000001ns"},
  };
  for (const auto& [time, text] : table) EXPECT_EQ(to_config_text(time), text);
}

TEST(ToConfigText, IsReadBackAsTheSameTime) {
  const std::vector<Duration> table{1us, 999us, 20ms, 1500ms, 90s, 1h, 24h, 7 * 24h};
  for (const Duration d : table) {
    EXPECT_EQ(parse_duration(to_config_text(d)), d) << to_config_text(d);
  }
}

TEST(ToIso8601, IsUtcWithMilliseconds) {
  EXPECT_EQ(to_iso8601(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(WallTime{1795342500s + 123ms}), "2026-11-22T10:15:00.123Z");
  EXPECT_EQ(to_iso8601(WallTime{1795342500s + 123999us}), "2026-11-22T10:15:00.123Z")
      << "cut, not rounded into the next second";
  EXPECT_EQ(to_iso8601(WallTime{1709164800s}), "2024-02-29T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
}

TEST(Seconds, GoThereAndBack) {
  EXPECT_DOUBLE_EQ(to_seconds(1500ms), 1.5);
  EXPECT_EQ(from_seconds(0.25), 250ms);
  EXPECT_EQ(from_seconds(to_seconds(37h)), 37h);
}

}  // namespace
}  // namespace relinkd
