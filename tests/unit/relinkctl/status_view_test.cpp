// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/status_view.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::relinkctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kNow{std::chrono::seconds(1'795'342'500)};

control::EndpointView endpoint(const std::string& name, const std::string& condition) {
  control::NodeView node;
  node.node = "10.0.0.7:6380";
  node.condition = condition;
  node.role = "primary";
  node.since = kNow - 131min;
  node.detail = "10.0.0.7:6380 is " + condition + ".";
  node.rtt = 1100us;
  control::EndpointView view;
  view.name = name;
  view.condition = condition;
  view.since = node.since;
  view.detail = node.detail;
  view.nodes = {node};
  return view;
}

std::string render(std::vector<control::EndpointView> endpoints) {
  control::StatusView status;
  status.version = "0.1.0";
  status.pid = 812;
  status.started = kNow - 3h;
  status.metrics_url = "http://127.0.0.1:10121/metrics";
  status.endpoints = std::move(endpoints);
  return render_status(status, kNow, Screen{});
}

TEST(StatusView, IsATableOfNodesThatAreWell) {
  EXPECT_EQ(render({endpoint("sessions", "ok")}),
            "relinkd 0.1.0, pid 812, running for 3 h, metrics http://127.0.0.1:10121/metrics\n"
            "\n"
            "ENDPOINT  NODE           ROLE     CONDITION  RTT     SINCE\n"
            "sessions  10.0.0.7:6380  primary  ok         1.1 ms  2 h 11 min\n");
}

TEST(StatusView, SaysThatRelinkdIsPaused) {
  control::StatusView status;
  EXPECT_THAT(render_status(status, kNow, Screen{}), Not(HasSubstr("paused")));
  status.paused = true;
  EXPECT_THAT(render_status(status, kNow, Screen{}),
              HasSubstr("\npaused: nothing is done for any app until relinkctl resume\n\n"));
}

TEST(StatusView, SaysOnceWhatIsWrongBelowTheNode) {
  EXPECT_THAT(render({endpoint("sessions", "half_open")}),
              HasSubstr("half_open  1.1 ms  2 h 11 min\n  10.0.0.7:6380 is half_open.\n"));
  EXPECT_THAT(render({endpoint("sessions", "half_open")}),
              Not(HasSubstr("is half_open.\n  10.0.0.7:6380 is half_open.")));
}

TEST(StatusView, SaysNothingBelowANodeThatIsWell) {
  EXPECT_THAT(render({endpoint("sessions", "ok")}), Not(HasSubstr("10.0.0.7:6380 is ok")));
}

TEST(StatusView, ShowsAnEndpointThatHasNoNode) {
  auto e = endpoint("sessions", "dns_failed");
  e.nodes.clear();
  e.detail = "sessions.example.net does not resolve.";
  EXPECT_THAT(render({e}), HasSubstr("sessions  -     -     dns_failed  -    2 h 11 min\n"
                                     "  sessions.example.net does not resolve.\n"));
}

TEST(StatusView, ShowsTheEndpointsOwnSentenceIfItIsAnother) {
  auto e = endpoint("sessions", "half_open");
  e.detail = "Both nodes are gone.";
  EXPECT_THAT(render({e}), HasSubstr("  10.0.0.7:6380 is half_open.\n  Both nodes are gone.\n"));
}

TEST(StatusView, NamesTheOpenIncidentAndIdleCuts) {
  auto e = endpoint("sessions", "ok");
  e.incident = "4f2a";
  e.idle_cut = 350s;
  EXPECT_THAT(render({e}), HasSubstr("  incident 4f2a is open\n"
                                     "  idle connections are cut after 5 min 50 s\n"));
}

TEST(StatusView, ShowsNoRttWhereNoneWasMeasured) {
  auto e = endpoint("sessions", "refused");
  e.nodes[0].rtt.reset();
  EXPECT_THAT(render({e}), HasSubstr("refused    -    2 h 11 min"));
}

control::NodeView node(const std::string& name, const std::string& part, const std::string& role) {
  control::NodeView view = endpoint("x", "ok").nodes[0];
  view.node = name;
  view.part = part;
  view.role = role;
  return view;
}

TEST(StatusView, MarksTheNodesThatAreNotThePrimary) {
  auto e = endpoint("sessions", "ok");
  e.nodes = {
      node("10.0.0.1:6379", "primary", "primary"), node("10.0.0.2:6379", "replica", "replica"),
      node("10.0.0.3:6379", "former", "replica"), node("10.0.0.4:6379", "candidate", "unknown")};
  EXPECT_THAT(
      render({e}),
      HasSubstr("ENDPOINT  NODE           ROLE                 CONDITION  RTT     SINCE\n"
                "sessions  10.0.0.1:6379  primary              ok         1.1 ms  2 h 11 min\n"
                "sessions  10.0.0.2:6379  replica              ok         1.1 ms  2 h 11 min\n"
                "sessions  10.0.0.3:6379  replica (former)     ok         1.1 ms  2 h 11 min\n"
                "sessions  10.0.0.4:6379  unknown (candidate)  ok         1.1 ms  2 h 11 min\n"));
}

