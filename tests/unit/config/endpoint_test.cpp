// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Endpoint, TakesEveryKeyOfThisVersion) {
  const Settings s = settings(R"(
[watch]
ping_interval = "2s"

[[endpoint]]
name     = "sessions"
url      = "rediss://relinkd@sessions.example.net:6380"
expect   = "any"
password = { credential = "sessions" }
tls      = { ca_file = "/ca.pem", cert_file = "/c.pem", key_file = "/k.pem", server_name = "s.example.net", verify = false }
command_timeout   = "3s"
connect_timeout   = "4s"
slow_threshold    = "20ms"
topology_interval = "6s"
keepalive         = { idle = "7s", interval = "2s", count = 4 }
backoff           = { initial = "200ms", max = "20s" }
idle_watch        = "keepalive"
watch_replicas    = true
announcements     = true
node_ports        = [6380, 16380]
reconnect_rate    = 50
max_parallel      = 2
)");
  ASSERT_EQ(s.endpoints.size(), 1U);
  const Endpoint want{.name = "sessions",
                      .url = {.scheme = Url::Scheme::Rediss,
                              .user = "relinkd",
                              .host = "sessions.example.net",
                              .port = 6380},
                      .expect = Expect::Any,
                      .password = SecretSource{SecretSource::Kind::Credential, "sessions"},
                      .tls = {.ca_file = "/ca.pem",
                              .cert_file = "/c.pem",
                              .key_file = "/k.pem",
                              .server_name = "s.example.net",
                              .verify = false},
                      .tls_given = true,
                      .announcements = true,
                      .node_ports = {6380, 16380},
                      .reconnect_rate = 50,
                      .max_parallel = 2,
                      .watch = {.ping_interval = 2s,
                                .command_timeout = 3s,
                                .connect_timeout = 4s,
                                .slow_threshold = 20ms,
                                .topology_interval = 6s,
                                .keepalive = {7s, 2s, 4},
                                .backoff = {200ms, 20s},
                                .idle_watch = {IdleWatch::Mode::Keepalive, {}},
                                .watch_replicas = true}};
  EXPECT_EQ(s.endpoints[0], want);
}

TEST(Endpoint, TakesTheKeysOfSentinels) {
  const Endpoint e = endpoint(R"(
url      = "redis-sentinel://10.0.0.1:26379,10.0.0.2:26379#mymaster"
sentinel = { user = "relinkd", password = { credential = "sentinel" }, tls = false })");
  EXPECT_EQ(e.name, "10.0.0.1:26379#mymaster");
  EXPECT_EQ(e.sentinel,
            (Sentinel{.user = "relinkd",
                      .password = SecretSource{SecretSource::Kind::Credential, "sentinel"},
                      .tls = false}));
}

TEST(Endpoint, NeedsAUrl) {
  EXPECT_THAT(errors("[[endpoint]]\nname = \"a\""), ElementsAre("f:1:1: endpoint: url is missing"));
}

TEST(Endpoint, IsWrittenWithTwoBrackets) {
  EXPECT_THAT(errors("[endpoint]\nurl = \"redis://h\""),
              ElementsAre("f:1:1: endpoint: expected tables, each headed [[endpoint]], found a "
                          "table"));
  EXPECT_THAT(errors("endpoint = \"redis://h\""),
              ElementsAre("f:1:12: endpoint: expected tables, each headed [[endpoint]], found a "
                          "string"));
  EXPECT_THAT(errors("endpoint = [{ url = \"redis://h\" }, 5]"),
              ElementsAre("f:1:36: endpoint: expected a table, found an integer"));
}

TEST(EndpointName, IsHostAndPortWhereNoneIsGiven) {
  EXPECT_EQ(endpoint("url = \"redis://user@Host.example.net:7000\"").name, "Host.example.net:7000");
  EXPECT_EQ(endpoint("url = \"redis://[::1]\"").name, "[::1]:6379");
  EXPECT_EQ(endpoint("url = \"unix:///run/redis/redis.sock\"").name, "/run/redis/redis.sock");
}

