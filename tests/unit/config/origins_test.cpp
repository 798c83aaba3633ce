// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"
#include "support/config_text.hpp"

namespace relinkd::config::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> listed(const std::vector<Source>& sources,
                                const std::vector<std::string>& urls = {}) {
  const Loaded loaded = load(sources, urls);
  EXPECT_THAT(to_strings(loaded.diagnostics), IsEmpty());
  std::vector<std::string> lines;
  for (const Origin& origin : loaded.origins) {
    lines.push_back(origin.key + " = " + origin.value + " # " + origin.place);
  }
  return lines;
}

TEST(Origins, ListEveryKeyWithItsDefault) {
  EXPECT_THAT(
      listed({}),
      ElementsAre(
          "mode = \"act\" # default", "metrics.listen = \"127.0.0.1:10121\" # default",
          "control.socket = \"/run/relinkd/control.sock\" # default",
          "control.operators = [] # default",
          "actuator.socket = \"/run/relinkd/actuator.sock\" # default",
          "actuator.user = \"relinkd\" # default",
          "actuator.max_orders_per_minute = 600 # default",  //
          "watch.ping_interval = \"1s\" # default", "watch.command_timeout = \"2s\" # default",
          "watch.connect_timeout = \"5s\" # default", "watch.slow_threshold = \"100ms\" # default",
          "watch.topology_interval = \"5s\" # default", "watch.keepalive.idle = \"5s\" # default",
          "watch.keepalive.interval = \"1s\" # default", "watch.keepalive.count = 3 # default",
          "watch.backoff.initial = \"100ms\" # default", "watch.backoff.max = \"10s\" # default",
          "watch.idle_watch = { ages = [\"1m\", \"5m\", \"10m\", \"1h\"] } # default",
          "watch.watch_replicas = false # default",
          "endpoint.127.0.0.1:6379.name = \"127.0.0.1:6379\" # default",
          "endpoint.127.0.0.1:6379.url = \"redis://127.0.0.1:6379\" # default",
          "endpoint.127.0.0.1:6379.expect = \"primary\" # default",
          "endpoint.127.0.0.1:6379.announcements = false # default",
          "endpoint.127.0.0.1:6379.node_ports = [6379] # default",
          "endpoint.127.0.0.1:6379.reconnect_rate = 100 # default",
          "endpoint.127.0.0.1:6379.max_parallel = 4 # default",
          "endpoint.127.0.0.1:6379.ping_interval = \"1s\" # default",
          "endpoint.127.0.0.1:6379.command_timeout = \"2s\" # default",
          "endpoint.127.0.0.1:6379.connect_timeout = \"5s\" # default",
          "endpoint.127.0.0.1:6379.slow_threshold = \"100ms\" # default",
          "endpoint.127.0.0.1:6379.topology_interval = \"5s\" # default",
          "endpoint.127.0.0.1:6379.keepalive.idle = \"5s\" # default",
          "endpoint.127.0.0.1:6379.keepalive.interval = \"1s\" # default",
          "endpoint.127.0.0.1:6379.keepalive.count = 3 # default",
          "endpoint.127.0.0.1:6379.backoff.initial = \"100ms\" # default",
          "endpoint.127.0.0.1:6379.backoff.max = \"10s\" # default",
          "endpoint.127.0.0.1:6379.idle_watch = "
          "{ ages = [\"1m\", \"5m\", \"10m\", \"1h\"] } # default",
          "endpoint.127.0.0.1:6379.watch_replicas = false # default",
          "sysctl.check_interval = \"1m\" # default",
          "sysctl.want.\"net.ipv4.tcp_retries2\" = 5 # default",
          "sysctl.enforce = false # default"));
}

TEST(Origins, NameTheFileAndLineThatDecides) {
  const std::vector<std::string> lines = listed(
      {{"main",
        "[metrics]\nlisten = \"\"\n[watch]\nping_interval = \"2s\"\nslow_threshold = \"5ms\""},
       {"10",
        "[watch]\nping_interval = \"120s\"\n\nkeepalive = { count = 9 }\n"
        "[sysctl.want]\n\"net/ipv4/tcp_retries2\" = 8"}});
  EXPECT_THAT(lines, Contains("metrics.listen = \"\" # main:2"));
  EXPECT_THAT(lines, Contains("watch.ping_interval = \"2m\" # 10:2"));
  EXPECT_THAT(lines, Contains("watch.slow_threshold = \"5ms\" # main:5"));
  EXPECT_THAT(lines, Contains("watch.keepalive.count = 9 # 10:4"));
  EXPECT_THAT(lines, Contains("watch.keepalive.idle = \"5s\" # default"));
  EXPECT_THAT(lines, Contains("sysctl.want.\"net.ipv4.tcp_retries2\" = 8 # 10:6"));
}

