// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A key whose value is a duration, both in [watch] and in an [[endpoint]].
struct DurationRange {
  const char* key;
  Duration Watch::*top = nullptr;
  Duration (*get)(const Watch&) = nullptr;
  const char* least;
  Duration least_value;
  const char* most;
  Duration most_value;
  const char* below;
  const char* above;
  const char* companions = "";  // what the rules between keys need at the ends of the range
};

Duration value_of(const DurationRange& range, const Watch& watch) {
  return range.top ? watch.*range.top : range.get(watch);
}

void PrintTo(const DurationRange& range, std::ostream* out) { *out << range.key; }

class DurationKeys : public testing::TestWithParam<DurationRange> {};

TEST_P(DurationKeys, TakeBothEndsOfTheirRange) {
  const DurationRange& p = GetParam();
  const std::string start = std::string(p.companions) + p.key + " = ";
  EXPECT_EQ(value_of(p, settings("[watch]\n" + start + p.least).watch), p.least_value);
  EXPECT_EQ(value_of(p, settings("[watch]\n" + start + p.most).watch), p.most_value);
}

TEST_P(DurationKeys, WorkInAnEndpointToo) {
  const DurationRange& p = GetParam();
  const std::string start = std::string(p.companions) + p.key + " = ";
  EXPECT_EQ(value_of(p, endpoint(start + p.least).watch), p.least_value);
  EXPECT_EQ(value_of(p, endpoint(start + p.most).watch), p.most_value);
}

std::string unquoted(const std::string& text) { return text.substr(1, text.size() - 2); }

TEST_P(DurationKeys, RefuseWhatIsOutsideAndSayTheRange) {
  const DurationRange& p = GetParam();
  const std::string column = std::to_string(std::string(p.key).size() + 4);
  const std::string range = unquoted(p.least) + " to " + unquoted(p.most);
  const auto check = [&](const std::string& value) {
    const std::string line = std::string(p.key) + " = " + value;
    const std::string problem =
        std::string(p.key) + ": '" + unquoted(value) + "' is out of range: " + range;
    EXPECT_THAT(errors("[watch]\n" + line), ElementsAre("f:2:" + column + ": watch." + problem));
    EXPECT_THAT(endpoint_errors(line), ElementsAre("f:2:" + column + ": endpoint." + problem));
  };
  check(p.below);
  check(p.above);
}

TEST_P(DurationKeys, RefuseOtherTypes) {
  const DurationRange& p = GetParam();
  const std::string column = std::to_string(std::string(p.key).size() + 4);
  const std::string start =
      "f:2:" + column + ": watch." + p.key + ": expected a duration such as \"1s\", found ";
  const std::string line = "[watch]\n" + std::string(p.key) + " = ";
  EXPECT_THAT(errors(line + "5"), ElementsAre(start + "an integer"));
  EXPECT_THAT(errors(line + "5.5"), ElementsAre(start + "a float"));
  EXPECT_THAT(errors(line + "true"), ElementsAre(start + "a boolean"));
  EXPECT_THAT(errors(line + "1979-05-27"), ElementsAre(start + "a date or time"));
  EXPECT_THAT(errors(line + "[\"5s\"]"), ElementsAre(start + "an array"));
  EXPECT_THAT(errors(line + "[{}]"), ElementsAre(start + "an array of tables"));
  EXPECT_THAT(errors(line + "{ s = 5 }"), ElementsAre(start + "a table"));
}