TEST(EndpointName, HasOneTo63OfItsCharacters) {
  const std::string longest(63, 'n');
  for (const std::string& good : {std::string("a"), std::string("A-Z_0.9:x"), longest}) {
    EXPECT_EQ(endpoint("name = \"" + good + "\"").name, good);
  }
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a/b"),
                                 std::string("a\\\"b"), std::string("é"), longest + "n"}) {
    const std::vector<std::string> lines = endpoint_errors("name = \"" + bad + "\"");
    ASSERT_EQ(lines.size(), 1U) << bad;
    EXPECT_THAT(lines.front(), testing::StartsWith("f:2:8: endpoint.name: '"));
    EXPECT_THAT(lines.front(),
                testing::EndsWith("' is not a name: 1 to 63 of A-Z a-z 0-9 _ . : -"));
  }
  EXPECT_THAT(endpoint_errors("name = 5"),
              ElementsAre("f:2:8: endpoint.name: expected a name, found an integer"));
}

TEST(EndpointExpect, IsPrimaryReplicaOrAny) {
  EXPECT_EQ(endpoint("expect = \"primary\"").expect, Expect::Primary);
  EXPECT_EQ(endpoint("expect = \"replica\"").expect, Expect::Replica);
  EXPECT_EQ(endpoint("expect = \"any\"").expect, Expect::Any);
  EXPECT_EQ(endpoint("").expect, Expect::Primary);
  EXPECT_THAT(endpoint_errors("expect = \"replika\""),
              ElementsAre("f:2:10: endpoint.expect: expected one of \"primary\", \"replica\", "
                          "\"any\", found 'replika'; did you mean 'replica'?"));
  EXPECT_THAT(endpoint_errors("expect = true"),
              ElementsAre("f:2:10: endpoint.expect: expected \"primary\", \"replica\", \"any\", "
                          "found a boolean"));
}

TEST(EndpointPassword, ComesFromAFileOrACredential) {
  EXPECT_EQ(endpoint("password = { file = \"/etc/relinkd/p\" }").password,
            (SecretSource{SecretSource::Kind::File, "/etc/relinkd/p"}));
  EXPECT_EQ(endpoint("password = { credential = \"sessions\" }").password,
            (SecretSource{SecretSource::Kind::Credential, "sessions"}));
  EXPECT_EQ(endpoint("").password, std::nullopt);
}

TEST(EndpointPassword, HasOneSource) {
  EXPECT_THAT(endpoint_errors("password = { file = \"/p\", credential = \"c\" }"),
              ElementsAre("f:2:27: endpoint.password: file and credential cannot be used "
                          "together"));
  EXPECT_THAT(endpoint_errors("password = {}"),
              ElementsAre("f:2:12: endpoint.password: expected { file = \"/path\" } or "
                          "{ credential = \"name\" }, found an empty table"));
}

TEST(EndpointPassword, NamesUnknownKeysOfItsTable) {
  EXPECT_THAT(endpoint_errors("password = { fil = \"/p\" }"),
              ElementsAre("f:2:14: endpoint.password: unknown key 'fil'; did you mean 'file'?"));
  EXPECT_THAT(endpoint_errors("password = { env = \"P\" }"),
              ElementsAre("f:2:14: endpoint.password: unknown key 'env' in password"));
}

TEST(EndpointPassword, ChecksTheNamesOfItsSources) {
  EXPECT_THAT(endpoint_errors("password = { file = \"p\" }"),
              ElementsAre("f:2:21: endpoint.password: expected an absolute path of a file, "
                          "starting with '/'"));
  for (const std::string bad : {"", ".", "..", "a/b"}) {
    EXPECT_THAT(endpoint_errors("password = { credential = \"" + bad + "\" }"),
                ElementsAre("f:2:27: endpoint.password: a credential's name has 1 to 255 bytes "
                            "and no '/'"));
  }
  EXPECT_THAT(
      endpoint_errors("password = { credential = 5 }"),
      ElementsAre("f:2:27: endpoint.password: expected a credential's name, found an integer"));
}

