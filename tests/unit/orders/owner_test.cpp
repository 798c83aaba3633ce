// SPDX-License-Identifier: Apache-2.0
#include "orders/owner.hpp"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"

namespace relinkd::orders {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uid_t kUid = 1234;

config::App app(std::string name, config::Match match,
                std::vector<std::string> endpoints = {"sessions"}) {
  config::App app;
  app.name = std::move(name);
  app.match = std::move(match);
  app.endpoints = std::move(endpoints);
  return app;
}

/// Whether an app with this match alone owns a process of the cgroup and uid.
bool fits(const config::Match& match, std::string_view cgroup, uid_t uid = kUid) {
  return AppMatcher({app("a", match)}).fits(0, cgroup, uid);
}

TEST(MatchUnit, FitsTheUnitsCgroupAndAllBelow) {
  const config::Match checkout{.unit = "checkout.service"};
  EXPECT_TRUE(fits(checkout, "/system.slice/checkout.service"));
  EXPECT_TRUE(fits(checkout, "/system.slice/checkout.service/worker/1"));
  EXPECT_TRUE(fits(checkout, "/checkout.service"));
  EXPECT_FALSE(fits(checkout, "/system.slice"));
  EXPECT_FALSE(fits(checkout, "/"));
}

TEST(MatchUnit, FitsAUnitOfAContainersManager) {
  EXPECT_TRUE(fits({.unit = "checkout.service"},
                   "/machine.slice/web.scope/payload/system.slice/checkout.service"));
}

TEST(MatchUnit, FitsWholeNamesOnly) {
  const config::Match checkout{.unit = "checkout.service"};
  EXPECT_FALSE(fits(checkout, "/system.slice/checkout.service2"));
  EXPECT_FALSE(fits(checkout, "/system.slice/old-checkout.service"));
  EXPECT_FALSE(fits(checkout, "/system.slice/Checkout.service"));
  EXPECT_FALSE(fits({.unit = "*.service"}, "/system.slice/checkout.service"));
}

TEST(MatchUnit, FitsASliceWithItsServices) {
  EXPECT_TRUE(fits({.unit = "shop.slice"}, "/shop.slice/checkout.service"));
  EXPECT_FALSE(fits({.unit = "shop.slice"}, "/system.slice/checkout.service"));
}

TEST(MatchUnit, FitsTheNameThatSystemdHadToEscape) {
  EXPECT_TRUE(fits({.unit = "memory.service"}, "/system.slice/_memory.service"));
  EXPECT_TRUE(fits({.unit = "_a.service"}, "/system.slice/__a.service"));
  EXPECT_FALSE(fits({.unit = "_a.service"}, "/system.slice/_a.service"));
}

TEST(MatchCgroup, FitsWhatItMatchesAndAllBelow) {
  EXPECT_TRUE(fits({.cgroup = "/batch"}, "/batch"));
  EXPECT_TRUE(fits({.cgroup = "/batch"}, "/batch/7/worker"));
  EXPECT_TRUE(fits({.cgroup = "/batch/*"}, "/batch/7"));
  EXPECT_TRUE(fits({.cgroup = "/batch/*"}, "/batch/7/worker/3"));
  EXPECT_FALSE(fits({.cgroup = "/batch/*"}, "/batch"));
  EXPECT_FALSE(fits({.cgroup = "/batch"}, "/batch2"));
  EXPECT_FALSE(fits({.cgroup = "/batch"}, "/a/batch"));
  EXPECT_FALSE(fits({.cgroup = "/batch"}, "/"));
}

TEST(MatchCgroup, ItsWildcardsStopAtASlash) {
  EXPECT_TRUE(fits({.cgroup = "/*/checkout"}, "/shop/checkout"));
  EXPECT_FALSE(fits({.cgroup = "/*/checkout"}, "/shop/eu/checkout"));
  EXPECT_FALSE(fits({.cgroup = "/shop?checkout"}, "/shop/checkout"));
  EXPECT_FALSE(fits({.cgroup = "/shop[/]checkout"}, "/shop/checkout"));
}

TEST(MatchCgroup, KnowsQuestionMarksAndSets) {
  EXPECT_TRUE(fits({.cgroup = "/job-?[0-3]"}, "/job-x2"));
  EXPECT_FALSE(fits({.cgroup = "/job-?[0-3]"}, "/job-x4"));
  EXPECT_TRUE(fits({.cgroup = "/*"}, "/.hidden"));
}

TEST(MatchCgroup, TakesABackslashAsItIs) {
  const char* const slice = R"(/system.slice/system-serial\x2dgetty.slice)";
  EXPECT_TRUE(fits({.cgroup = slice}, slice));
  EXPECT_TRUE(fits({.cgroup = R"(/system.slice/*\x2d*)"}, slice));
}

TEST(MatchCgroup, TheRootFitsEveryKnownOne) {
  EXPECT_TRUE(fits({.cgroup = "/"}, "/"));
  EXPECT_TRUE(fits({.cgroup = "/"}, "/system.slice/checkout.service"));
}

TEST(MatchUser, FitsByNumberOrName) {
  EXPECT_TRUE(fits({.user = "1234"}, "/x", 1234));
  EXPECT_FALSE(fits({.user = "1234"}, "/x", 12345));
  EXPECT_TRUE(fits({.user = "root"}, "/x", 0));
  EXPECT_FALSE(fits({.user = "root"}, "/x", 1234));
}

TEST(MatchUser, NeedsNoCgroup) { EXPECT_TRUE(fits({.user = "root"}, "", 0)); }

TEST(MatchOfSeveralKeys, FitsOnlyIfAllDo) {
  const config::Match all{.unit = "a.service", .cgroup = "/shop/*", .user = "1234"};
  EXPECT_TRUE(fits(all, "/shop/a.service", 1234));
  EXPECT_FALSE(fits(all, "/shop/b.service", 1234));
  EXPECT_FALSE(fits(all, "/other/a.service", 1234));
  EXPECT_FALSE(fits(all, "/shop/a.service", 1235));
}

TEST(UnknownCgroup, FitsNeitherUnitNorCgroup) {
  EXPECT_FALSE(fits({.unit = "a.service"}, ""));
  EXPECT_FALSE(fits({.cgroup = "/*"}, ""));
  EXPECT_FALSE(fits({.cgroup = "/"}, ""));
  EXPECT_FALSE(fits({.unit = "a.service", .user = "1234"}, "", 1234));
}

TEST(UnknownUser, MakesTheAppMatchNothingAndIsTold) {
  const std::string name = "relinkd-test-no-such-user";
  ASSERT_EQ(uid_of(name), std::nullopt);
  const AppMatcher matcher({app("fine", {.user = "root"}), app("typo", {.user = name}),
                            app("both", {.unit = "a.service", .user = name})});
  EXPECT_THAT(matcher.unresolved(), ElementsAre("typo", "both"));
  for (const uid_t uid : {uid_t{0}, kUid, uid_t{65534}}) {
    EXPECT_FALSE(matcher.fits(1, "/a.service", uid));
    EXPECT_FALSE(matcher.fits(2, "/a.service", uid));
  }
  EXPECT_TRUE(matcher.fits(0, "/a.service", 0));
}

TEST(UnknownUser, IsNoneThatIsANumber) {
  EXPECT_THAT(AppMatcher({app("a", {.user = "4000000000"})}).unresolved(), IsEmpty());
}

TEST(Owner, IsTheFirstThatFitsAndNamesTheEndpoint) {
  const AppMatcher matcher({app("a", {.unit = "a.service"}, {"orders"}),
                            app("b", {.cgroup = "/shop"}, {"sessions", "orders"}),
                            app("c", {.user = "1234"}, {"sessions"})});
  EXPECT_EQ(matcher.owner("/shop/a.service", 1234, "orders"), 0U);
  EXPECT_EQ(matcher.owner("/shop/a.service", 1234, "sessions"), 1U);
  EXPECT_EQ(matcher.owner("/else", 1234, "sessions"), 2U);
  EXPECT_EQ(matcher.owner("/else", 1234, "orders"), std::nullopt);
  EXPECT_EQ(matcher.owner("/shop/a.service", 1234, "catalog"), std::nullopt);
}

TEST(Owner, IsNobodyWithoutApps) { EXPECT_EQ(AppMatcher({}).owner("/", 0, "e"), std::nullopt); }

TEST(UidOf, TakesNamesAndNumbers) {
  EXPECT_EQ(uid_of("root"), 0U);
  EXPECT_EQ(uid_of("0"), 0U);
  EXPECT_EQ(uid_of("4294967294"), 4294967294U);
  EXPECT_EQ(uid_of("4294967295"), std::nullopt);
  EXPECT_EQ(uid_of("99999999999999999999"), std::nullopt);
  EXPECT_EQ(uid_of(""), std::nullopt);
}

TEST(UidOf, KnowsTheUsersOfEtcPasswd) {
  std::ifstream file("/etc/passwd");
  int known = 0;
  for (std::string line; std::getline(file, line);) {
    const auto fields = split(line, ':');
    if (fields.size() != 7) continue;
    EXPECT_EQ(uid_of(std::string(fields[0])), parse_u64(fields[2])) << line;
    ++known;
  }
  EXPECT_GT(known, 0);
}

}  // namespace
}  // namespace relinkd::orders