TEST(StatusView, SaysThatTheTopologyIsNotConfirmed) {
  auto e = endpoint("orders", "ok");
  e.topology = "sentinel";
  e.topology_detail = "1 of 3 Sentinels names 10.0.0.7:6380, epoch 2";
  EXPECT_THAT(render({e}), Not(HasSubstr("Sentinel")));
  e.confirmed = false;
  EXPECT_THAT(render({e}), HasSubstr("  no majority of the Sentinels confirms the primary: 1 of 3 "
                                     "Sentinels names 10.0.0.7:6380, epoch 2\n"));
  e.topology_detail.clear();
  EXPECT_THAT(render({e}), HasSubstr("  no majority of the Sentinels confirms the primary\n"));
}

TEST(StatusView, NamesTheSentinelsThatCannotBeAskedAndNoOthers) {
  auto e = endpoint("orders", "ok");
  for (const std::string condition : {"ok", "slow", "unknown", "unreachable"}) {
    control::NodeView sentinel;
    sentinel.node = condition + ":26379";
    sentinel.part = "sentinel";
    sentinel.condition = condition;
    sentinel.detail = "it is " + condition;
    e.sentinels.push_back(sentinel);
  }
  EXPECT_THAT(render({e}),
              HasSubstr("  Sentinel unreachable:26379 unreachable: it is unreachable\n"));
  EXPECT_THAT(render({e}), Not(HasSubstr("ok:26379")));
  EXPECT_THAT(render({e}), Not(HasSubstr("slow:26379")));
  EXPECT_THAT(render({e}), Not(HasSubstr("unknown:26379")));
}

TEST(StatusView, CountsTheConnectionsThatLeadToAFormerPrimary) {
  auto e = endpoint("orders", "ok");
  e.former_primaries = {{.node = "10.0.0.1:6379", .since = kNow - 2min, .sockets = 3},
                        {.node = "10.0.0.2:6379", .since = kNow - 1h, .sockets = 1},
                        {.node = "10.0.0.3:6379", .since = kNow - 1h, .sockets = 0}};
  EXPECT_THAT(render({e}),
              HasSubstr("  3 connections of this host still lead to the former primary "
                        "10.0.0.1:6379, demoted 2 min ago\n"
                        "  1 connection of this host still leads to the former primary "
                        "10.0.0.2:6379, demoted 1 h ago\n"));
  EXPECT_THAT(render({e}), Not(HasSubstr("10.0.0.3")));
}

TEST(StatusView, TellsTheLastFailoverInOneLine) {
  auto e = endpoint("orders", "ok");
  e.last_failover = control::FailoverView{.kind = "failover",
                                          .from = "10.0.0.1:6379",
                                          .to = "10.0.0.2:6379",
                                          .time = kNow - 3min,
                                          .duration = 2100ms};
  EXPECT_THAT(render({e}), HasSubstr("  last failover 3 min ago: failover from 10.0.0.1:6379 to "
                                     "10.0.0.2:6379, took 2.10 s\n"));
  e.last_failover->kind = "switchover";
  e.last_failover->planned = true;
  EXPECT_THAT(render({e}), HasSubstr("ago: switchover from 10.0.0.1:6379 to 10.0.0.2:6379, took "
                                     "2.10 s, as announced\n"));
  e.last_failover->kind = "dns";
  e.last_failover->planned = false;
  EXPECT_THAT(render({e}), HasSubstr("ago: the name was moved from 10.0.0.1:6379 to "
                                     "10.0.0.2:6379, took 2.10 s\n"));
  e.last_failover->kind = "restart";
  e.last_failover->to = e.last_failover->from;
  EXPECT_THAT(render({e}), HasSubstr("ago: restart of 10.0.0.1:6379, took 2.10 s\n"));
}

TEST(StatusView, CountsTheSlotsThatNobodyServes) {
  auto e = endpoint("catalog", "ok");
  EXPECT_THAT(render({e}), Not(HasSubstr("slots")));
  e.uncovered_slots = 5461;
  EXPECT_THAT(render({e}), HasSubstr("  5461 of 16384 hash slots are served by no node\n"));
}

TEST(StatusView, TellsAnnouncedMaintenance) {
  auto e = endpoint("managed", "ok");
  e.maintenance = "a node is replaced from 10:20 on";
  EXPECT_THAT(render({e}),
              HasSubstr("  maintenance is announced: a node is replaced from 10:20 on\n"));
}

TEST(StatusView, BreaksItsNotesAtTheTerminalsEdge) {
  control::StatusView status;
  status.endpoints = {endpoint("orders", "ok")};
  status.endpoints[0].former_primaries = {
      {.node = "10.0.0.1:6379", .since = kNow - 2min, .sockets = 3}};
  const Screen narrow{.width = 50, .height = 24, .colour = false};
  EXPECT_THAT(render_status(status, kNow, narrow),
              HasSubstr("  3 connections of this host still lead to the\n"
                        "  former primary 10.0.0.1:6379, demoted 2 min ago\n"));
}

TEST(StatusView, SaysThatNothingIsWatched) {
  EXPECT_THAT(render({}), HasSubstr("No endpoint is watched.\n"));
}

}  // namespace
}  // namespace relinkd::relinkctl