TEST(EndpointPassword, IsRefusedInPlainTextAndNeverRepeated) {
  EXPECT_THAT(endpoint_errors("password = \"geheim\""),
              ElementsAre("f:2:12: endpoint.password: expected { file = \"/path\" } or "
                          "{ credential = \"name\" }, found a string"));
  for (const std::string keys :
       {"password = { file = \"geheim\" }", "password = { value = \"geheim\" }",
        "password = [\"geheim\"]", "password = { credential = \"geheim/x\" }"}) {
    const std::vector<std::string> lines = endpoint_errors(keys);
    EXPECT_EQ(lines.size(), 1U) << keys;
    for (const std::string& line : lines) {
      EXPECT_THAT(line, testing::Not(testing::HasSubstr("geheim")));
    }
  }
}

TEST(EndpointTls, ChecksItsKeys) {
  const auto tls_errors = [](const std::string& keys) {
    return errors("[[endpoint]]\nurl = \"rediss://h\"\n[endpoint.tls]\n" + keys);
  };
  EXPECT_THAT(tls_errors("ca_file = \"ca.pem\""),
              ElementsAre("f:4:11: endpoint.tls.ca_file: expected an absolute path of a file, "
                          "starting with '/'"));
  EXPECT_THAT(tls_errors("ca_file = 1"),
              ElementsAre("f:4:11: endpoint.tls.ca_file: expected an absolute path, found an "
                          "integer"));
  EXPECT_THAT(tls_errors("ca_file = \"/" + std::string(4094, 'a') + "\""), IsEmpty());
  EXPECT_THAT(tls_errors("ca_file = \"/" + std::string(4095, 'a') + "\""),
              ElementsAre("f:4:11: endpoint.tls.ca_file: a path of 4096 bytes is out of range: at "
                          "most 4095"));
  EXPECT_THAT(tls_errors("verify = \"no\""),
              ElementsAre("f:4:10: endpoint.tls.verify: expected true or false, found a string"));
  EXPECT_THAT(tls_errors("server_name = \"a b\""),
              ElementsAre("f:4:15: endpoint.tls.server_name: 'a b' is neither a host name nor an "
                          "IP address"));
  EXPECT_THAT(tls_errors("server_name = \"\""),
              ElementsAre("f:4:15: endpoint.tls.server_name: '' is neither a host name nor an IP "
                          "address"));
  EXPECT_THAT(tls_errors("server_name = \"2001:db8::1\""), IsEmpty());
  EXPECT_THAT(tls_errors("cafile = \"/ca\""),
              ElementsAre("f:4:1: unknown key 'cafile'; did you mean 'ca_file'?"));
  EXPECT_THAT(tls_errors("colour = 1"),
              ElementsAre("f:4:1: unknown key 'colour' in [endpoint.tls]"));
}

TEST(EndpointTls, VerifiesUnlessToldOtherwise) {
  EXPECT_TRUE(endpoint("url = \"rediss://h\"").tls.verify);
  EXPECT_FALSE(endpoint("url = \"rediss://h\"\ntls.verify = false").tls.verify);
}

TEST(EndpointTls, HoldsForRedissAndForListsOfHostsWithATlsTable) {
  EXPECT_FALSE(endpoint("url = \"redis://h\"").uses_tls());
  EXPECT_FALSE(endpoint("url = \"unix:///s\"").uses_tls());
  EXPECT_TRUE(endpoint("url = \"rediss://h\"").uses_tls());
  for (const std::string url :
       {"url = \"redis-sentinel://a,b#m\"", "url = \"redis-cluster://a,b\""}) {
    EXPECT_FALSE(endpoint(url).uses_tls()) << url;
    EXPECT_TRUE(endpoint(url + "\ntls = {}").uses_tls()) << url;
    EXPECT_TRUE(endpoint(url + "\ntls.ca_file = \"/ca\"").uses_tls()) << url;
  }
}

