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

TEST(StatusView, SaysThatNothingIsWatched) {
  EXPECT_THAT(render({}), HasSubstr("No endpoint is watched.\n"));
}

}  // namespace
}  // namespace relinkd::relinkctl