INSTANTIATE_TEST_SUITE_P(
    Watch, DurationKeys,
    testing::Values(
        DurationRange{"ping_interval", &Watch::ping_interval, nullptr, "\"50ms\"", 50ms, "\"1h\"",
                      1h, "\"49ms\"", "\"3601s\""},
        DurationRange{"command_timeout", &Watch::command_timeout, nullptr, "\"200ms\"", 200ms,
                      "\"1m\"", 1min, "\"199ms\"", "\"61s\""},
        DurationRange{"connect_timeout", &Watch::connect_timeout, nullptr, "\"100ms\"", 100ms,
                      "\"5m\"", 5min, "\"99ms\"", "\"301s\""},
        DurationRange{"topology_interval", &Watch::topology_interval, nullptr, "\"1s\"", 1s,
                      "\"1h\"", 1h, "\"999ms\"", "\"61m\""},
        DurationRange{"keepalive.idle", nullptr, [](const Watch& w) { return w.keepalive.idle; },
                      "\"1s\"", 1s, "\"32767s\"", 32767s, "\"0s\"", "\"32768s\""},
        DurationRange{"keepalive.interval", nullptr,
                      [](const Watch& w) { return w.keepalive.interval; }, "\"1s\"", 1s,
                      "\"32767s\"", 32767s, "\"500ms\"", "\"32768s\""},
        DurationRange{"backoff.initial", nullptr, [](const Watch& w) { return w.backoff.initial; },
                      "\"10ms\"", 10ms, "\"1h\"", 1h, "\"9ms\"", "\"61m\"",
                      "backoff.max = \"1h\"\n"},
        DurationRange{"backoff.max", nullptr, [](const Watch& w) { return w.backoff.max; },
                      "\"10ms\"", 10ms, "\"1h\"", 1h, "\"9ms\"", "\"61m\"",
                      "backoff.initial = \"10ms\"\n"}));

TEST(SlowThreshold, IsFrom1MillisecondToOneMinute) {
  EXPECT_EQ(settings("[watch]\nslow_threshold = \"1ms\"").watch.slow_threshold, 1ms);
  EXPECT_EQ(settings("[watch]\ncommand_timeout = \"1m\"\nslow_threshold = \"59999ms\"")
                .watch.slow_threshold,
            59999ms);
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"999us\""),
              ElementsAre("f:2:18: watch.slow_threshold: '999us' is out of range: 1ms to 1m"));
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"61s\""),
              ElementsAre("f:2:18: watch.slow_threshold: '61s' is out of range: 1ms to 1m"));
}

TEST(Durations, AreOneWholeNumberAndOneUnit) {
  EXPECT_EQ(settings("[watch]\nping_interval = \"250000us\"").watch.ping_interval, 250ms);
  for (const char* bad : {"", "1", "s", "1.5s", "5 s", " 5s", "-5s", "+5s", "1m30s", "5S", "5sec",
                          "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_THAT(errors("[watch]\nping_interval = \"" + std::string(bad) + "\""),
                ElementsAre("f:2:17: watch.ping_interval: '" + std::string(bad) +
                            "' is not a duration from 50ms to 1h: one whole number and one unit "
                            "of us, ms, s, m, h, d"))
        << bad;
  }
}

TEST(Keepalive, IsInWholeSecondsAsTheKernelCountsThem) {
  EXPECT_EQ(settings("[watch]\nkeepalive = { idle = \"2000ms\" }").watch.keepalive.idle, 2s);
  EXPECT_THAT(
      errors("[watch]\nkeepalive = { idle = \"1500ms\" }"),
      ElementsAre("f:2:22: watch.keepalive.idle: '1500ms' is not a whole number of seconds"));
}

TEST(Keepalive, CountIsFrom1To127) {
  EXPECT_EQ(settings("[watch]\nkeepalive.count = 1").watch.keepalive.count, 1);
  EXPECT_EQ(settings("[watch]\nkeepalive.count = 127").watch.keepalive.count, 127);
  EXPECT_THAT(errors("[watch]\nkeepalive.count = 0"),
              ElementsAre("f:2:19: watch.keepalive.count: 0 is out of range: 1 to 127"));
  EXPECT_THAT(errors("[watch]\nkeepalive.count = 128"),
              ElementsAre("f:2:19: watch.keepalive.count: 128 is out of range: 1 to 127"));
  EXPECT_THAT(errors("[watch]\nkeepalive.count = 4294967297"),
              ElementsAre("f:2:19: watch.keepalive.count: 4294967297 is out of range: 1 to 127"));
  EXPECT_THAT(errors("[watch]\nkeepalive.count = \"3\""),
              ElementsAre("f:2:19: watch.keepalive.count: expected an integer, found a string"));
}

