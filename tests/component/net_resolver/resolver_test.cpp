// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "resolver_fixture.hpp"

namespace relinkd::testing {
namespace {

using Names = std::vector<std::string>;

TEST_F(ResolverTest, AnIpLiteralIsItsOwnAnswerAndNoServerIsAsked) {
  DnsServer server(loop());
  const auto answer = resolve("2001:db8::1", 6380);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"[2001:db8::1]:6380"});
  EXPECT_EQ(answer->ttl, 60s);
  EXPECT_TRUE(server.asked().empty());
}

TEST_F(ResolverTest, TheCallbackNeverComesFromWithinTheCall) {
  for (const char* host : {"127.0.0.1", "in-hosts.example", "nobody.example"}) {
    ask(host, [](const auto&) { ADD_FAILURE() << "called back too early"; });
    queries_.clear();
  }
  loop().later([this] { done(); });
  run();
}

TEST_F(ResolverTest, ANameHasItsIpv4AndIpv6AddressesEachWithThePort) {
  DnsServer server(loop());
  server.add("both.example", Type::A, 30, "127.0.0.2");
  server.add("both.example", Type::A, 30, "127.0.0.3");
  server.add("both.example", Type::Aaaa, 30, "::1");
  const auto answer = resolve("both.example", 6380);
  ASSERT_TRUE(answer) << answer.error().message;
  auto got = texts(*answer);
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (Names{"127.0.0.2:6380", "127.0.0.3:6380", "[::1]:6380"}));
  EXPECT_EQ(answer->ttl, 30s);
}

TEST_F(ResolverTest, AddressesOfAFamilyWithoutARouteComeLast) {
  DnsServer server(loop());
  server.add("both.example", Type::Aaaa, 30, "2001:db8::1");  // no route in this namespace
  server.add("both.example", Type::A, 30, "127.0.0.2");
  const auto answer = resolve("both.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), (Names{"127.0.0.2:6379", "[2001:db8::1]:6379"}));
}

TEST_F(ResolverTest, AnAddressIsListedOnceAlsoIfItComesMappedIntoIpv6) {
  DnsServer server(loop());
  server.add("twice.example", Type::A, 30, "127.0.0.2");
  server.add("twice.example", Type::A, 30, "127.0.0.2");
  server.add("twice.example", Type::Aaaa, 30, "::ffff:127.0.0.2");
  const auto answer = resolve("twice.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.2:6379"});
}

TEST_F(ResolverTest, ANameInEtcHostsNeedsNoServerAndIsGoodForAMinute) {
  DnsServer server(loop());
  const auto answer = resolve("in-hosts.example");
  ASSERT_TRUE(answer) << answer.error().message;
  auto got = texts(*answer);
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (Names{"192.0.2.7:6379", "[2001:db8::7]:6379"}));
  EXPECT_EQ(answer->ttl, 60s);
  EXPECT_TRUE(server.asked().empty());
}

struct TtlCase {
  const char* rule;
  std::uint32_t cname;
  std::uint32_t second_cname;
  std::uint32_t a;
  std::uint32_t aaaa;
  Duration wanted;
};

class Ttl : public ResolverTest, public ::testing::WithParamInterface<TtlCase> {};

