// SPDX-License-Identifier: Apache-2.0
// What the state file keeps of apps.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/state.hpp"

namespace relinkd::state {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

constexpr WallTime at_ms(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

State full() {
  State state;
  state.boot_id = "8a0c3a6b-6c1d-4b43-9f3e-7a0d0c5e1f42";
  state.paused_until = WallTime::max();
  AppState& checkout = state.apps["checkout"];
  checkout.relinks = {at_ms(1'763'806'400'000), at_ms(1'763'806'500'123)};
  checkout.breaker_open_until = at_ms(1'763'810'000'000);
  checkout.breaker_why = "21 relinks within an hour";
  checkout.unprotected = true;
  checkout.endpoints["sessions"] = {.last_disturbed = at_ms(1'763'806'500'123),
                                    .open = AppState::Open{"sessions-7f3a",
                                                           1,
                                                           at_ms(1'763'806'499'000),
                                                           at_ms(1'763'806'500'123),
                                                           {4711, 18'446'744'073'709'551'615U}},
                                    .opened_to_primary = {4712, 4713}};
  checkout.endpoints["orders"] = {};
  state.apps["quiet"] = {};
  return state;
}

/// What is read of this text of "apps".
std::map<std::string, AppState> apps(const std::string& text) {
  const auto state = decode(R"({"version":1,"endpoints":{},"apps":)" + text + "}");
  return state ? state->apps : std::map<std::string, AppState>{{state.error().message, {}}};
}

/// Whether an app with these members is read.
bool is_read(const std::string& members) { return apps("{\"a\":{" + members + "}}").contains("a"); }

/// Whether an app's endpoint with these members is read; the app is, in any case.
bool endpoint_is_read(const std::string& members) {
  const auto read = apps(R"({"a":{"endpoints":{"e":{)" + members + "}}}}");
  EXPECT_TRUE(read.contains("a")) << members;
  return read.contains("a") && read.at("a").endpoints.contains("e");
}

std::string numbers(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{}{}", i == 0 ? "" : ",", i);
  return "[" + text + "]";
}

TEST(AppsState, IsReadAsItWasWritten) {
  const auto state = decode(encode(full()));
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(*state, full());
}

// Another version of relinkd reads it.
TEST(AppsState, HasThisForm) {
  State state = full();
  state.apps.erase("quiet");
  state.paused_until = at_ms(1'763'806'600'000);
  EXPECT_EQ(encode(state),
            R"({"apps":{"checkout":{"breaker_open_until_unix_ms":1763810000000,)"
            R"("breaker_why":"21 relinks within an hour","endpoints":{"orders":{},"sessions":{)"
            R"("last_disturbed_unix_ms":1763806500123,"open":{"acted_unix_ms":1763806500123,)"
            R"("bad_since_unix_ms":1763806499000,"cookies":[4711,18446744073709551615],)"
            R"("incident":"sessions-7f3a","rung":1},"opened_to_primary":[4712,4713]}},)"
            R"("relinks_unix_ms":[1763806400000,1763806500123],"unprotected":true}},)"
            R"("boot_id":"8a0c3a6b-6c1d-4b43-9f3e-7a0d0c5e1f42","endpoints":{},)"
            R"("paused_until_unix_ms":1763806600000,"version":1})");
}

TEST(AppsState, OfAVersionBeforeThereWereAppsIsEmpty) {
  const auto state = decode(R"({"version":1,"endpoints":{}})");
  ASSERT_TRUE(state);
  EXPECT_EQ(*state, State{});
}

TEST(AppsState, PassesOverKeysThatItDoesNotKnow) {
  EXPECT_TRUE(is_read(R"("ladder":[1,{}],"endpoints":{"e":{"spread":7,"open":{"incident":"i",)"
                      R"("bad_since_unix_ms":1,"acted_unix_ms":2,"by":"hand"}}})"));
}

TEST(AppsState, LeavesOutOnlyTheAppThatIsMalformed) {
  EXPECT_THAT(
      apps(R"({"a":{},"b":7,"c":[],"d":null,"e":{"breaker_why":1},)"
           R"("f":{"breaker_open_until_unix_ms":"1"},"g":{"relinks_unix_ms":{}},)"
           R"("h":{"endpoints":[]},"j":{"unprotected":1},"i":{"breaker_open_until_unix_ms":-1}})"),
      ElementsAre(Key("a")));
  for (const char* text : {"[]", "null", "7", R"("a")"}) EXPECT_THAT(apps(text), IsEmpty()) << text;
}

TEST(AppsState, LeavesOutOnlyTheEndpointThatIsMalformed) {
  EXPECT_TRUE(endpoint_is_read(R"("last_disturbed_unix_ms":0,"opened_to_primary":[])"));
  const std::string open = R"("open":{"incident":"i","bad_since_unix_ms":1,"acted_unix_ms":2)";
  EXPECT_TRUE(endpoint_is_read(open + "}"));
  for (const std::string& members :
       {std::string(R"("last_disturbed_unix_ms":"0")"),
        std::string(R"("last_disturbed_unix_ms":-1)"), std::string(R"("opened_to_primary":7)"),
        std::string(R"("open":null)"), std::string(R"("open":{})"),
        std::string(R"("open":{"incident":"i","acted_unix_ms":2})"),
        std::string(R"("open":{"incident":"i","bad_since_unix_ms":1})"),
        std::string(R"("open":{"incident":"","bad_since_unix_ms":1,"acted_unix_ms":2})"),
        std::string(R"("open":{"bad_since_unix_ms":1,"acted_unix_ms":2})"), open + R"(,"rung":-1})",
        open + R"(,"rung":"1"})", open + R"(,"cookies":{}})"}) {
    EXPECT_FALSE(endpoint_is_read(members)) << members;
  }
}

TEST(AppsState, LeavesOutOnlyTheCookieOrTimeThatIsMalformed) {
  const auto read = apps(R"({"a":{"relinks_unix_ms":[1,"2",-3,4.5,null,6],)"
                         R"("endpoints":{"e":{"opened_to_primary":[1,-2,3.0,"4",null,[],5]}}}})");
  ASSERT_THAT(read, ElementsAre(Key("a")));
  EXPECT_THAT(read.at("a").relinks, ElementsAre(at_ms(1), at_ms(6)));
  EXPECT_THAT(read.at("a").endpoints.at("e").opened_to_primary, ElementsAre(1, 5));
}

TEST(AppsState, KeepsTheNewestRelinksAndTheFirstCookies) {
  const auto read = apps(fmt::format(
      R"({{"a":{{"relinks_unix_ms":{0},"endpoints":{{"e":{{"opened_to_primary":{0},)"
      R"("open":{{"incident":"i","bad_since_unix_ms":1,"acted_unix_ms":2,"cookies":{0}}}}}}}}}}})",
      numbers(1003)));
  ASSERT_THAT(read, ElementsAre(Key("a")));
  const AppState& app = read.at("a");
  EXPECT_THAT(app.relinks, SizeIs(kMaxRelinks));
  EXPECT_EQ(app.relinks.front(), at_ms(3));
  const AppState::Endpoint& endpoint = app.endpoints.at("e");
  for (const auto& cookies : {endpoint.opened_to_primary, endpoint.open->cookies}) {
    EXPECT_THAT(cookies, SizeIs(kMaxCookies));
    EXPECT_EQ(cookies.front(), 0U);
  }
}

TEST(AppsState, PauseAndBootAreLeftOutWhereTheyAreMalformed) {
  const auto read = [](const std::string& members) {
    const auto state = decode(R"({"version":1,"endpoints":{},)" + members + "}");
    return state ? *state : full();
  };
  EXPECT_EQ(read(R"("boot_id":7)").boot_id, "");
  for (const char* text : {"null", "-1", "\"1\"", "1.5", "true", "9223372036855"}) {
    EXPECT_EQ(read(fmt::format("\"paused_until_unix_ms\":{}", text)).paused_until, std::nullopt)
        << text;
  }
  EXPECT_EQ(read("\"paused_until_unix_ms\":1").paused_until, at_ms(1));
  EXPECT_EQ(read("\"paused_until_unix_ms\":9223372036854").paused_until, WallTime::max())
      << "the last time that can be told: until it is resumed";
}

// Fifty apps with three endpoints and a thousand sockets each are kept.
TEST(AppsState, HasRoomForManySockets) {
  State state;
  for (int a = 0; a < 50; ++a) {
    for (int e = 0; e < 3; ++e) {
      auto& endpoint =
          state.apps[fmt::format("app-{}", a)].endpoints[fmt::format("endpoint-{}", e)];
      endpoint.opened_to_primary.resize(kMaxCookies, 100'000'000U);
    }
  }
  const auto read = decode(encode(state));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, state);
}

}  // namespace
}  // namespace relinkd::state
