// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/apps_view.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::relinkctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallTime kNow{std::chrono::seconds(1'795'342'500)};

control::AppSocketView socket(const std::string& local, const std::string& state,
                              bool unprotected) {
  control::AppSocketView view;
  view.local = local;
  view.node = "10.0.0.7:6379";
  view.state = state;
  view.unprotected = unprotected;
  if (unprotected) view.hangs_for = 939s;
  view.process = "/system.slice/checkout.service";
  return view;
}

/// An app with `unprotected` of its 20 sockets so, all listed.
control::AppView app(std::uint64_t unprotected) {
  control::AppNodeView node;
  node.node = "10.0.0.7:6379";
  node.sockets = {{"ok", 20 - unprotected}};
  if (unprotected > 0) node.sockets["unproven"] = unprotected;
  node.unprotected = unprotected;
  if (unprotected > 0) node.hangs_for = 939s;
  control::AppEndpointView endpoint;
  endpoint.endpoint = "sessions";
  endpoint.nodes = {node};
  endpoint.sockets = 20;
  endpoint.unprotected = unprotected;
  for (std::uint64_t i = 0; i < unprotected; ++i) {
    endpoint.listed.push_back(socket("10.0.0.5:" + std::to_string(50000 + i), "unproven", true));
  }
  control::AppView view;
  view.name = "checkout";
  view.match = "unit checkout.service";
  view.mode = "act";
  view.actions = {"destroy-sockets", "restart"};
  view.endpoints = {endpoint};
  return view;
}

control::AppsView apps(std::vector<control::AppView> all) {
  control::AppsView view;
  view.apps = std::move(all);
  view.actuator = "destroys sockets";
  view.census = kNow - 400ms;
  return view;
}

std::string render(control::AppView one) {
  return render_apps(apps({std::move(one)}), kNow, Screen{});
}

TEST(AppsView, IsALineForEachAppAndItsSocketsByNodeAndState) {
  EXPECT_EQ(render(app(0)),
            "actuator: destroys sockets\n"
            "sockets as of 0.40 s ago\n"
            "\n"
            "checkout: unit checkout.service, mode act, breaker closed, actions: destroy-sockets "
            "restart\n"
            "ENDPOINT  NODE           SOCKETS  BY STATE\n"
            "sessions  10.0.0.7:6379  20       20 ok\n");
}

TEST(AppsView, CountsManyUnprotectedSocketsAndSaysHowLongEachWouldHang) {
  EXPECT_THAT(render(app(17)),
              AllOf(HasSubstr("sessions  10.0.0.7:6379  20       3 ok, 17 "
                              "unproven\n"
                              "  17 sockets to 10.0.0.7:6379 unprotected: the next "
                              "command on each would hang for 15 min 39 s\n"),
                    HasSubstr("Turn on TCP keepalive"), Not(HasSubstr("10.0.0.5:50000"))));
}

TEST(AppsView, NamesFewUnprotectedSocketsOneByOne) {
  EXPECT_THAT(render(app(2)),
              HasSubstr("  10.0.0.5:50000 to 10.0.0.7:6379 unprotected "
                        "(/system.slice/checkout.service): the next command on it would hang for "
                        "15 min 39 s\n"
                        "  10.0.0.5:50001 to "));
}

TEST(AppsView, CountsThemWhereNotAllAreListed) {
  control::AppView one = app(1);
  one.endpoints[0].listed.clear();
  EXPECT_THAT(
      render(one),
      HasSubstr("  1 socket to 10.0.0.7:6379 unprotected: the next command on it would hang for "
                "15 min 39 s\n"));
}

TEST(AppsView, GivesWhatWaitsForAReplyNoTimeAtWhichTheKernelWouldEndIt) {
  control::AppView one = app(1);
  one.endpoints[0].nodes[0].waiting = 1;
  one.endpoints[0].listed[0].waiting = true;
  one.endpoints[0].listed[0].hangs_for = Duration::zero();
  EXPECT_THAT(render(one), AllOf(HasSubstr("(/system.slice/checkout.service): it waits for a "
                                           "reply, and would wait for ever\n"),
                                 Not(HasSubstr("15 min 39 s"))));
}

TEST(AppsView, CountsThoseThatWaitForAReply) {
  control::AppView one = app(17);
  one.endpoints[0].nodes[0].waiting = 2;
  EXPECT_THAT(render(one), HasSubstr("would hang for 15 min 39 s; 2 wait for a reply, and would "
                                     "wait for ever\n"));
  one.endpoints[0].nodes[0].waiting = 17;
  one.endpoints[0].nodes[0].hangs_for = Duration::zero();
  EXPECT_THAT(render(one),
              HasSubstr("unprotected: 17 wait for a reply, and would wait for ever\n"));
}

TEST(AppsView, SaysHowLongTheAppsOwnKeepaliveLetsItWait) {
  control::AppView one = app(2);
  one.endpoints[0].nodes[0].waiting = 2;
  for (control::AppSocketView& socket : one.endpoints[0].listed) {
    socket.waiting = true;
    socket.hangs_for = 7875s;
  }
  EXPECT_THAT(render(one), HasSubstr("it waits for a reply, and would wait for 2 h 11 min\n"));
  one.endpoints[0].listed.clear();
  one.endpoints[0].nodes[0].waits_for = 7875s;
  one.endpoints[0].nodes[0].hangs_for = Duration::zero();
  EXPECT_THAT(render(one), HasSubstr("2 wait for a reply, and would wait for 2 h 11 min\n"));
}

