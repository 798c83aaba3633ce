// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(BackoffRule, MaxIsAtLeastInitial) {
  EXPECT_THAT(errors("[watch]\nbackoff = { initial = \"1s\", max = \"1s\" }"), IsEmpty());
  EXPECT_THAT(errors("[watch]\nbackoff = { initial = \"2s\", max = \"1s\" }"),
              ElementsAre("f:2:29: watch.backoff.max: 1s must be at least backoff.initial (2s, "
                          "f:2)"));
}

TEST(BackoffRule, BlamesTheKeyThatWasGiven) {
  EXPECT_THAT(errors("[watch]\nbackoff.max = \"50ms\""),
              ElementsAre("f:2:9: watch.backoff.max: 50ms must be at least backoff.initial "
                          "(100ms, default)"));
  EXPECT_THAT(errors("[watch]\nbackoff.initial = \"11s\""),
              ElementsAre("f:2:9: watch.backoff.initial: 11s must be at most backoff.max (10s, "
                          "default)"));
}

TEST(BackoffRule, BlamesTheKeyThatWasGivenLast) {
  EXPECT_THAT(errors("[watch]\nbackoff.max = \"1s\"\nbackoff.initial = \"2s\""),
              ElementsAre("f:3:9: watch.backoff.initial: 2s must be at most backoff.max (1s, "
                          "f:2)"));
  EXPECT_THAT(
      errors({{"main", "[watch]\n\n\nbackoff.initial = \"2s\""},
              {"10", "[watch]\nbackoff.max = \"1s\""}}),
      ElementsAre("10:2:9: watch.backoff.max: 1s must be at least backoff.initial (2s, main:4)"));
}

TEST(SlowThresholdRule, IsBelowCommandTimeout) {
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"1999ms\""), IsEmpty());
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"2s\""),
              ElementsAre("f:2:1: watch.slow_threshold: 2s must be below command_timeout (2s, "
                          "default)"));
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"500ms\"\ncommand_timeout = \"300ms\""),
              ElementsAre("f:3:1: watch.command_timeout: 300ms must be above slow_threshold "
                          "(500ms, f:2)"));
}

TEST(MetricsTlsRule, NeedsCertificateAndKeyFromWhicheverFile) {
  EXPECT_THAT(errors("[metrics]\ntls = { cert_file = \"/c\", key_file = \"/k\" }"), IsEmpty());
  EXPECT_THAT(errors({{"main", "[metrics]\ntls.cert_file = \"/c\""},
                      {"10", "[metrics]\ntls.key_file = \"/k\""}}),
              IsEmpty());
  EXPECT_THAT(errors("[metrics]\ntls = { cert_file = \"/c\" }"),
              ElementsAre("f:2:9: metrics.tls.cert_file: needs key_file as well"));
  EXPECT_THAT(errors("[metrics]\ntls = { key_file = \"/k\", client_ca_file = \"/a\" }"),
              ElementsAre("f:2:9: metrics.tls.key_file: needs cert_file as well"));
  for (const std::string table : {"{}", "{ client_ca_file = \"/a\" }"}) {
    EXPECT_THAT(errors("[metrics]\ntls = " + table),
                ElementsAre("f:2:1: metrics.tls: needs cert_file and key_file"));
  }
}

TEST(UsersFileRule, SendsNoPasswordOverTheNetworkInClear) {
  const std::string users = "users_file = \"/u\"\n";
  const std::string tls = "tls = { cert_file = \"/c\", key_file = \"/k\" }\n";
  EXPECT_THAT(errors("[metrics]\n" + users), IsEmpty());
  for (const std::string here :
       {"127.0.0.1:1", "127.9.9.9:0", "[::1]:1", "[0:0::1]:1", "[::ffff:127.0.0.1]:1", ""}) {
    EXPECT_THAT(errors("[metrics]\n" + users + "listen = \"" + here + "\""), IsEmpty()) << here;
  }
  for (const std::string anywhere : {"0.0.0.0:1", "10.0.0.7:0", "[::]:1", "[2001:db8::1]:1"}) {
    const std::string listen = "listen = \"" + anywhere + "\"";
    EXPECT_THAT(
        errors("[metrics]\n" + users + listen),
        ElementsAre("f:2:1: metrics.users_file: passwords would cross the network in clear; "
                    "give metrics.tls as well, or listen on 127.0.0.1 or [::1]"));
    EXPECT_THAT(errors("[metrics]\n" + users + tls + listen), IsEmpty());
  }
}

