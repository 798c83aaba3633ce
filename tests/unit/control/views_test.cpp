// SPDX-License-Identifier: Apache-2.0
#include "control/views.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/control_service.hpp"

namespace relinkd::control {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// 2026-11-22T10:15:00Z
constexpr WallTime kNoon{std::chrono::seconds(1'795'342'500)};

StatusView example() {
  NodeView node;
  node.node = "10.0.0.7:6380";
  node.condition = "half_open";
  node.role = "primary";
  node.since = kNoon;
  node.detail = "10.0.0.7:6380 half-open: PING unanswered for 0.62 s";
  node.rtt = 1100us;
  node.last_reply = kNoon - 620ms;
  node.server_version = "7.0.15";
  EndpointView endpoint;
  endpoint.name = "sessions";
  endpoint.url = "rediss://relinkd@sessions.example.net:6380";
  endpoint.expect = "primary";
  endpoint.condition = "half_open";
  endpoint.up = false;
  endpoint.since = kNoon;
  endpoint.detail = node.detail;
  endpoint.incident = "4f2a";
  endpoint.idle_cut = 350s;
  endpoint.idle_cut_detail = "cut after 350 s";
  endpoint.addresses = {"10.0.0.7:6380", "[2001:db8::7]:6380"};
  endpoint.disconnects = {{"half_open", 3}, {"reset", 1}};
  endpoint.nodes = {node};
  endpoint.topology = "sentinel";
  endpoint.topology_detail = "1 of 3 Sentinels names 10.0.0.7:6380, epoch 2";
  endpoint.confirmed = false;
  NodeView sentinel;
  sentinel.node = "10.0.0.1:26379";
  sentinel.part = "sentinel";
  sentinel.condition = "unreachable";
  endpoint.sentinels = {sentinel};
  endpoint.former_primaries = {{.node = "10.0.0.8:6380", .since = kNoon - 2min, .sockets = 3}};
  endpoint.last_failover = FailoverView{.kind = "switchover",
                                        .from = "10.0.0.8:6380",
                                        .to = "10.0.0.7:6380",
                                        .time = kNoon - 2min,
                                        .duration = 2100ms,
                                        .planned = true,
                                        .detail = "switchover from 10.0.0.8:6380"};
  endpoint.uncovered_slots = 5461;
  endpoint.maintenance = "a node is replaced at 10:20";
  return {.paused = true,
          .version = "0.1.0",
          .pid = 812,
          .started = kNoon - 2h,
          .metrics_url = "http://127.0.0.1:10121/metrics",
          .config_loaded = kNoon - 1h,
          .endpoints = {endpoint}};
}

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

TEST(Status, HasTheKeysThatScriptsRelyOn) {
  const json status = json::parse(encode_status(example(), kNoon));
  EXPECT_THAT(keys(status),
              UnorderedElementsAre("paused", "paused_until", "version", "pid", "started",
                                   "metrics_url", "config_loaded", "endpoints"));
  const json& endpoint = status["endpoints"][0];
  EXPECT_THAT(keys(endpoint),
              UnorderedElementsAre(
                  "name", "url", "expect", "condition", "up", "since", "since_seconds", "detail",
                  "incident", "idle_cut_seconds", "idle_cut_detail", "addresses", "disconnects",
                  "nodes", "topology", "topology_detail", "confirmed", "sentinels",
                  "former_primaries", "last_failover", "uncovered_slots", "maintenance"));
  EXPECT_THAT(
      keys(endpoint["nodes"][0]),
      UnorderedElementsAre("node", "part", "condition", "role", "since", "since_seconds", "detail",
                           "rtt_seconds", "last_reply", "connected_since", "server_version"));
  EXPECT_EQ(keys(endpoint["sentinels"][0]), keys(endpoint["nodes"][0]));
  EXPECT_THAT(keys(endpoint["former_primaries"][0]),
              UnorderedElementsAre("node", "since", "since_seconds", "sockets"));
  EXPECT_THAT(
      keys(endpoint["last_failover"]),
      UnorderedElementsAre("kind", "from", "to", "time", "duration_seconds", "planned", "detail"));
}

TEST(Status, TellsWhoPlaysWhichPart) {
  const json endpoint = json::parse(encode_status(example(), kNoon))["endpoints"][0];
  EXPECT_EQ(endpoint["nodes"][0]["part"], "primary");
  EXPECT_EQ(endpoint["sentinels"][0]["part"], "sentinel");
  EXPECT_EQ(endpoint["confirmed"], false);
  EXPECT_EQ(endpoint["former_primaries"][0]["since_seconds"], 120.0);
  EXPECT_EQ(endpoint["former_primaries"][0]["sockets"], 3);
  EXPECT_EQ(endpoint["last_failover"]["time"], "2026-11-22T10:13:00.000Z");
  EXPECT_EQ(endpoint["last_failover"]["duration_seconds"], 2.1);
  EXPECT_EQ(endpoint["uncovered_slots"], 5461);
}

TEST(Status, OfAnEndpointThatNamesItsServerHasNoOtherParts) {
  StatusView status;
  status.endpoints.emplace_back();
  const json endpoint = json::parse(encode_status(status, kNoon))["endpoints"][0];
  EXPECT_EQ(endpoint["topology"], "address");
  EXPECT_EQ(endpoint["topology_detail"], "");
  EXPECT_EQ(endpoint["confirmed"], true);
  EXPECT_EQ(endpoint["sentinels"], json::array());
  EXPECT_EQ(endpoint["former_primaries"], json::array());
  EXPECT_TRUE(endpoint["last_failover"].is_null());
  EXPECT_EQ(endpoint["uncovered_slots"], 0);
  EXPECT_TRUE(endpoint["maintenance"].is_null());
}

TEST(Status, GivesTimesInUtcAndDurationsInSeconds) {
  const json status = json::parse(encode_status(example(), kNoon + 1500ms));
  const json& endpoint = status["endpoints"][0];
  EXPECT_EQ(status["started"], "2026-11-22T08:15:00.000Z");
  EXPECT_EQ(endpoint["since"], "2026-11-22T10:15:00.000Z");
  EXPECT_EQ(endpoint["since_seconds"], 1.5);
  EXPECT_EQ(endpoint["idle_cut_seconds"], 350.0);
  EXPECT_EQ(endpoint["nodes"][0]["rtt_seconds"], 0.0011);
  EXPECT_EQ(endpoint["nodes"][0]["last_reply"], "2026-11-22T10:14:59.380Z");
  EXPECT_EQ(endpoint["disconnects"], json({{"half_open", 3}, {"reset", 1}}));
}

TEST(Status, SaysNullForWhatIsNotKnown) {
  StatusView status = example();
  status.endpoints[0].incident.clear();
  status.endpoints[0].nodes[0].rtt.reset();
  const json endpoint = json::parse(encode_status(status, kNoon))["endpoints"][0];
  EXPECT_TRUE(endpoint["incident"].is_null());
  EXPECT_TRUE(endpoint["nodes"][0]["rtt_seconds"].is_null());
  EXPECT_TRUE(endpoint["nodes"][0]["connected_since"].is_null());
}

TEST(Status, HasEmptyListsRatherThanNone) {
  StatusView status = example();
  status.endpoints[0].nodes.clear();
  status.endpoints[0].addresses.clear();
  status.endpoints[0].disconnects.clear();
  const json endpoint = json::parse(encode_status(status, kNoon))["endpoints"][0];
  EXPECT_EQ(endpoint["nodes"], json::array());
  EXPECT_EQ(endpoint["addresses"], json::array());
  EXPECT_EQ(endpoint["disconnects"], json::object());
  EXPECT_EQ(json::parse(encode_status({}, kNoon))["endpoints"], json::array());
}

TEST(Status, NeverCountsBackwardsWhenTheClockWasSet) {
  const json status = json::parse(encode_status(example(), kNoon - 1h));
  EXPECT_EQ(status["endpoints"][0]["since_seconds"], 0.0);
}

TEST(Status, IsJsonWhateverAServerCallsItself) {
  StatusView status = example();
  status.endpoints[0].nodes[0].server_version = "7\xff\xfe\"\\\n\0";
  EXPECT_TRUE(json::accept(encode_status(status, kNoon)));
}

TEST(Status, ReadsBackAsItWas) {
  const std::string text = encode_status(example(), kNoon);
  const auto status = decode_status(text);
  ASSERT_TRUE(status);
  EXPECT_EQ(encode_status(*status, kNoon), text);
  EXPECT_EQ(status->endpoints[0].nodes[0].rtt, Duration(1100us));
  EXPECT_EQ(status->endpoints[0].nodes[0].last_reply, kNoon - 620ms);
  EXPECT_EQ(status->endpoints[0].nodes[0].connected_since, std::nullopt);
  ASSERT_TRUE(status->endpoints[0].last_failover);
  EXPECT_EQ(status->endpoints[0].last_failover->duration, Duration(2100ms));
  EXPECT_EQ(status->endpoints[0].former_primaries[0].since, kNoon - 2min);
  EXPECT_FALSE(status->endpoints[0].confirmed);
  EXPECT_TRUE(status->paused);
}

TEST(Status, OfAVersionThatKnowsNoTopologiesReadsAsOneServer) {
  const auto status = decode_status(R"({"endpoints":[{"name":"a","nodes":[{"node":"b"}]}]})");
  ASSERT_TRUE(status);
  const EndpointView& endpoint = status->endpoints[0];
  EXPECT_EQ(endpoint.nodes[0].part, "primary");
  EXPECT_EQ(endpoint.topology, "address");
  EXPECT_TRUE(endpoint.confirmed);
  EXPECT_FALSE(endpoint.last_failover);
}

TEST(Status, OfAnotherVersionIsReadAsFarAsItIsKnown) {
  const auto status = decode_status(
      R"({"version":7,"new":true,"started":"yesterday","pid":-1,
          "endpoints":[{"name":"a","up":"yes","nodes":[3],"addresses":[1,"x"],"disconnects":[]},9]})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->version, "");
  EXPECT_EQ(status->started, WallTime{});
  ASSERT_EQ(status->endpoints.size(), 2U);
  EXPECT_EQ(status->endpoints[0].name, "a");
  EXPECT_FALSE(status->endpoints[0].up);
  EXPECT_THAT(status->endpoints[0].addresses, ElementsAre("x"));
}

TEST(Status, WithImpossibleNumbersIsReadWithoutThem) {
  const auto status = decode_status(
      R"({"endpoints":[{"idle_cut_seconds":1e300,"since":"9999-99-99T99:99:99.999Z",
          "last_failover":{"duration_seconds":1e300,"time":7},"former_primaries":[{"sockets":-1}],
          "nodes":[{"rtt_seconds":-1e18,"last_reply":"0000-00-00T00:00:00.000Z"}]}]})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->endpoints[0].idle_cut, Duration::zero());
  EXPECT_EQ(status->endpoints[0].since, WallTime{});
  EXPECT_EQ(status->endpoints[0].nodes[0].rtt, std::nullopt);
  EXPECT_EQ(status->endpoints[0].nodes[0].last_reply, std::nullopt);
  EXPECT_EQ(status->endpoints[0].last_failover->duration, Duration::zero());
  EXPECT_EQ(status->endpoints[0].last_failover->time, WallTime{});
  EXPECT_EQ(status->endpoints[0].former_primaries[0].sockets, 0U);
}

