// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/incidents_view.hpp"

#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "journal/catalog.hpp"

namespace relinkd::relinkctl {
namespace {

using journal::Event;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// 2026-11-22T10:15:00Z
constexpr WallTime kNoon{std::chrono::seconds(1'795'342'500)};

IncidentLine line(Duration at, Event event, std::string message, std::string app = {}) {
  IncidentLine l;
  l.time = kNoon + at;
  l.incident = "sessions-1";
  l.message_id = journal::message_id(event);
  l.endpoint = "sessions";
  l.app = std::move(app);
  l.message = std::move(message);
  return l;
}

/// As the journal is read: the newest first. `lines` are in the order of their time.
Incidents gather(const std::vector<IncidentLine>& lines) {
  Incidents incidents;
  for (auto it = lines.rbegin(); it != lines.rend(); ++it) incidents.add(*it);
  return incidents;
}

/// The end of the one incident that `lines` tell of, counted from noon.
std::optional<Duration> end_of(const std::vector<IncidentLine>& lines) {
  const auto all = gather(lines).all();
  EXPECT_EQ(all.size(), 1U);
  if (!all.at(0).end) return std::nullopt;
  return *all[0].end - kNoon;
}

TEST(Incident, IsATimelineFromItsFirstLineToItsLast) {
  const auto all = gather({line(0s, Event::ConditionHalfOpen, "half-open"),
                           line(1s, Event::RelinkDecided, "3 dead", "checkout"),
                           line(2s, Event::RelinkDecided, "1 dead", "billing"),
                           line(3s, Event::RelinkRecovered, "reconnected", "checkout"),
                           line(4s, Event::ConditionOk, "ok")})
                       .all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, "sessions-1");
  EXPECT_EQ(all[0].begin, kNoon);
  EXPECT_EQ(all[0].end, kNoon + 4s);
  EXPECT_EQ(all[0].endpoint, "sessions");
  EXPECT_THAT(all[0].apps, ElementsAre("checkout", "billing"));
  EXPECT_EQ(all[0].lines, 5U);
  std::vector<std::string> messages;
  for (const auto& one : all[0].timeline) messages.push_back(one.message);
  EXPECT_THAT(messages, ElementsAre("half-open", "3 dead", "1 dead", "reconnected", "ok"));
}

TEST(Incident, BeginsWhenItsIdSaysAlsoWhereTheLinesBeginLater) {
  auto late = line(1h, Event::ConditionOk, "ok");
  late.incident = "my-sessions-20261122T101500.250";
  const auto all = gather({late}).all();
  EXPECT_EQ(all.at(0).begin, kNoon + 250ms);
  EXPECT_EQ(begin_by_id("a-20261122T101500.000"), kNoon);
  for (const std::string id :
       {"", "-", "sessions-1", "sessions-20261122T101500", "sessions-20261122T101500.",
        "sessions-20261122T101500.1000", "sessions-20261322T101500.000", "20261122T101500.000"}) {
    EXPECT_EQ(begin_by_id(id), std::nullopt) << id;
  }
}

TEST(Incident, OfManyLinesKeepsTheFirstAndTheLast) {
  std::vector<IncidentLine> lines;
  for (int i = 0; i < 250; ++i) {
    lines.push_back(line(std::chrono::seconds(i), Event::RelinkActed, std::to_string(i)));
  }
  const Incident one = gather(lines).all().at(0);
  EXPECT_EQ(one.lines, 250U);
  EXPECT_EQ(one.left_out(), 150U);
  EXPECT_EQ(one.timeline.size(), 100U);
  EXPECT_EQ(one.timeline[0].message, "0");
  EXPECT_EQ(one.timeline[49].message, "49");
  EXPECT_EQ(one.timeline[50].message, "200");
  EXPECT_EQ(one.timeline[99].message, "249");
  EXPECT_THAT(render_incidents(gather(lines), kNoon, kNoon, Screen{}),
              HasSubstr("  49\n  … 150 lines left out here; journalctl "
                        "RELINKD_INCIDENT=sessions-1 has them\n"));
}

TEST(Incident, IsOverWhenTheEndpointCanBeUsedAgain) {
  const auto half_open = line(0s, Event::ConditionHalfOpen, "");
  EXPECT_EQ(end_of({half_open}), std::nullopt);
  for (const Event event : {Event::ConditionOk, Event::ConditionSlow, Event::ConditionUnknown}) {
    EXPECT_EQ(end_of({half_open, line(2s, event, "")}), 2s);
  }
  EXPECT_EQ(end_of({half_open, line(2s, Event::ConditionRefused, "")}), std::nullopt);
}

TEST(Incident, IsNotReopenedByTheStoryThatIsToldAfterIt) {
  EXPECT_EQ(end_of({line(0s, Event::ConditionHalfOpen, ""), line(2s, Event::ConditionOk, ""),
                    line(3s, Event::Failover, "")}),
            2s);
}

TEST(Incident, IsOverWhenTheAppHasReconnectedAndNotWhenItGaveUp) {
  const auto decided = line(0s, Event::RelinkDecided, "", "checkout");
  EXPECT_EQ(end_of({decided, line(1s, Event::RelinkActed, "", "checkout")}), std::nullopt);
  EXPECT_EQ(end_of({decided, line(1s, Event::RelinkFailed, "", "checkout"),
                    line(5s, Event::RelinkRecovered, "", "checkout")}),
            5s);
  EXPECT_EQ(end_of({line(0s, Event::ConditionHalfOpen, ""), line(2s, Event::ConditionOk, ""),
                    line(9s, Event::RelinkFailed, "", "checkout")}),
            std::nullopt);
}

TEST(Incidents, StandInTheOrderOfTheirBeginnings) {
  auto other = line(1s, Event::ConditionRefused, "");
  other.incident = "a-later-one";
  const auto all =
      gather({line(0s, Event::ConditionHalfOpen, ""), other, line(2s, Event::ConditionOk, "")})
          .all();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, "sessions-1");
  EXPECT_EQ(all[1].id, "a-later-one");
}

TEST(Incidents, AreBoundedAndTheNewestAreKept) {
  Incidents incidents;
  for (std::size_t i = 0; i < Incidents::kMost + 5; ++i) {
    EXPECT_FALSE(incidents.more() && i < Incidents::kMost);
    IncidentLine l = line(-std::chrono::seconds(i), Event::ConditionRefused, "");
    l.incident = std::to_string(i);
    for (int app = 0; app < 40; ++app) {
      l.app = std::to_string(app);
      incidents.add(l);
    }
  }
  const auto all = incidents.all();
  EXPECT_EQ(all.size(), Incidents::kMost);
  EXPECT_EQ(all.back().id, "0");
  EXPECT_EQ(all.back().apps.size(), Incident::kMostApps);
  EXPECT_TRUE(incidents.more());
  EXPECT_THAT(render_incidents(incidents, kNoon, kNoon, Screen{}),
              HasSubstr("These are the last 1000; there were more.\n"));
}

class IncidentTimes : public ::testing::Test {
 protected:
  IncidentTimes() {
    setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): one thread
    tzset();
  }
};

TEST_F(IncidentTimes, AreOfTheDayAndAfterTheBeginning) {
  EXPECT_EQ(render_incidents(gather({line(0s, Event::ConditionHalfOpen, "sessions: half-open"),
                                     line(70ms, Event::RelinkDecided, "3 dead", "checkout"),
                                     line(2s, Event::ConditionOk, "sessions: ok")}),
                             kNoon - 1h, kNoon + 1h, Screen{}),
            "sessions-1: endpoint sessions, app checkout\n"
            "  began 2026-11-22 10:15:00, over after 2.00 s\n"
            "  TIME          AFTER     EVENT           WHAT\n"
            "  10:15:00.000  0 s       half_open       sessions: half-open\n"
            "  10:15:00.070  +70.0 ms  relink_decided  3 dead\n"
            "  10:15:02.000  +2.00 s   ok              sessions: ok\n");
  EXPECT_EQ(render_incidents({}, kNoon, kNoon, Screen{}),
            "No incident since 2026-11-22 10:15:00.\n");
}

TEST_F(IncidentTimes, SayThatAnIncidentIsNotOver) {
  EXPECT_THAT(render_incidents(gather({line(0s, Event::ConditionRefused, "refused")}), kNoon,
                               kNoon + 3h, Screen{}),
              HasSubstr("began 2026-11-22 10:15:00, not over for 3 h\n"));
}

TEST_F(IncidentTimes, SayThatAnIncidentBeganBeforeWhatWasRead) {
  auto ok = line(1h, Event::ConditionOk, "ok");
  ok.incident = "sessions-20261122T101500.000";
  const Incidents incidents = gather({ok});
  EXPECT_THAT(render_incidents(incidents, kNoon + 30min, kNoon + 2h, Screen{}),
              HasSubstr("began 2026-11-22 10:15:00, over after 1 h; it began before --since, so "
                        "its first lines are not shown\n"));
  EXPECT_THAT(render_incidents(incidents, kNoon, kNoon + 2h, Screen{}),
              ::testing::Not(HasSubstr("before --since")));
  const auto json = nlohmann::json::parse(incidents_json(incidents, kNoon + 30min));
  EXPECT_EQ(json["incidents"][0]["began_before_since"], true);
  EXPECT_EQ(json["incidents"][0]["begin"], "2026-11-22T10:15:00.000Z");
}

TEST_F(IncidentTimes, AreJsonForPrograms) {
  const auto json = nlohmann::json::parse(
      incidents_json(gather({line(0s, Event::ConditionHalfOpen, "one", "checkout"),
                             line(2s, Event::ConditionOk, "two")}),
                     kNoon));
  EXPECT_EQ(json, nlohmann::json::parse(R"({"incidents":[{"incident":"sessions-1",
      "begin":"2026-11-22T10:15:00.000Z","began_before_since":false,
      "end":"2026-11-22T10:15:02.000Z","endpoint":"sessions",
      "apps":["checkout"],"lines":2,"first":"one","last":"two","left_out":0,"timeline":[
        {"time":"2026-11-22T10:15:00.000Z","event":"half_open","priority":6,"app":"checkout",
         "message":"one"},
        {"time":"2026-11-22T10:15:02.000Z","event":"ok","priority":6,"app":"",
         "message":"two"}]}],"more":false})"));
  const auto open = nlohmann::json::parse(
      incidents_json(gather({line(0s, Event::ConditionRefused, "x\xff")}), kNoon));
  EXPECT_TRUE(open["incidents"][0]["end"].is_null());
  EXPECT_THAT(nlohmann::json::parse(incidents_json({}, kNoon))["incidents"], IsEmpty());
}

TEST_F(IncidentTimes, AreSearchedFromATimeOrATimeAgo) {
  EXPECT_EQ(parse_since("2h", kNoon), kNoon - 2h);
  EXPECT_EQ(parse_since("7d", kNoon), kNoon - 7 * 24h);
  EXPECT_EQ(parse_since("2026-11-22 10:15", kNoon), kNoon);
  EXPECT_EQ(parse_since("2026-11-22 10:14:58", kNoon), kNoon - 2s);
  EXPECT_EQ(parse_since("2026-11-22", kNoon), kNoon - 10h - 15min);
  EXPECT_EQ(parse_since("100000d", kNoon), WallTime{}) << "as far back as time goes";
  for (const std::string text : {"", "yesterday", "2026-11-22x", "2026-11", "-2h", "10:15",
                                 "2026-13-01", "9999-01-01", "1960-01-01"}) {
    EXPECT_EQ(parse_since(text, kNoon), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace relinkd::relinkctl