TEST(AppsView, SaysNoTimeWhereNoneIsKnown) {
  control::AppView one = app(5);
  one.endpoints[0].nodes[0].hangs_for = Duration::zero();
  EXPECT_THAT(render(one), HasSubstr("  5 sockets to 10.0.0.7:6379 unprotected\n"));
}

TEST(AppsView, SaysNothingOfKeepaliveWhereAllAreProtected) {
  EXPECT_THAT(render(app(0)), Not(HasSubstr("nprotected")));
}

TEST(AppsView, NamesTheSocketsInTroubleWithTheirEvidence) {
  control::AppView one = app(0);
  one.endpoints[0].nodes[0].sockets = {{"ok", 19}, {"black_holed", 1}};
  one.endpoints[0].listed = {socket("10.0.0.5:51234", "black_holed", false)};
  one.endpoints[0].listed[0].detail = "3 transmissions unanswered";
  EXPECT_THAT(render(one),
              HasSubstr("  10.0.0.5:51234 to 10.0.0.7:6379 black_holed "
                        "(/system.slice/checkout.service): 3 transmissions unanswered\n"));
}

TEST(AppsView, CountsTheSocketsInTroubleBeyondTheFirstTen) {
  control::AppView one = app(0);
  one.endpoints[0].nodes[0].sockets = {{"wrong_node", 250}};
  for (int i = 0; i < 100; ++i) {
    one.endpoints[0].listed.push_back(
        socket("10.0.0.5:" + std::to_string(50000 + i), "wrong_node", false));
  }
  const std::string text = render(one);
  EXPECT_THAT(text, HasSubstr("10.0.0.5:50009 to"));
  EXPECT_THAT(text, Not(HasSubstr("10.0.0.5:50010 to")));
  EXPECT_THAT(text, HasSubstr("  240 more in trouble; --json lists the first 100\n"));
}

TEST(AppsView, SaysWhatIsOutOfSight) {
  control::AppView one = app(0);
  EXPECT_THAT(render(one), Not(HasSubstr("out of sight")));
  one.other_netns = 1;
  EXPECT_THAT(render(one), HasSubstr("  out of sight: 1 process of it in other network "));
  one.other_netns = 2;
  EXPECT_THAT(render(one), HasSubstr("  out of sight: 2 processes of it in other network "));
}

TEST(AppsView, SaysHowToCloseABreakerThatIsOpen) {
  control::AppView one = app(0);
  one.breaker_open = true;
  one.breaker_detail = "3 replacements died within a minute";
  EXPECT_THAT(render(one),
              AllOf(HasSubstr("mode act, breaker open, "),
                    HasSubstr("  the breaker is open: 3 replacements died within a minute; nothing "
                              "is done for this app, relinkctl reset checkout closes it\n")));
}

TEST(AppsView, TellsTheRelinkUnderWayAndTheLastOne) {
  control::AppView one = app(0);
  one.endpoints[0].incident = "sessions-1";
  one.endpoints[0].last_relink = "checkout: sessions: has reconnected";
  one.endpoints[0].last_relink_at = kNow - 3min;
  EXPECT_THAT(render(one),
              HasSubstr("  a relink is under way, incident sessions-1\n"
                        "  last relink 3 min ago: checkout: sessions: has reconnected\n"));
}

TEST(AppsView, ShowsAnEndpointToWhichTheAppHasNoSocket) {
  control::AppView one = app(0);
  one.endpoints[0].nodes.clear();
  EXPECT_THAT(render(one), HasSubstr("sessions  -     0        -\n"));
}

TEST(AppsView, SaysThatNothingIsDoneWhilePaused) {
  control::AppsView view = apps({app(0)});
  view.paused = true;
  EXPECT_THAT(render_apps(view, kNow, Screen{}),
              HasSubstr("paused: nothing is done for any app until relinkctl resume\n"));
  view.paused_until = kNow + 30min;
  EXPECT_THAT(render_apps(view, kNow, Screen{}),
              HasSubstr("paused for another 30 min: nothing is done for any app\n"));
}

TEST(AppsView, SaysThatNobodyHasLookedYetAndThatThereIsNoApp) {
  EXPECT_EQ(render_apps({}, kNow, Screen{}),
            "the sockets have not been looked at yet\n"
            "\n"
            "No app is configured ([[app]]), so relinkd makes none reconnect.\n");
}

TEST(AppsView, ShowsNothingThatCouldMoveTheCursor) {
  control::AppView one = app(1);
  one.name = one.match = one.mode = "\033[2J";
  one.endpoints[0].listed[0].process = "/\033[2J";
  control::AppsView view = apps({one});
  view.actuator = "\033[2J";
  EXPECT_THAT(render_apps(view, kNow, Screen{}), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace relinkd::relinkctl