TEST(Status, ThatIsNoObjectIsAnError) {
  EXPECT_FALSE(decode_status("[]"));
  EXPECT_FALSE(decode_status("nonsense"));
  EXPECT_FALSE(decode_status(std::string(1000, '[')));
}

TEST(Selection, KeepsTheNamedEndpointsWithAllTheirKeys) {
  const auto selected =
      select_named(R"({"version":"9","endpoints":[{"name":"a","new":1},{"name":"b","new":2}]})",
                   "endpoints", {"b"});
  ASSERT_TRUE(selected);
  EXPECT_EQ(json::parse(*selected),
            json::parse(R"({"version":"9","endpoints":[{"name":"b","new":2}]})"));
}

TEST(Events, LeaveOutWhatIsNotKnown) {
  EventView event = testing::event(7, "sessions: half-open");
  const json bare = json::parse(encode_event(event));
  EXPECT_THAT(keys(bare), UnorderedElementsAre("sequence", "time", "event", "message_id",
                                               "priority", "message"));
  EXPECT_EQ(bare["time"], "2026-11-22T10:15:00.123Z");
  event.endpoint = "sessions";
  event.node = "10.0.0.7:6380";
  event.condition = "half_open";
  event.cause = "half_open";
  event.incident = "4f2a";
  event.app = "checkout";
  event.action = "destroy-sockets";
  event.result = "recovered";
  const std::string whole = encode_event(event);
  EXPECT_EQ(keys(json::parse(whole)).size(), 14U);
  EXPECT_EQ(encode_event(decode_events(R"({"events":[)" + whole + "]}")->at(0)), whole);
}

