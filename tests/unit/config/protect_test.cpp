// SPDX-License-Identifier: Apache-2.0
// [[app]] protect, and what it comes to for an endpoint.
#include "config/wanted_options.hpp"
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using core::SocketOptions;
using testing::Contains;
using testing::ElementsAre;

std::optional<SocketOptions> wanted(const std::string& protect, const std::string& keepalive = "") {
  return wanted_options(app(protect.empty() ? "" : "protect = " + protect),
                        endpoint(keepalive.empty() ? "" : "keepalive = " + keepalive));
}

TEST(Protect, IsOnByItselfWithTheEndpointsKeepalive) {
  EXPECT_EQ(wanted(""), (SocketOptions{true, 5s, 1s, 3, 8s}));
  EXPECT_EQ(wanted("true", "{ idle = \"20s\", interval = \"4s\", count = 5 }"),
            (SocketOptions{true, 20s, 4s, 5, 40s}));
}

TEST(Protect, CanBeOff) { EXPECT_EQ(wanted("false"), std::nullopt); }

TEST(Protect, TakesFromTheEndpointWhatItsTableDoesNotGive) {
  EXPECT_EQ(wanted("{ idle = \"9s\" }"), (SocketOptions{true, 9s, 1s, 3, 12s}));
  EXPECT_EQ(wanted("{ count = 2, interval = \"2s\" }", "{ idle = \"7s\" }"),
            (SocketOptions{true, 7s, 2s, 2, 11s}));
  EXPECT_EQ(wanted("{ user_timeout = \"1500ms\" }"), (SocketOptions{true, 5s, 1s, 3, 1500ms}));
  EXPECT_EQ(wanted("{}"), wanted("true"));
}

TEST(Protect, IsBoundByTheKernelsLargestUserTimeout) {
  EXPECT_EQ(wanted("{ idle = \"32767s\", interval = \"32767s\", count = 127 }")->user_timeout,
            2147483647ms);
}

TEST(Protect, TakesBothEndsOfItsRanges) {
  for (const std::string good :
       {"idle = \"1s\"", "idle = \"32767s\"", "interval = \"1s\"", "interval = \"32767s\"",
        "count = 1", "count = 127", "user_timeout = \"1s\"", "user_timeout = \"1d\""}) {
    EXPECT_THAT(app_errors("protect = { " + good + " }"), ElementsAre()) << good;
  }
}

TEST(Protect, SaysOfEachKeyWhatIsWrong) {
  EXPECT_THAT(
      app_errors(
          "protect = { idle = \"0s\", interval = \"1500ms\", count = 128, user_timeout = 5 }"),
      ElementsAre("f:2:20: app.protect: idle: '0s' is out of range: 1s to 32767s",
                  "f:2:37: app.protect: interval: '1500ms' is not a whole number of seconds",
                  "f:2:55: app.protect: count: 128 is out of range: 1 to 127",
                  "f:2:75: app.protect: user_timeout: expected a duration such as \"1s\", found an "
                  "integer"));
  EXPECT_THAT(app_errors("protect = { user_timeout = \"2d\" }"),
              ElementsAre("f:2:28: app.protect: user_timeout: '2d' is out of range: 1s to 1d"));
}

TEST(Protect, NamesUnknownKeysAndOtherTypes) {
  EXPECT_THAT(app_errors("protect = { idl = \"5s\" }"),
              ElementsAre("f:2:13: app.protect: unknown key 'idl'; did you mean 'idle'?"));
  EXPECT_THAT(app_errors("protect = \"on\""),
              ElementsAre("f:2:11: app.protect: expected true or false, or { idle, interval, "
                          "count, user_timeout }, found a string"));
}

TEST(Protect, IsShownAsItWasGiven) {
  const auto shown = [](const std::string& protect) {
    for (const Origin& origin : load_text(app_text("protect = " + protect)).origins) {
      if (origin.key == "app.a.protect") return origin.value + " # " + origin.place;
    }
    return std::string();
  };
  EXPECT_EQ(shown("false"), "false # f:2");
  EXPECT_EQ(shown("{ user_timeout = \"1500ms\", count = 2, idle = \"60s\" }"),
            "{ idle = \"1m\", count = 2, user_timeout = \"1500ms\" } # f:2");
}

}  // namespace
}  // namespace relinkd::config::test