TEST_P(Ttl, IsTheSmallestOnTheWayBetweenASecondAndAMinute) {
  DnsServer server(loop());
  server.add("alias.example", Type::Cname, GetParam().cname, "middle.example");
  server.add("middle.example", Type::Cname, GetParam().second_cname, "node.example");
  server.add("node.example", Type::A, GetParam().a, "127.0.0.2");
  server.add("node.example", Type::Aaaa, GetParam().aaaa, "::1");
  const auto answer = resolve("alias.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->ttl, GetParam().wanted);
  EXPECT_EQ(answer->addresses.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(
    , Ttl,
    ::testing::Values(TtlCase{"TheFirstAlias", 5, 50, 40, 40, 5s},
                      TtlCase{"TheSecondAlias", 50, 6, 40, 40, 6s},
                      TtlCase{"TheIpv4Address", 50, 50, 7, 40, 7s},
                      TtlCase{"TheIpv6Address", 50, 50, 40, 8, 8s},
                      TtlCase{"ZeroIsASecond", 50, 50, 0, 40, 1s},
                      TtlCase{"ADayIsAMinute", 86400, 86400, 86400, 86400, 60s},
                      TtlCase{"TheHighestBitMakesItZero", 50, 50, 0x80000000U, 40, 1s}),
    [](const auto& test) { return std::string(test.param.rule); });

TEST_F(ResolverTest, AFollowedAliasWithoutOneFamilyIsNoError) {
  DnsServer server(loop());
  server.add("alias.example", Type::Cname, 9, "node.example");
  server.add("node.example", Type::A, 30, "127.0.0.2");
  const auto answer = resolve("alias.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.2:6379"});
  EXPECT_EQ(answer->ttl, 9s);
}

TEST_F(ResolverTest, AnswersAreNotRememberedSoAMoveIsSeenAtOnce) {
  DnsServer server(loop());
  server.add("moves.example", Type::A, 3600, "127.0.0.2");
  Names first;
  Names second;
  ask("moves.example", [&](const Result<net::Answer>& answer) {
    if (answer) first = texts(*answer);
    server.add("moves.example", Type::A, 3600, "127.0.0.3");
    ask("moves.example", [&](const Result<net::Answer>& again) {
      if (again) second = texts(*again);
      done();
    });
  });
  run();
  EXPECT_EQ(first, Names{"127.0.0.2:6379"});
  EXPECT_EQ(second.size(), 2U);
}

TEST_F(ResolverTest, ATruncatedAnswerIsAskedForAgainByTcp) {
  DnsServer server(loop());
  server.add("long.example", Type::A, 30, "127.0.0.2");
  server.set_manner("long.example", Manner::Truncated);
  const auto answer = resolve("long.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.2:6379"});
  EXPECT_TRUE(std::any_of(server.asked().begin(), server.asked().end(),
                          [](const auto& asked) { return asked.tcp; }));
}

TEST_F(ResolverTest, OfThousandsOfAddressesSixtyFourAreTaken) {
  DnsServer server(loop());
  for (int i = 0; i < 4000; ++i) {
    server.add("many.example", Type::A, 30, fmt::format("127.1.{}.{}", i / 250, 1 + i % 250));
  }
  server.set_manner("many.example", Manner::Truncated);
  const auto answer = resolve("many.example");
  ASSERT_TRUE(answer) << answer.error().message;
  const auto got = texts(*answer);
  EXPECT_EQ(got.size(), 64U);
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), 64U);
}

TEST_F(ResolverTest, SearchDomainsOfResolvConfAreTried) {
  write_resolv_conf("nameserver 127.0.0.1\nsearch first.example second.example\n");
  DnsServer server(loop());
  server.add("redis.second.example", Type::A, 30, "127.0.0.2");
  const auto answer = resolve("redis");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.2:6379"});
  ASSERT_FALSE(server.asked().empty());
  EXPECT_EQ(server.asked().front().name, "redis.first.example");
}

TEST_F(ResolverTest, AThousandNamesAtOnceAreAllAnswered) {
  DnsServer server(loop());
  constexpr int kNames = 1000;
  int answered = 0;
  int came = 0;
  for (int i = 0; i < kNames; ++i) {
    const auto name = fmt::format("n{}.example", i);
    server.add(name, Type::A, 30, "127.0.0.2");
    ask(name, [&](const Result<net::Answer>& answer) {
      if (answer) ++answered;
      if (++came == kNames) done();
    });
  }
  run();
  EXPECT_EQ(answered, kNames);
}

TEST_F(ResolverTest, WhenResolvConfChangesTheNextQuestionGoesToTheNewServer) {
  DnsServer former(loop(), "127.0.0.1");
  DnsServer present(loop(), "127.0.0.2");
  former.add("node.example", Type::A, 30, "127.0.0.11");
  present.add("node.example", Type::A, 30, "127.0.0.12");
  std::vector<Names> got;
  const auto note = [&](const Result<net::Answer>& answer) {
    got.push_back(answer ? texts(*answer) : Names{answer.error().message});
    if (got.size() == 2) done();
  };
  // The first question is under way when the file changes: its server still answers it.
  ask("node.example", note);
  write_resolv_conf("# moved\nnameserver 127.0.0.2\n");
  ask("node.example", note);
  run();
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (std::vector<Names>{{"127.0.0.11:6379"}, {"127.0.0.12:6379"}}));
}

TEST_F(ResolverTest, AResolvConfThatAppearsLaterIsRead) {
  unlink(path_.c_str());
  DnsServer server(loop(), "127.0.0.2");
  server.add("node.example", Type::A, 30, "127.0.0.12");
  Names got;
  ask("node.example", [&](const Result<net::Answer>& answer) {
    // Without the file c-ares, as the C library, asks 127.0.0.1, where nobody listens.
    EXPECT_FALSE(answer);
    write_resolv_conf("nameserver 127.0.0.2\n");
    ask("node.example", [&](const Result<net::Answer>& again) {
      if (again) got = texts(*again);
      done();
    });
  });
  run();
  EXPECT_EQ(got, Names{"127.0.0.12:6379"});
}

}  // namespace
}  // namespace relinkd::testing