TEST(IdleWatch, IsAListOfAgesOrAWord) {
  const auto read = [](const std::string& value) {
    return settings("[watch]\nidle_watch = " + value).watch.idle_watch;
  };
  EXPECT_EQ(read("\"off\""), (IdleWatch{IdleWatch::Mode::Off, {}}));
  EXPECT_EQ(read("\"keepalive\""), (IdleWatch{IdleWatch::Mode::Keepalive, {}}));
  EXPECT_EQ(read("{ ages = [\"1s\"] }"), (IdleWatch{IdleWatch::Mode::Ages, {1s}}));
  EXPECT_EQ(read("{ ages = [\"1s\", \"5s\", \"1d\"] }"),
            (IdleWatch{IdleWatch::Mode::Ages, {1s, 5s, 24h}}));
}

TEST(IdleWatch, RefusesOtherValues) {
  const std::string line = "[watch]\nidle_watch = ";
  const std::string start =
      "f:2:14: watch.idle_watch: expected { ages = […] }, \"keepalive\" or "
      "\"off\", found ";
  EXPECT_THAT(errors(line + "\"on\""), ElementsAre(start + "'on'"));
  EXPECT_THAT(errors(line + "false"), ElementsAre(start + "a boolean"));
  EXPECT_THAT(errors(line + "[\"1m\"]"), ElementsAre(start + "an array"));
  EXPECT_THAT(errors(line + "{}"), ElementsAre(start + "no ages"));
  EXPECT_THAT(errors(line + "{ age = [\"1m\"] }"),
              ElementsAre(start + "no ages",
                          "f:2:16: watch.idle_watch: unknown key 'age'; did you mean 'ages'?"));
}

TEST(IdleWatch, HasOneTo16RisingAges) {
  const std::string line = "[watch]\nidle_watch.ages = ";
  std::string seventeen = "[\"1s\"";
  for (int i = 2; i <= 17; ++i) seventeen += ", \"" + std::to_string(i) + "s\"";
  const std::string sixteen = seventeen.substr(0, seventeen.rfind(',')) + "]";
  EXPECT_THAT(errors(line + sixteen), IsEmpty());
  EXPECT_THAT(errors(line + seventeen + "]"),
              ElementsAre("f:2:19: watch.idle_watch: 17 ages are out of range: 1 to 16"));
  EXPECT_THAT(errors(line + "[]"),
              ElementsAre("f:2:19: watch.idle_watch: 0 ages are out of range: 1 to 16"));
  EXPECT_THAT(errors(line + "\"1m\""),
              ElementsAre("f:2:19: watch.idle_watch: expected an array of durations, found a "
                          "string"));
  EXPECT_THAT(errors(line + "[\"5m\", \"1m\"]"),
              ElementsAre("f:2:26: watch.idle_watch: ages must rise: 1m follows 5m"));
  EXPECT_THAT(errors(line + "[\"60s\", \"1m\"]"),
              ElementsAre("f:2:27: watch.idle_watch: ages must rise: 1m follows 1m"));
}

TEST(IdleWatch, EveryBadAgeIsReportedInItsPlace) {
  EXPECT_THAT(
      errors("[watch]\nidle_watch.ages = [\n  \"999ms\",\n  \"1m\", 5,\n  \"25h\"]"),
      ElementsAre("f:3:3: watch.idle_watch: '999ms' is out of range: 1s to 1d",
                  "f:4:9: watch.idle_watch: expected a duration such as \"1s\", found an integer",
                  "f:5:3: watch.idle_watch: '25h' is out of range: 1s to 1d"));
}

}  // namespace
}  // namespace relinkd::config::test