TEST(Origins, OfAnEndpointAreItsOwnOrThoseOfWatch) {
  const std::vector<std::string> lines = listed({{"f", R"([watch]
ping_interval = "2s"
backoff.max = "7s"
[[endpoint]]
name = "s"
url = "rediss://me@h"
slow_threshold = "7ms"
backoff.initial = "1s"
password = { credential = "c" }
tls = { server_name = "x" }
)"}});
  EXPECT_THAT(lines, Contains("endpoint.s.name = \"s\" # f:5"));
  EXPECT_THAT(lines, Contains("endpoint.s.url = \"rediss://me@h:6379\" # f:6"));
  EXPECT_THAT(lines, Contains("endpoint.s.expect = \"primary\" # default"));
  EXPECT_THAT(lines, Contains("endpoint.s.password = { credential = \"c\" } # f:9"));
  EXPECT_THAT(lines, Contains("endpoint.s.tls.server_name = \"x\" # f:10"));
  EXPECT_THAT(lines, Contains("endpoint.s.tls.verify = true # default"));
  EXPECT_THAT(lines, Contains("endpoint.s.slow_threshold = \"7ms\" # f:7"));
  EXPECT_THAT(lines, Contains("endpoint.s.backoff.initial = \"1s\" # f:8"));
  EXPECT_THAT(lines, Contains("endpoint.s.backoff.max = \"7s\" # f:3"));
  EXPECT_THAT(lines, Contains("endpoint.s.ping_interval = \"2s\" # f:2"));
  EXPECT_THAT(lines, Contains("endpoint.s.connect_timeout = \"5s\" # default"));
}

TEST(Origins, OfAnAppAreEveryKeyWithItsPlace) {
  const std::vector<std::string> lines = listed({{"main", R"(mode = "observe"
[actuator]
user = "me"
[[endpoint]]
name = "e"
url = "redis-cluster://h"
cluster_relink = true
)"},
                                                 {"10", R"([[app]]
name = "shop"
match.unit = "shop.service"
match.cgroup = "/x/*"
match.user = "www-data"
endpoints = ["e"]
actions = ["reload",
           "signal:SIGHUP"]
spread = "90s"
)"}});
  EXPECT_THAT(lines, Contains("mode = \"observe\" # main:1"));
  EXPECT_THAT(lines, Contains("actuator.user = \"me\" # main:3"));
  EXPECT_THAT(lines, Contains("endpoint.e.node_ports = [6379] # default"));
  EXPECT_THAT(lines, Contains("endpoint.e.cluster_relink = true # main:7"));
  std::vector<std::string> of_app;
  for (const std::string& line : lines) {
    if (line.starts_with("app.")) of_app.push_back(line);
  }
  EXPECT_THAT(
      of_app,
      ElementsAre(
          "app.shop.name = \"shop\" # 10:2", "app.shop.match.unit = \"shop.service\" # 10:3",
          "app.shop.match.cgroup = \"/x/*\" # 10:4", "app.shop.match.user = \"www-data\" # 10:5",
          "app.shop.endpoints = [\"e\"] # 10:6", "app.shop.trigger = \"sockets\" # default",
          "app.shop.actions = [\"reload\", \"signal:SIGHUP\"] # 10:7",
          "app.shop.idle_siblings = true # default",
          "app.shop.expect_connections = false # default", "app.shop.protect = true # default",
          "app.shop.spread = \"90s\" # 10:9", "app.shop.restart_spread = \"1m\" # default",
          "app.shop.min_interval = \"1m\" # default",
          "app.shop.error_threshold = \"30s\" # default",
          "app.shop.verify_within = \"10s\" # default",
          "app.shop.max_relinks_per_hour = 20 # default"));
}

TEST(Origins, OfUrlsOnTheCommandLineSaySo) {
  const std::vector<std::string> lines = listed({}, {"redis://h"});
  EXPECT_THAT(lines, Contains("endpoint.h:6379.url = \"redis://h:6379\" # --endpoint"));
  EXPECT_THAT(lines, Contains("endpoint.h:6379.ping_interval = \"1s\" # default"));
}

TEST(Origins, OfSentinelsAreListedWhereTheUrlNamesThem) {
  const std::vector<std::string> lines = listed({{"f", R"([[endpoint]]
name = "s"
url = "redis-sentinel://a,b#m"
tls = {}
sentinel = { user = "me", password = { file = "/p" } }
watch_replicas = true
[[endpoint]]
name = "plain"
url = "redis-sentinel://a,b#m"
)"}});
  EXPECT_THAT(lines, Contains("endpoint.s.url = \"redis-sentinel://a:26379,b:26379#m\" # f:3"));
  EXPECT_THAT(lines, Contains("endpoint.s.tls.verify = true # default"));
  EXPECT_THAT(lines, Contains("endpoint.s.sentinel.user = \"me\" # f:5"));
  EXPECT_THAT(lines, Contains("endpoint.s.sentinel.password = { file = \"/p\" } # f:5"));
  EXPECT_THAT(lines, Contains("endpoint.s.sentinel.tls = true # default"));
  EXPECT_THAT(lines, Contains("endpoint.s.watch_replicas = true # f:6"));
  EXPECT_THAT(lines, Not(Contains(testing::HasSubstr("endpoint.plain.tls"))));
  EXPECT_THAT(lines, Not(Contains(testing::HasSubstr("endpoint.plain.sentinel"))));
}

TEST(Origins, ShowTheDefaultThatFollowsFromTheUrl) {
  const std::vector<std::string> lines = listed({{"f", R"([[endpoint]]
name = "azure"
url = "rediss://x.redis.cache.windows.net:6380"
[[endpoint]]
name = "silenced"
url = "rediss://x.redis.cache.windows.net:6380"
announcements = false
)"}});
  EXPECT_THAT(lines, Contains("endpoint.azure.announcements = true # default"));
  EXPECT_THAT(lines, Contains("endpoint.silenced.announcements = false # f:7"));
}

TEST(Origins, LeaveOutWhatIsNotSet) {
  for (const std::string& line : listed({{"f", "[[endpoint]]\nurl = \"redis://h\""}})) {
    EXPECT_THAT(line, Not(testing::HasSubstr(".password")));
    EXPECT_THAT(line, Not(testing::HasSubstr(".tls.")));
    EXPECT_THAT(line, Not(testing::HasSubstr(".sentinel.")));
    EXPECT_THAT(line, Not(testing::HasSubstr(".users_file")));
    EXPECT_THAT(line, Not(testing::HasSubstr(".cluster_relink")));
  }
}

TEST(Origins, AreTomlThatLoadsToTheSameSettings) {
  const std::string text = R"(mode = "observe"
[metrics]
listen = "[::1]:0"
tls = { cert_file = "/c", key_file = "/k", client_ca_file = "/a" }
users_file = "/u"
[control]
socket = "/run/a \"b\" \\c"
operators = ["wheel", "é\"x"]
[actuator]
socket = "/run/a"
user = "1000"
max_orders_per_minute = 7
[watch]
ping_interval = "1500ms"
keepalive = { idle = "61s", interval = "2s", count = 9 }
backoff = { initial = "20ms", max = "30ms" }
idle_watch = { ages = ["1s", "90s", "1d"] }
watch_replicas = true
[sysctl]
check_interval = "12h"
[sysctl.want]
"net.ipv4.tcp_retries2" = 9223372036854775807
"net/ipv4/conf/eth0.1/rp_filter" = 1
[[endpoint]]
name = "a.b:c"
url = "rediss://me@h"
password = { file = "/p" }
[[endpoint]]
url = "redis://[::1]"
node_ports = [1, 2]
reconnect_rate = 7
max_parallel = 8
backoff.max = "40ms"
[[endpoint]]
url = "redis-cluster://a:1,b:2"
tls = {}
cluster_relink = true
[[endpoint]]
url = "unix:///run/redis.sock"
[[app]]
name = "a.b:c"
match = { unit = "dev\\x2dsrv.service", cgroup = "/x \"y\"/*", user = "u" }
endpoints = ["[::1]:6379", "a:1"]
actions = ["destroy-sockets", "signal:SIGUSR1", "start:h@\\x2d.service", "restart"]
idle_siblings = false
expect_connections = true
spread = "0s"
restart_spread = "61s"
min_interval = "1d"
error_threshold = "0s"
verify_within = "1500ms"
max_relinks_per_hour = 9
mode = "act"
[[app]]
name = "b"
match.user = "0"
endpoints = ["/run/redis.sock"]
trigger = "endpoint"
actions = ["start:h.timer"]
)";
  const Loaded first = load_text(text);
  ASSERT_THAT(to_strings(first.diagnostics), IsEmpty());
  EXPECT_TRUE(settings(relinkd::test::as_toml(first)) ==
              relinkd::test::without_empty_tls(first.settings));
}

}  // namespace
}  // namespace relinkd::config::test
