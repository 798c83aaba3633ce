// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/views.hpp"
#include "support/control_service.hpp"

namespace relinkd::control {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

// 2026-11-22T10:15:00Z
constexpr WallTime kNoon{std::chrono::seconds(1'795'342'500)};

AppsView example() {
  AppEndpointView endpoint;
  endpoint.endpoint = "sessions";
  endpoint.nodes = {{.node = "10.0.0.7:6379",
                     .sockets = {{"ok", 3}, {"unproven", 17}},
                     .unprotected = 17,
                     .waiting = 2,
                     .hangs_for = 939s,
                     .waits_for = 7875s}};
  endpoint.sockets = 20;
  endpoint.unprotected = 17;
  endpoint.incident = "sessions-20261122T101400.000";
  endpoint.last_relink = "checkout: sessions: has reconnected";
  endpoint.last_relink_at = kNoon - 3min;
  endpoint.listed = {{.local = "10.0.0.5:51234",
                      .node = "10.0.0.7:6379",
                      .state = "unproven",
                      .unprotected = true,
                      .waiting = true,
                      .hangs_for = 939s,
                      .detail = "idle for 4 min",
                      .process = "/system.slice/checkout.service"}};
  AppView app;
  app.name = "checkout";
  app.match = "unit checkout.service";
  app.mode = "act";
  app.actions = {"destroy-sockets", "restart"};
  app.endpoints = {endpoint};
  app.other_netns = 2;
  app.breaker_open = true;
  app.breaker_detail = "3 replacements died within a minute";
  AppsView apps;
  apps.apps = {app};
  apps.paused = true;
  apps.paused_until = kNoon + 30min;
  apps.actuator = "destroys sockets";
  apps.census = kNoon - 400ms;
  return apps;
}

TEST(Apps, AreObjectsInTheOrderOfTheConfiguration) {
  const json apps = json::parse(encode_apps(example()));
  EXPECT_EQ(apps["paused_until"], "2026-11-22T10:45:00.000Z");
  EXPECT_EQ(apps["census"], "2026-11-22T10:14:59.600Z");
  const json& endpoint = apps["apps"][0]["endpoints"][0];
  EXPECT_EQ(endpoint["nodes"][0]["sockets"], json({{"ok", 3}, {"unproven", 17}}));
  EXPECT_EQ(endpoint["nodes"][0]["hangs_seconds"], 939.0);
  EXPECT_EQ(endpoint["listed"][0]["hangs_seconds"], 939.0);
  EXPECT_EQ(endpoint["nodes"][0]["waiting"], 2);
  EXPECT_EQ(endpoint["nodes"][0]["waits_seconds"], 7875.0);
  EXPECT_EQ(endpoint["listed"][0]["waiting"], true);
}

TEST(Apps, SayNullForWhatThereIsNot) {
  AppsView view;
  AppEndpointView& endpoint = view.apps.emplace_back().endpoints.emplace_back();
  endpoint.nodes.emplace_back();
  endpoint.listed.emplace_back();
  const json apps = json::parse(encode_apps(view));
  EXPECT_TRUE(apps["paused_until"].is_null());
  EXPECT_TRUE(apps["census"].is_null()) << "nobody has looked yet";
  const json& e = apps["apps"][0]["endpoints"][0];
  EXPECT_TRUE(e["incident"].is_null());
  EXPECT_TRUE(e["last_relink"].is_null());
  EXPECT_TRUE(e["last_relink_at"].is_null());
  EXPECT_TRUE(e["nodes"][0]["hangs_seconds"].is_null());
  EXPECT_TRUE(e["nodes"][0]["waits_seconds"].is_null());
  EXPECT_TRUE(e["listed"][0]["hangs_seconds"].is_null());
}

TEST(Apps, ReadBackAsTheyWere) {
  const std::string text = encode_apps(example());
  const auto apps = decode_apps(text);
  ASSERT_TRUE(apps);
  EXPECT_EQ(encode_apps(*apps), text);
  EXPECT_EQ(apps->paused_until, kNoon + 30min);
  EXPECT_EQ(apps->census, kNoon - 400ms);
  const AppView& app = apps->apps.at(0);
  EXPECT_THAT(app.actions, ElementsAre("destroy-sockets", "restart"));
  EXPECT_EQ(app.endpoints.at(0).nodes.at(0).unprotected, 17U);
  EXPECT_EQ(app.endpoints.at(0).listed.at(0).hangs_for, Duration(939s));
}

TEST(Apps, OfAnotherVersionAreReadAsFarAsTheyAreKnown) {
  const auto apps = decode_apps(
      R"({"paused":"no","new":1,"apps":[7,{"name":"a","actions":"all","endpoints":[{"nodes":
          [{"sockets":{"ok":-1,"new":2},"hangs_seconds":1e300}],"listed":[[]]}]}]})");
  ASSERT_TRUE(apps);
  EXPECT_FALSE(apps->paused);
  ASSERT_EQ(apps->apps.size(), 2U);
  const AppNodeView& node = apps->apps[1].endpoints.at(0).nodes.at(0);
  EXPECT_EQ(node.sockets, (std::map<std::string, std::uint64_t>{{"new", 2}}));
  EXPECT_EQ(node.hangs_for, Duration::zero());
  EXPECT_FALSE(decode_apps("[]"));
}

