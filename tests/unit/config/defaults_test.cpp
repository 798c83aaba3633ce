// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Defaults, AreThoseOfTheManual) {
  const Settings s = settings("");

  EXPECT_EQ(s.watch.ping_interval, 1s);
  EXPECT_EQ(s.watch.command_timeout, 2s);
  EXPECT_EQ(s.watch.connect_timeout, 5s);
  EXPECT_EQ(s.watch.slow_threshold, 100ms);
  EXPECT_EQ(s.watch.topology_interval, 5s);
  EXPECT_EQ(s.watch.keepalive.idle, 5s);
  EXPECT_EQ(s.watch.keepalive.interval, 1s);
  EXPECT_EQ(s.watch.keepalive.count, 3);
  EXPECT_EQ(s.watch.backoff.initial, 100ms);
  EXPECT_EQ(s.watch.backoff.max, 10s);
  EXPECT_EQ(s.watch.idle_watch.mode, IdleWatch::Mode::Ages);
  EXPECT_THAT(s.watch.idle_watch.ages, ElementsAre(1min, 5min, 10min, 1h));
  EXPECT_FALSE(s.watch.watch_replicas);
  EXPECT_EQ(s.metrics.listen, "127.0.0.1:10121");
  EXPECT_EQ(s.control.socket, "/run/relinkd/control.sock");
  EXPECT_THAT(s.control.operators, IsEmpty());
  EXPECT_EQ(s.mode, Mode::Act);
  EXPECT_EQ(s.actuator.socket, "/run/relinkd/actuator.sock");
  EXPECT_EQ(s.actuator.user, "relinkd");
  EXPECT_EQ(s.actuator.max_orders_per_minute, 600);
  EXPECT_THAT(s.apps, IsEmpty());
  EXPECT_EQ(s.sysctl.check_interval, 60s);
  EXPECT_THAT(s.sysctl.want, ElementsAre(std::pair("net.ipv4.tcp_retries2", 5)));
}

TEST(Defaults, OfAnAppAreThoseOfTheManual) {
  const App a = app("");
  EXPECT_EQ(a.match, (Match{.unit = "a.service", .cgroup = "", .user = ""}));
  EXPECT_EQ(a.trigger, App::Trigger::Sockets);
  EXPECT_THAT(a.actions, ElementsAre(Action{core::RelinkVerb::DestroySockets, ""}));
  EXPECT_TRUE(a.idle_siblings);
  EXPECT_FALSE(a.expect_connections);
  EXPECT_EQ(a.protect, Protect{});
  EXPECT_TRUE(a.protect.wanted);
  EXPECT_EQ(a.spread, 2s);
  EXPECT_EQ(a.restart_spread, 60s);
  EXPECT_EQ(a.min_interval, 60s);
  EXPECT_EQ(a.error_threshold, 30s);
  EXPECT_EQ(a.verify_within, 10s);
  EXPECT_EQ(a.max_relinks_per_hour, 20);
  EXPECT_EQ(a.mode, std::nullopt);
}

TEST(Defaults, OfAnEndpointsLimitsAreThoseOfTheManual) {
  const Endpoint e = endpoint("");
  EXPECT_EQ(e.reconnect_rate, 100);
  EXPECT_EQ(e.max_parallel, 4);
  EXPECT_FALSE(e.cluster_relink);
}

TEST(Defaults, UserTimeoutAgreesWithKeepalive) {
  EXPECT_EQ(settings("").watch.keepalive.user_timeout(), 8s);
  const Keepalive keepalive{.idle = 30s, .interval = 10s, .count = 5};
  EXPECT_EQ(keepalive.user_timeout(), 80s);
}

TEST(Defaults, WithoutEndpointTheLocalRedisIsWatched) {
  const Loaded loaded = load({}, {});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_EQ(loaded.settings.endpoints.size(), 1U);
  const Endpoint& only = loaded.settings.endpoints.front();
  EXPECT_EQ(only.name, "127.0.0.1:6379");
  EXPECT_EQ(only.url.to_string(), "redis://127.0.0.1:6379");
  EXPECT_EQ(only.expect, Expect::Primary);
  EXPECT_FALSE(only.password.has_value());
  EXPECT_FALSE(only.uses_tls());
  EXPECT_FALSE(only.announcements);
  EXPECT_EQ(only.sentinel, (Sentinel{.user = "", .password = std::nullopt, .tls = true}));
}

TEST(Defaults, TheLocalRedisIsWatchedAsWatchSays) {
  const Settings s = settings("[watch]\nping_interval = \"3s\"");
  ASSERT_EQ(s.endpoints.size(), 1U);
  EXPECT_EQ(s.endpoints.front().watch.ping_interval, 3s);
}

TEST(Defaults, AnEndpointInAFileReplacesTheLocalRedis) {
  const Settings s = settings("[[endpoint]]\nurl = \"redis://other\"");
  ASSERT_EQ(s.endpoints.size(), 1U);
  EXPECT_EQ(s.endpoints.front().name, "other:6379");
}

TEST(Defaults, AUrlOnTheCommandLineReplacesTheLocalRedis) {
  const Loaded loaded = load({}, {"redis://other"});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_EQ(loaded.settings.endpoints.size(), 1U);
  EXPECT_EQ(loaded.settings.endpoints.front().name, "other:6379");
}

TEST(Defaults, AnEmptyListOfEndpointsIsNoEndpoint) {
  EXPECT_EQ(settings("endpoint = []").endpoints.front().name, "127.0.0.1:6379");
}

}  // namespace
}  // namespace relinkd::config::test
