// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Diagnostic, ReadsAsFileLineColumnAndMessage) {
  EXPECT_EQ((Diagnostic{"/etc/relinkd.toml", 3, 7, "wrong"}).to_string(),
            "/etc/relinkd.toml:3:7: wrong");
}

TEST(Diagnostic, WithoutLineReadsAsFileAndMessage) {
  EXPECT_EQ((Diagnostic{"--endpoint", 0, 0, "wrong"}).to_string(), "--endpoint: wrong");
}

TEST(UnknownKeys, AreNamedWithTheNearestKnownOne) {
  EXPECT_THAT(errors("[watch]\n  ping_intervall = \"1s\""),
              ElementsAre("f:2:3: unknown key 'ping_intervall'; did you mean 'ping_interval'?"));
  EXPECT_THAT(errors("[wach]\nping_interval = \"1s\""),
              ElementsAre("f:1:2: unknown key 'wach'; did you mean 'watch'?"));
  EXPECT_THAT(errors("[[endpoints]]\nurl = \"redis://h\""),
              ElementsAre("f:1:3: unknown key 'endpoints'; did you mean 'endpoint'?"));
  EXPECT_THAT(errors("[watch.backoff]\ninital = \"1s\""),
              ElementsAre("f:2:1: unknown key 'inital'; did you mean 'initial'?"));
  EXPECT_THAT(endpoint_errors("keepalive = { idl = \"5s\" }"),
              ElementsAre("f:2:15: unknown key 'idl'; did you mean 'idle'?"));
  EXPECT_THAT(endpoint_errors("pasword = { file = \"/p\" }"),
              ElementsAre("f:2:1: unknown key 'pasword'; did you mean 'password'?"));
  EXPECT_THAT(errors("[sysctl]\ncheck_intervall = \"1s\""),
              ElementsAre("f:2:1: unknown key 'check_intervall'; did you mean 'check_interval'?"));
}

TEST(UnknownKeys, ThatAreNearNoneNameTheirTable) {
  EXPECT_THAT(errors("colour = 1"),
              ElementsAre("f:1:1: unknown key 'colour' in the configuration"));
  EXPECT_THAT(errors("[watch]\ncolour = 1"), ElementsAre("f:2:1: unknown key 'colour' in [watch]"));
  EXPECT_THAT(endpoint_errors("colour = 1"),
              ElementsAre("f:2:1: unknown key 'colour' in [[endpoint]]"));
  EXPECT_THAT(endpoint_errors("backoff.colour = 1"),
              ElementsAre("f:2:9: unknown key 'colour' in [endpoint.backoff]"));
}

TEST(UnknownKeys, HideNoOtherError) {
  EXPECT_THAT(errors("[watch]\ncolour = 1\nping_interval = 5"),
              ElementsAre("f:2:1: unknown key 'colour' in [watch]",
                          "f:3:17: watch.ping_interval: expected a duration such as \"1s\", found "
                          "an integer"));
}

TEST(SyntaxErrors, HaveAPlace) {
  EXPECT_THAT(errors("[watch]\nping_interval == \"1s\""),
              ElementsAre("f:2:16: Error while parsing value: could not determine value type"));
  EXPECT_THAT(errors("[watch]\n[watch]"),
              ElementsAre("f:2:1: Error while parsing table header: cannot redefine existing table "
                          "'watch'"));
}

TEST(SyntaxErrors, OnlyTheFirstOfAFileIsReported) {
  EXPECT_EQ(errors("[watch\n[metrics\n[control").size(), 1U);
}

TEST(SyntaxErrors, HideNoErrorOfAnotherFile) {
  const std::vector<std::string> lines =
      errors({{"a", "[watch\n"}, {"b", "[watch]\nping_interval = 5"}, {"c", "= 3"}});
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], testing::StartsWith("a:1:7: "));
  EXPECT_EQ(lines[1],
            "b:2:17: watch.ping_interval: expected a duration such as \"1s\", found an integer");
  EXPECT_THAT(lines[2], testing::StartsWith("c:1:1: "));
}

