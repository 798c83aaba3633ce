// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Settings merged(const std::vector<Source>& sources) {
  Loaded loaded = load(sources, {});
  EXPECT_THAT(to_strings(loaded.diagnostics), IsEmpty());
  return std::move(loaded.settings);
}

TEST(Merge, ALaterFileWinsKeyByKey) {
  const Settings s = merged({{"main", "[watch]\nping_interval = \"2s\"\ncommand_timeout = \"3s\""},
                             {"10", "[watch]\nping_interval = \"4s\""},
                             {"20", "[watch]\nconnect_timeout = \"6s\""}});
  EXPECT_EQ(s.watch.ping_interval, 4s);
  EXPECT_EQ(s.watch.command_timeout, 3s);
  EXPECT_EQ(s.watch.connect_timeout, 6s);
}

TEST(Merge, InnerTablesMergeKeyByKeyToo) {
  const Settings s = merged({{"main", "[watch]\nkeepalive = { idle = \"9s\", count = 7 }"},
                             {"10", "[watch.keepalive]\nidle = \"8s\""}});
  EXPECT_EQ(s.watch.keepalive.idle, 8s);
  EXPECT_EQ(s.watch.keepalive.interval, 1s);
  EXPECT_EQ(s.watch.keepalive.count, 7);
}

TEST(Merge, ArraysAreReplaced) {
  const Settings s = merged({{"main", "[control]\noperators = [\"a\", \"b\"]"},
                             {"10", "[control]\noperators = [\"c\"]"}});
  EXPECT_THAT(s.control.operators, ElementsAre("c"));
}

TEST(Merge, TheIdleWatchIsReplaced) {
  const Settings s = merged({{"main", "[watch]\nidle_watch = { ages = [\"1s\"] }"},
                             {"10", "[watch]\nidle_watch = \"off\""}});
  EXPECT_EQ(s.watch.idle_watch, (IdleWatch{IdleWatch::Mode::Off, {}}));
}

TEST(Merge, WantedSysctlsMergeInAnySpelling) {
  const Settings s = merged({{"main", "[sysctl.want]\n\"net.ipv4.tcp_retries2\" = 6"},
                             {"10",
                              "[sysctl.want]\n\"net/ipv4/tcp_retries2\" = 7\n"
                              "\"net.ipv4.tcp_fin_timeout\" = 30"}});
  EXPECT_THAT(s.sysctl.want,
              ElementsAre(Pair("net.ipv4.tcp_fin_timeout", 30), Pair("net.ipv4.tcp_retries2", 7)));
}

TEST(Merge, EndpointsAccumulateInOrder) {
  Loaded loaded = load({{"main",
                         "[[endpoint]]\nname = \"a\"\nurl = \"redis://a\"\n"
                         "[[endpoint]]\nname = \"b\"\nurl = \"redis://b\""},
                        {"10", "[[endpoint]]\nname = \"c\"\nurl = \"redis://c\""}},
                       {"redis://d"});
  EXPECT_THAT(to_strings(loaded.diagnostics), IsEmpty());
  std::vector<std::string> names;
  for (const Endpoint& e : loaded.settings.endpoints) names.push_back(e.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d:6379"));
}

TEST(Merge, AnEndpointInheritsWhatTheLastFileSays) {
  const Settings s =
      merged({{"main", "[[endpoint]]\nurl = \"redis://a\"\nslow_threshold = \"5ms\""},
              {"10", "[watch]\nping_interval = \"7s\"\nslow_threshold = \"9ms\""}});
  ASSERT_EQ(s.endpoints.size(), 1U);
  EXPECT_EQ(s.endpoints[0].watch.ping_interval, 7s);
  EXPECT_EQ(s.endpoints[0].watch.slow_threshold, 5ms);
}

TEST(Merge, AnEndpointsInnerTablesMergeIntoTheInherited) {
  const Settings s = merged({{"main",
                              "[watch]\nkeepalive = { idle = \"9s\", count = 7 }\n"
                              "[[endpoint]]\nurl = \"redis://a\"\nkeepalive.idle = \"3s\"\n"
                              "[[endpoint]]\nurl = \"redis://b\""}});
  ASSERT_EQ(s.endpoints.size(), 2U);
  EXPECT_EQ(s.endpoints[0].watch.keepalive, (Keepalive{3s, 1s, 7}));
  EXPECT_EQ(s.endpoints[1].watch.keepalive, (Keepalive{9s, 1s, 7}));
  EXPECT_EQ(s.watch.keepalive, (Keepalive{9s, 1s, 7}));
}

TEST(Merge, AWrongValueIsAnErrorEvenWhereALaterFileWins) {
  EXPECT_THAT(errors({{"main", "[watch]\nping_interval = \"1ms\""},
                      {"10", "[watch]\nping_interval = \"1s\""}}),
              ElementsAre("main:2:17: watch.ping_interval: '1ms' is out of range: 50ms to 1h"));
}

}  // namespace
}  // namespace relinkd::config::test
