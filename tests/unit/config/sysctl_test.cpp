// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::map<std::string, std::int64_t> want(const std::string& lines) {
  return settings("[sysctl.want]\n" + lines).sysctl.want;
}

std::vector<std::string> want_errors(const std::string& lines) {
  return errors("[sysctl.want]\n" + lines);
}

TEST(SysctlCheckInterval, IsFromOneSecondToOneDay) {
  EXPECT_EQ(settings("[sysctl]\ncheck_interval = \"1s\"").sysctl.check_interval, 1s);
  EXPECT_EQ(settings("[sysctl]\ncheck_interval = \"24h\"").sysctl.check_interval, 24h);
  EXPECT_THAT(errors("[sysctl]\ncheck_interval = \"0s\""),
              ElementsAre("f:2:18: sysctl.check_interval: '0s' is out of range: 1s to 1d"));
  EXPECT_THAT(errors("[sysctl]\ncheck_interval = \"25h\""),
              ElementsAre("f:2:18: sysctl.check_interval: '25h' is out of range: 1s to 1d"));
}

TEST(SysctlWant, AddsToTheDefaultsKeyByKey) {
  EXPECT_THAT(
      want("\"net.ipv4.tcp_keepalive_time\" = 60"),
      ElementsAre(Pair("net.ipv4.tcp_keepalive_time", 60), Pair("net.ipv4.tcp_retries2", 5)));
  EXPECT_THAT(want("\"net.ipv4.tcp_retries2\" = 8"), ElementsAre(Pair("net.ipv4.tcp_retries2", 8)));
}

TEST(SysctlWant, TakesKeysWithSlashesAndGivesThemWithDots) {
  EXPECT_THAT(want("\"net/ipv4/tcp_retries2\" = 8"), ElementsAre(Pair("net.ipv4.tcp_retries2", 8)));
}

TEST(SysctlWant, AfterASlashDotsBelongToNames) {
  const auto both =
      ElementsAre(Pair("net.ipv4.conf.eth0/100.forwarding", 0), Pair("net.ipv4.tcp_retries2", 5));
  EXPECT_THAT(want("\"net/ipv4/conf/eth0.100/forwarding\" = 0"), both);
  EXPECT_THAT(want("\"net.ipv4.conf.eth0/100.forwarding\" = 0"), both);
}

TEST(SysctlWant, TakesAllValuesFromZeroUp) {
  EXPECT_THAT(want("\"net.ipv4.tcp_retries2\" = 0"), ElementsAre(Pair("net.ipv4.tcp_retries2", 0)));
  EXPECT_THAT(want("\"net.ipv4.tcp_retries2\" = 9223372036854775807"),
              ElementsAre(Pair("net.ipv4.tcp_retries2", 9223372036854775807)));
  EXPECT_THAT(want_errors("\"net.ipv4.tcp_retries2\" = -1"),
              ElementsAre("f:2:27: sysctl.want.\"net.ipv4.tcp_retries2\": -1 is out of range: 0 to "
                          "9223372036854775807"));
}

TEST(SysctlWant, TakesIntegersOnly) {
  EXPECT_THAT(want_errors("\"net.ipv4.tcp_retries2\" = \"5\""),
              ElementsAre("f:2:27: sysctl.want.\"net.ipv4.tcp_retries2\": expected an integer, "
                          "found a string"));
  EXPECT_THAT(want_errors("\"net.ipv4.tcp_rmem\" = [4096, 131072, 6291456]"),
              ElementsAre("f:2:23: sysctl.want.\"net.ipv4.tcp_rmem\": expected an integer, found "
                          "an array"));
}

TEST(SysctlWant, TellsAboutMissingQuotes) {
  EXPECT_THAT(want_errors("net.ipv4.tcp_retries2 = 5"),
              ElementsAre("f:2:1: sysctl.want: a key with dots needs quotes: "
                          "\"net.ipv4.tcp_retries2\" = 5"));
}

TEST(SysctlWant, RefusesKeysThatAreNoPathBelowProcSys) {
  for (const std::string bad : {"", "tcp_retries2", ".", "net.", ".net", "net..ipv4", "/net/ipv4",
                                "net//ipv4", "net/ipv4/", "net/../ipv4", "net/./ipv4", "net.//.x",
                                "net./.x", "net.ipv4.tcp retries2", "net.ipv4.conf.*.forwarding"}) {
    EXPECT_THAT(want_errors("\"" + bad + "\" = 5"),
                ElementsAre("f:2:1: sysctl.want: '" + bad +
                            "' is not a sysctl's key, such as \"net.ipv4.tcp_retries2\""));
  }
  EXPECT_EQ(want_errors("\"net." + std::string(252, 'x') + "\" = 5").size(), 1U);
  EXPECT_EQ(want_errors("\"net." + std::string(251, 'x') + "\" = 5").size(), 0U);
}

TEST(SysctlWant, RefusesAKeyInTwoSpellings) {
  EXPECT_THAT(want_errors("\"net.ipv4.tcp_retries2\" = 5\n\"net/ipv4/tcp_retries2\" = 8"),
              ElementsAre("f:3:1: sysctl.want: 'net.ipv4.tcp_retries2' is already given at f:2"));
}

TEST(SysctlWant, MustBeATable) {
  EXPECT_THAT(errors("[sysctl]\nwant = 5"),
              ElementsAre("f:2:8: sysctl.want: expected a table, found an integer"));
}

}  // namespace
}  // namespace relinkd::config::test
