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

TEST(Incident, IsToldByItsFirstAndItsLastLine) {
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
  EXPECT_EQ(all[0].first, "half-open");
  EXPECT_EQ(all[0].last, "ok");
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
  EXPECT_THAT(render_incidents(incidents, kNoon, Screen{}),
              HasSubstr("These are the last 1000; there were more.\n"));
}

class IncidentTimes : public ::testing::Test {
 protected:
  IncidentTimes() {
    setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): one thread
    tzset();
  }
};

TEST_F(IncidentTimes, AreInATable) {
  EXPECT_EQ(render_incidents(gather({line(0s, Event::ConditionHalfOpen, "sessions: half-open"),
                                     line(1s, Event::RelinkDecided, "3 dead", "checkout"),
                                     line(2s, Event::ConditionOk, "sessions: ok")}),
                             kNoon - 1h, Screen{}),
            "BEGIN                LASTED  ENDPOINT  APPS      INCIDENT\n"
            "2026-11-22 10:15:00  2.00 s  sessions  checkout  sessions-1\n"
            "  sessions: half-open\n"
            "  sessions: ok\n");
  EXPECT_EQ(
      render_incidents(gather({line(0s, Event::ConditionRefused, "refused")}), kNoon, Screen{}),
      "BEGIN                LASTED    ENDPOINT  APPS  INCIDENT\n"
      "2026-11-22 10:15:00  not over  sessions  -     sessions-1\n"
      "  refused\n");
  EXPECT_EQ(render_incidents({}, kNoon, Screen{}), "No incident since 2026-11-22 10:15:00.\n");
}

TEST_F(IncidentTimes, AreJsonForPrograms) {
  const auto json = nlohmann::json::parse(
      incidents_json(gather({line(0s, Event::ConditionHalfOpen, "one", "checkout"),
                             line(2s, Event::ConditionOk, "two")})));
  EXPECT_EQ(json, nlohmann::json::parse(R"({"incidents":[{"incident":"sessions-1",
      "begin":"2026-11-22T10:15:00.000Z","end":"2026-11-22T10:15:02.000Z","endpoint":"sessions",
      "apps":["checkout"],"lines":2,"first":"one","last":"two"}],"more":false})"));
  const auto open =
      nlohmann::json::parse(incidents_json(gather({line(0s, Event::ConditionRefused, "x\xff")})));
  EXPECT_TRUE(open["incidents"][0]["end"].is_null());
  EXPECT_THAT(nlohmann::json::parse(incidents_json({}))["incidents"], IsEmpty());
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