TEST(Order, ReadsBack) {
  const auto order = decode_order(encode_order({true, {"one", "two"}}));
  ASSERT_TRUE(order);
  EXPECT_TRUE(order->accepted);
  EXPECT_THAT(order->lines, ElementsAre("one", "two"));
}

TEST(Order, ThatSaysNothingIsNotAccepted) {
  EXPECT_FALSE(decode_order("{}")->accepted);
  EXPECT_FALSE(decode_order("nonsense"));
}

TEST(Subscription, IsAListOfWhatEachAppShouldKnow) {
  SubscriptionView view = testing::subscription("checkout", 7);
  json one = json::parse(encode_subscription({view}))["subscriptions"][0];
  EXPECT_EQ(one, json::parse(R"({"app":"checkout","endpoint":"sessions","condition":"ok","up":true,
                                 "primaries":["10.0.0.7:6380"],"generation":7,"reason":null,
                                 "incident":null})"));
  view.reason = "a connection to it was dead";
  view.incident = "sessions-1";
  one = json::parse(encode_subscription({view}))["subscriptions"][0];
  EXPECT_EQ(one["reason"], "a connection to it was dead");
  EXPECT_EQ(one["incident"], "sessions-1");
  EXPECT_EQ(encode_subscription({}), R"({"subscriptions":[]})");
}

TEST(Closes, ReadAsTheyWereWritten) {
  CloseView close;
  close.time = kNoon;
  close.app = "checkout";
  close.endpoint = "sessions";
  close.local = "10.0.0.5:51234";
  close.node = "10.0.0.7:6379";
  close.established = false;
  close.cause = "refused";
  close.detail = "RST";
  close.usual = true;
  close.age = 1s;
  close.idle = 2s;
  close.rtt = 3ms;
  close.sent = 4;
  close.received = 5;
  close.retransmits = 6;
  close.condition = "ok";
  close.maintenance = true;
  close.server_timeout = 7s;
  close.idle_cut = 8s;
  close.incident = "sessions-1";
  const std::string text = encode_closes({{close, CloseView{}}});
  const auto read = decode_closes(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_closes(*read), text);
  ASSERT_EQ(read->closes.size(), 2U);
  EXPECT_EQ(read->closes[0].time, kNoon);
  EXPECT_EQ(read->closes[0].rtt, 3ms);
  EXPECT_FALSE(read->closes[1].age) << "opened before relinkd looked";
  EXPECT_FALSE(decode_closes("[]"));
}

}  // namespace
}  // namespace relinkd::control