TEST(Rules, HoldInAnEndpointTogetherWithWhatItInherits) {
  EXPECT_THAT(errors("[[endpoint]]\nurl = \"redis://h\"\nslow_threshold = \"3s\"\n"
                     "[watch]\ncommand_timeout = \"2500ms\""),
              ElementsAre("f:3:1: endpoint.slow_threshold: 3s must be below command_timeout "
                          "(2500ms, f:5)"));
  EXPECT_THAT(endpoint_errors("backoff.max = \"50ms\""),
              ElementsAre("f:2:9: endpoint.backoff.max: 50ms must be at least backoff.initial "
                          "(100ms, default)"));
}

TEST(Rules, LetAnEndpointRepairWhatWatchAloneWouldBreak) {
  EXPECT_THAT(endpoint_errors("slow_threshold = \"3s\"\ncommand_timeout = \"4s\""), IsEmpty());
}

TEST(Rules, BrokenInWatchAreNotReportedAgainForEveryEndpoint) {
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"3s\"\n"
                     "[[endpoint]]\nurl = \"redis://a\"\n[[endpoint]]\nurl = \"redis://b\""),
              ElementsAre("f:2:1: watch.slow_threshold: 3s must be below command_timeout (2s, "
                          "default)"));
}

TEST(Rules, AreNotAppliedToARefusedValue) {
  EXPECT_THAT(errors("[watch]\nslow_threshold = \"3s\"\ncommand_timeout = 4"),
              ElementsAre("f:3:19: watch.command_timeout: expected a duration such as \"1s\", "
                          "found an integer"));
  EXPECT_THAT(errors("[watch]\ncommand_timeout = 4\n"
                     "[[endpoint]]\nurl = \"redis://h\"\nslow_threshold = \"3s\""),
              ElementsAre("f:2:19: watch.command_timeout: expected a duration such as \"1s\", "
                          "found an integer"));
}

TEST(Rules, AreNotAppliedToADefaultThatAnUnreadableFileMayChange) {
  const std::vector<std::string> lines = errors(
      {{"main", "[watch]\ncommand_timeout = \"5s\"\n["},
       {"10", "[watch]\nslow_threshold = \"3s\"\nbackoff = { initial = \"2s\", max = \"1s\" }"}});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], testing::StartsWith("main:3:2: "));
  EXPECT_EQ(lines[1], "10:3:29: watch.backoff.max: 1s must be at least backoff.initial (2s, 10:3)");
}

TEST(TlsRule, NeedsAnEncryptedUrl) {
  EXPECT_THAT(errors("[[endpoint]]\ntls = { ca_file = \"/ca\" }\nurl = \"redis://h\""),
              ElementsAre("f:2:1: endpoint.tls: a redis:// URL is not encrypted; use rediss://"));
  EXPECT_THAT(errors("[[endpoint]]\nurl = \"unix:///s\"\n[endpoint.tls]\nverify = true"),
              ElementsAre("f:3:11: endpoint.tls: a unix:// URL is not encrypted; use rediss://"));
  EXPECT_THAT(errors("[[endpoint]]\ntls = { ca_file = \"/ca\" }\nurl = \"rediss://h\""), IsEmpty());
}

TEST(TlsRule, LetsListsOfHostsBeEncrypted) {
  EXPECT_THAT(errors("[[endpoint]]\ntls = {}\nurl = \"redis-sentinel://a#m\""), IsEmpty());
  EXPECT_THAT(errors("[[endpoint]]\ntls = {}\nurl = \"redis-cluster://a\""), IsEmpty());
}

TEST(TlsRule, IsNotAppliedToARefusedUrl) {
  EXPECT_THAT(errors("[[endpoint]]\ntls = { ca_file = \"/ca\" }\nurl = 5"),
              ElementsAre("f:3:7: endpoint.url: expected a URL, found an integer"));
}

TEST(TlsRule, CertificateAndKeyGoTogether) {
  EXPECT_THAT(errors("[[endpoint]]\nurl = \"rediss://h\"\n[endpoint.tls]\ncert_file = \"/c\""),
              ElementsAre("f:4:1: endpoint.tls.cert_file: needs key_file as well"));
  EXPECT_THAT(errors("[[endpoint]]\nurl = \"rediss://h\"\n[endpoint.tls]\nkey_file = \"/k\""),
              ElementsAre("f:4:1: endpoint.tls.key_file: needs cert_file as well"));
}

TEST(SentinelRule, NeedsAUrlThatNamesSentinels) {
  for (const std::string url : {"redis://h", "rediss://h", "unix:///s", "redis-cluster://a"}) {
    EXPECT_THAT(errors("[[endpoint]]\nsentinel = {}\nurl = \"" + url + "\""),
                ElementsAre("f:2:1: endpoint.sentinel: the URL names no Sentinels; use "
                            "redis-sentinel://"));
  }
  EXPECT_THAT(errors("[[endpoint]]\nsentinel = {}\nurl = \"redis-sentinel://a#m\""), IsEmpty());
}