TEST(EndpointSentinel, ChecksItsKeys) {
  const auto sentinel_errors = [](const std::string& keys) {
    return errors("[[endpoint]]\nurl = \"redis-sentinel://a#m\"\n[endpoint.sentinel]\n" + keys);
  };
  EXPECT_THAT(sentinel_errors("user = 5"),
              ElementsAre("f:4:8: endpoint.sentinel.user: expected a user's name, found an "
                          "integer"));
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("é"), std::string(256, 'u')}) {
    EXPECT_THAT(sentinel_errors("password.file = \"/p\"\nuser = \"" + bad + "\""),
                ElementsAre("f:5:8: endpoint.sentinel.user: a user's name has 1 to 255 printable "
                            "ASCII characters and no spaces"));
  }
  EXPECT_THAT(sentinel_errors("password = \"geheim\""),
              ElementsAre("f:4:12: endpoint.sentinel.password: expected { file = \"/path\" } or "
                          "{ credential = \"name\" }, found a string"));
  EXPECT_THAT(sentinel_errors("tls = {}"),
              ElementsAre("f:4:7: endpoint.sentinel.tls: expected true or false, found a table"));
  EXPECT_THAT(sentinel_errors("usr = \"x\""),
              ElementsAre("f:4:1: unknown key 'usr'; did you mean 'user'?"));
  EXPECT_THAT(sentinel_errors("colour = 1"),
              ElementsAre("f:4:1: unknown key 'colour' in [endpoint.sentinel]"));
}

TEST(EndpointAnnouncements, AreHeardByDefaultWhereTheServiceMakesThem) {
  for (const std::string url :
       {"rediss://x.redis.cache.windows.net:6380", "redis://x.redis.cache.chinacloudapi.cn",
        "redis://x.redis.cache.usgovcloudapi.net", "rediss://X.Redis.Cache.Windows.Net.:6380",
        "redis-cluster://other.example.net,x.redis.cache.windows.net"}) {
    EXPECT_TRUE(endpoint("url = \"" + url + "\"").announcements) << url;
    EXPECT_FALSE(endpoint("url = \"" + url + "\"\nannouncements = false").announcements) << url;
  }
  for (const std::string url :
       {"redis://redis.cache.windows.net", "redis://x-redis.cache.windows.net",
        "redis://x.redis.cache.windows.net.example.net", "redis://10.0.0.7", "unix:///s",
        "redis-sentinel://a#x.redis.cache.windows.net"}) {
    EXPECT_FALSE(endpoint("url = \"" + url + "\"").announcements) << url;
    EXPECT_TRUE(endpoint("url = \"" + url + "\"\nannouncements = true").announcements) << url;
  }
  EXPECT_TRUE(load({}, {"redis://x.redis.cache.windows.net"}).settings.endpoints[0].announcements);
}

TEST(EndpointNodePorts, FollowFromTheUrlWhereTheyAreNotGiven) {
  const auto ports = [](const std::string& url) {
    return endpoint("url = \"" + url + "\"").node_ports;
  };
  EXPECT_THAT(ports("redis://h"), ElementsAre(6379));
  EXPECT_THAT(ports("rediss://h:6380"), ElementsAre(6380));
  EXPECT_THAT(ports("redis-sentinel://a:26380,b#m"), ElementsAre(6379));
  EXPECT_THAT(ports("redis-cluster://a:7001,b:7000,c:7001"), ElementsAre(7001, 7000));
  EXPECT_THAT(ports("unix:///s"), IsEmpty());
  EXPECT_THAT(load({}, {"redis://h:7000"}).settings.endpoints[0].node_ports, ElementsAre(7000));
  EXPECT_THAT(settings("").endpoints[0].node_ports, ElementsAre(6379));
}

TEST(EndpointNodePorts, AreOneTo32Ports) {
  EXPECT_THAT(endpoint("node_ports = [1, 65535]").node_ports, ElementsAre(1, 65535));
  EXPECT_THAT(endpoint_errors("node_ports = [0, 6379, 65536, \"6379\"]"),
              ElementsAre("f:2:15: endpoint.node_ports: 0 is out of range: 1 to 65535",
                          "f:2:24: endpoint.node_ports: 65536 is out of range: 1 to 65535",
                          "f:2:31: endpoint.node_ports: expected an integer, found a string"));
  std::string many = "1";
  for (int port = 2; port <= 32; ++port) many += ", " + std::to_string(port);
  EXPECT_EQ(endpoint("node_ports = [" + many + "]").node_ports.size(), 32U);
  EXPECT_THAT(endpoint_errors("node_ports = [" + many + ", 33]"),
              ElementsAre("f:2:14: endpoint.node_ports: 33 ports are out of range: 1 to 32"));
  EXPECT_THAT(endpoint_errors("node_ports = []"),
              ElementsAre("f:2:14: endpoint.node_ports: 0 ports are out of range: 1 to 32"));
  EXPECT_THAT(endpoint_errors("node_ports = 6379"),
              ElementsAre("f:2:14: endpoint.node_ports: expected an array of ports, found an "
                          "integer"));
}