TEST(Events, ReadBackInTheirOrder) {
  const auto events =
      decode_events(encode_events({testing::event(1, "one"), testing::event(2, "two")}));
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ((*events)[0].message, "one");
  EXPECT_EQ((*events)[1].sequence, 2U);
  EXPECT_EQ((*events)[1].priority, 4);
  EXPECT_EQ((*events)[1].time, testing::event(2, "two").time);
}

TEST(Config, ReadsBack) {
  const auto values = decode_config(
      encode_config({{"watch.ping_interval", "\"1s\"", "default"},
                     {"endpoint.a.url", "\"redis://a\"", "/etc/relinkd/relinkd.toml:3"}}));
  ASSERT_TRUE(values);
  ASSERT_EQ(values->size(), 2U);
  EXPECT_EQ((*values)[1].key, "endpoint.a.url");
  EXPECT_EQ((*values)[1].value, "\"redis://a\"");
  EXPECT_EQ((*values)[1].place, "/etc/relinkd/relinkd.toml:3");
}

TEST(Reload, ReadsBack) {
  ReloadView view;
  view.errors = {"a.toml:1:2: no", "a.toml:3:4: no"};
  view.endpoints_kept = 4;
  view.endpoints_removed = 1;
  const auto refused = decode_reload(encode_reload(view));
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->accepted);
  EXPECT_EQ(refused->errors, view.errors);
  EXPECT_EQ(refused->endpoints_kept, 4U);
  EXPECT_EQ(refused->endpoints_removed, 1U);
  view.accepted = true;
  EXPECT_TRUE(decode_reload(encode_reload(view))->accepted);
}

TEST(Reload, ThatSaysNothingIsNotAccepted) { EXPECT_FALSE(decode_reload("{}")->accepted); }

}  // namespace
}  // namespace relinkd::control