TEST(SyntaxErrors, NeverRepeatAValue) {
  // The first is what people write who expect shell syntax.
  for (const char* line : {"password = geheim123", "password = \"geheim123",
                           "password = 'geheim123", "password = { geheim123",
                           "url = redis://:geheim123@host", "password = 98765432109876543210"}) {
    const std::vector<std::string> lines = errors("[[endpoint]]\n" + std::string(line) + "\n");
    ASSERT_EQ(lines.size(), 1U) << line;
    EXPECT_THAT(lines.front(), testing::Not(testing::HasSubstr("geheim"))) << line;
    EXPECT_THAT(lines.front(), testing::Not(testing::HasSubstr("9876"))) << line;
  }
}

TEST(Places, CountColumnsInCharacters) {
  EXPECT_THAT(errors("watch = { \"é\" = 1, ping_interval = 5 }"),
              ElementsAre("f:1:11: unknown key '..' in [watch]",
                          "f:1:36: watch.ping_interval: expected a duration such as \"1s\", found "
                          "an integer"));
}

TEST(Places, AreTheSameWithCarriageReturns) {
  EXPECT_THAT(errors("[watch]\r\n\r\ncolour = 1\r\n"),
              ElementsAre("f:3:1: unknown key 'colour' in [watch]"));
}

TEST(Errors, AreAllReportedInOrderOfFileLineAndColumn) {
  const std::vector<Source> sources = {
      {"z.toml",
       "[sysctl]\ncheck_interval = 1\n"
       "[[endpoint]]\nname = \"-\"\nurl = \"http://h\"\nexpect = \"boss\"\n"
       "[watch]\nbackoff = { max = 1, initial = 2 }\n"},
      {"a.toml", "[metrics]\nlisten = 1\ncolour = 2\n"}};
  EXPECT_THAT(
      errors(sources, {"redis://"}),
      ElementsAre("z.toml:2:18: sysctl.check_interval: expected a duration such as \"1s\", found "
                  "an integer",
                  "z.toml:5:7: endpoint.url: unknown scheme 'http'; relinkd knows redis, "
                  "rediss, unix, redis-sentinel, redis-cluster",
                  "z.toml:6:10: endpoint.expect: expected one of \"primary\", \"replica\", "
                  "\"any\", found 'boss'",
                  "z.toml:8:19: watch.backoff.max: expected a duration such as \"1s\", found an "
                  "integer",
                  "z.toml:8:32: watch.backoff.initial: expected a duration such as \"1s\", found "
                  "an integer",
                  "a.toml:2:10: metrics.listen: expected an IP address and port, found an integer",
                  "a.toml:3:1: unknown key 'colour' in [metrics]",
                  "--endpoint: the host is missing"));
}

TEST(Errors, OfSeveralUrlsSayWhichOne) {
  EXPECT_THAT(errors({}, {"redis://a", "redis://b:x", "tcp://c"}),
              ElementsAre("--endpoint: URL 2: the port must be a number from 1 to 65535",
                          "--endpoint: URL 3: unknown scheme 'tcp'; relinkd knows redis, rediss, "
                          "unix, redis-sentinel, redis-cluster"));
}

TEST(Errors, AWrongFileHidesNoneOfALaterOne) {
  EXPECT_THAT(errors({{"a", "[watch]\nping_interval = 5"}, {"b", "[watch]\nping_interval = 6"}}),
              ElementsAre("a:2:17: watch.ping_interval: expected a duration such as \"1s\", found "
                          "an integer",
                          "b:2:17: watch.ping_interval: expected a duration such as \"1s\", found "
                          "an integer"));
}

TEST(Errors, LeaveNoOrigins) {
  EXPECT_THAT(load_text("[watch]\nping_interval = 5").origins, IsEmpty());
}

}  // namespace
}  // namespace relinkd::config::test