TEST(EndpointLimits, HaveTheirRanges) {
  EXPECT_EQ(endpoint("reconnect_rate = 1").reconnect_rate, 1);
  EXPECT_EQ(endpoint("reconnect_rate = 10000").reconnect_rate, 10'000);
  EXPECT_EQ(endpoint("max_parallel = 1").max_parallel, 1);
  EXPECT_EQ(endpoint("max_parallel = 1000").max_parallel, 1'000);
  for (const std::string bad : {"0", "10001"}) {
    EXPECT_THAT(
        endpoint_errors("reconnect_rate = " + bad),
        ElementsAre("f:2:18: endpoint.reconnect_rate: " + bad + " is out of range: 1 to 10000"));
  }
  for (const std::string bad : {"0", "1001"}) {
    EXPECT_THAT(
        endpoint_errors("max_parallel = " + bad),
        ElementsAre("f:2:16: endpoint.max_parallel: " + bad + " is out of range: 1 to 1000"));
  }
}

TEST(EndpointClusterRelink, IsTrueOrFalse) {
  const std::string url = "url = \"redis-cluster://a\"\n";
  EXPECT_TRUE(endpoint(url + "cluster_relink = true").cluster_relink);
  EXPECT_FALSE(endpoint(url + "cluster_relink = false").cluster_relink);
  EXPECT_FALSE(endpoint(url).cluster_relink);
  EXPECT_THAT(errors("[[endpoint]]\n" + url + "cluster_relink = 1"),
              ElementsAre("f:3:18: endpoint.cluster_relink: expected true or false, found an "
                          "integer"));
}

TEST(WatchReplicas, IsGivenForAllOrForAnEndpoint) {
  const Settings s = settings(
      "[watch]\nwatch_replicas = true\n[[endpoint]]\nurl = \"redis-cluster://a\"\n"
      "[[endpoint]]\nurl = \"redis-cluster://b\"\nwatch_replicas = false");
  ASSERT_EQ(s.endpoints.size(), 2U);
  EXPECT_TRUE(s.endpoints[0].watch.watch_replicas);
  EXPECT_FALSE(s.endpoints[1].watch.watch_replicas);
  EXPECT_THAT(errors("[watch]\nwatch_replicas = 1"),
              ElementsAre("f:2:18: watch.watch_replicas: expected true or false, found an "
                          "integer"));
}

TEST(CommandLine, UrlsBecomeEndpointsNamedByHostAndPort) {
  const Loaded loaded = load({{"f", "[watch]\nping_interval = \"3s\""}},
                             {"rediss://me@a:7000", "unix:///run/redis.sock",
                              "redis-sentinel://a,b#m", "redis-cluster://c,d"});
  EXPECT_THAT(to_strings(loaded.diagnostics), IsEmpty());
  ASSERT_EQ(loaded.settings.endpoints.size(), 4U);
  EXPECT_EQ(loaded.settings.endpoints[0].name, "a:7000");
  EXPECT_EQ(loaded.settings.endpoints[0].url.to_string(), "rediss://me@a:7000");
  EXPECT_EQ(loaded.settings.endpoints[0].watch.ping_interval, 3s);
  EXPECT_EQ(loaded.settings.endpoints[1].name, "/run/redis.sock");
  EXPECT_EQ(loaded.settings.endpoints[2].name, "a:26379#m");
  EXPECT_EQ(loaded.settings.endpoints[3].name, "c:6379");
}

}  // namespace
}  // namespace relinkd::config::test