TEST(SentinelRule, IsNotAppliedToARefusedUrl) {
  EXPECT_THAT(errors("[[endpoint]]\nsentinel = {}\nurl = 5"),
              ElementsAre("f:3:7: endpoint.url: expected a URL, found an integer"));
}

TEST(SentinelRule, AUserComesWithItsPassword) {
  EXPECT_THAT(errors("[[endpoint]]\nsentinel = { user = \"u\" }\nurl = \"redis-sentinel://a#m\""),
              ElementsAre("f:2:14: endpoint.sentinel.user: needs password as well"));
}

TEST(SentinelRule, TlsIsNotAskedForWithoutATlsTable) {
  const std::string start = "[[endpoint]]\nurl = \"redis-sentinel://a#m\"\n";
  EXPECT_THAT(errors(start + "sentinel = { tls = true }"),
              ElementsAre("f:3:14: endpoint.sentinel.tls: nothing is encrypted without a tls table "
                          "in the endpoint; tls = {} verifies with the system's certificates"));
  EXPECT_THAT(errors(start + "sentinel = { tls = true }\ntls = {}"), IsEmpty());
  EXPECT_THAT(errors(start + "sentinel = { tls = false }"), IsEmpty());
}

TEST(ClusterRelinkRule, NeedsAUrlThatNamesACluster) {
  for (const std::string url : {"redis://h", "rediss://h", "unix:///s", "redis-sentinel://a#m"}) {
    EXPECT_THAT(errors("[[endpoint]]\ncluster_relink = false\nurl = \"" + url + "\""),
                ElementsAre("f:2:1: endpoint.cluster_relink: the URL names no cluster; use "
                            "redis-cluster://"));
  }
  EXPECT_THAT(errors("[[endpoint]]\ncluster_relink = true\nurl = 5"),
              ElementsAre("f:3:7: endpoint.url: expected a URL, found an integer"));
}

TEST(NodePortsRule, AUnixSocketHasNone) {
  EXPECT_THAT(errors("[[endpoint]]\nnode_ports = [6379]\nurl = \"unix:///s\""),
              ElementsAre("f:2:1: endpoint.node_ports: a unix:// URL has no ports"));
}

TEST(NameRule, TheSameNameTwiceIsAnErrorThatNamesTheFirst) {
  EXPECT_THAT(errors({{"main", "[[endpoint]]\nurl = \"redis://a\"\nname = \"x\""},
                      {"10", "[[endpoint]]\nname = \"x\"\nurl = \"redis://b\""}}),
              ElementsAre("10:2:1: endpoint name 'x' is already used at main:3"));
}

TEST(NameRule, HoldsForNamesThatComeFromUrls) {
  EXPECT_THAT(errors("[[endpoint]]\nname = \"h:6379\"\nurl = \"redis://a\"\n"
                     "[[endpoint]]\nurl = \"redis://h\""),
              ElementsAre("f:5:1: endpoint name 'h:6379' is already used at f:2"));
  EXPECT_THAT(errors("[[endpoint]]\nurl = \"redis://[0:0::1]\"\n"
                     "[[endpoint]]\nurl = \"redis://[::1]\""),
              ElementsAre("f:4:1: endpoint name '[::1]:6379' is already used at f:2"));
}

TEST(NameRule, HoldsForTheCommandLine) {
  EXPECT_THAT(errors({{"f", "[[endpoint]]\nurl = \"redis://h\""}}, {"redis://h:6379"}),
              ElementsAre("--endpoint: endpoint name 'h:6379' is already used at f:2"));
  EXPECT_THAT(errors({}, {"redis-cluster://h", "redis-cluster://h,i"}),
              ElementsAre("--endpoint: endpoint name 'h:6379' is already used at --endpoint"));
  EXPECT_THAT(errors({}, {"redis://h", "redis://h"}),
              ElementsAre("--endpoint: endpoint name 'h:6379' is already used at --endpoint"));
}

TEST(NameRule, ComparesNoRefusedNames) {
  EXPECT_THAT(errors("[[endpoint]]\nurl = 1\n[[endpoint]]\nurl = 2"),
              ElementsAre("f:2:7: endpoint.url: expected a URL, found an integer",
                          "f:4:7: endpoint.url: expected a URL, found an integer"));
  EXPECT_EQ(errors("[[endpoint]]\nname = \"\"\nurl = \"redis://h\"\n"
                   "[[endpoint]]\nname = \"\"\nurl = \"redis://h\"")
                .size(),
            2U);
}

}  // namespace
}  // namespace relinkd::config::test
