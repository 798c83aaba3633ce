// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// An app and an endpoint "e", for tests that are about something else.
const std::string kEndpointE = "[[endpoint]]\nname = \"e\"\nurl = \"redis://h\"\n";
const std::string kAppA =
    "[[app]]\nname = \"a\"\nmatch.unit = \"a.service\"\nendpoints = [\"e\"]\n";

TEST(AppMerge, AppsAccumulateInOrder) {
  const Loaded loaded = load(
      {{"main", kAppA},
       {"10", kEndpointE + "[[app]]\nname = \"b\"\nmatch.user = \"b\"\nendpoints = [\"e\"]\n"}},
      {});
  EXPECT_THAT(to_strings(loaded.diagnostics), IsEmpty());
  ASSERT_EQ(loaded.settings.apps.size(), 2U);
  EXPECT_EQ(loaded.settings.apps[0].name, "a");
  EXPECT_EQ(loaded.settings.apps[1].name, "b");
}

TEST(AppMerge, AModeInADropInWins) {
  const Loaded loaded = load({{"main", "mode = \"act\""}, {"10", "mode = \"observe\""}}, {});
  EXPECT_THAT(to_strings(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(loaded.settings.mode, Mode::Observe);
}

TEST(AppNameRule, TheSameNameTwiceIsAnErrorThatNamesTheFirst) {
  EXPECT_THAT(errors({{"main", kEndpointE + kAppA}, {"10", kAppA}}),
              ElementsAre("10:2:1: app name 'a' is already used at main:5"));
}

TEST(AppNameRule, LetsAnAppBeCalledAsAnEndpoint) { EXPECT_EQ(app("name = \"e\"").name, "e"); }

TEST(AppNameRule, ComparesNoRefusedNames) {
  const std::string nameless = "[[app]]\nname = \"\"\nmatch.user = \"u\"\nendpoints = [\"e\"]\n";
  EXPECT_EQ(errors(nameless + nameless + kEndpointE).size(), 2U);
}

TEST(AppMatchRule, NeedsAtLeastOneKey) {
  EXPECT_THAT(app_errors("match = {}"),
              ElementsAre("f:2:1: app.match: at least one of unit, cgroup and user is needed"));
  EXPECT_THAT(app_errors("match = \"a.service\""),
              ElementsAre("f:2:9: app.match: expected a table, found a string"));
}

TEST(AppEndpointRule, AnUnknownOneIsToldTheNearest) {
  EXPECT_THAT(errors(R"([[app]]
name = "a"
match.unit = "a.service"
endpoints = ["sesions", "sessions",
             "colours"]
[[endpoint]]
name = "sessions"
url = "redis://h"
)"),
              ElementsAre("f:4:14: app.endpoints: there is no endpoint 'sesions'; did you mean "
                          "'sessions'?",
                          "f:5:14: app.endpoints: there is no endpoint 'colours'"));
}

TEST(AppEndpointRule, KnowsNamesThatComeFromUrls) {
  EXPECT_THAT(errors("[[endpoint]]\nurl = \"redis://[::1]\"\n[[app]]\nname = \"a\"\n"
                     "match.user = \"u\"\nendpoints = [\"[::1]:6379\"]"),
              IsEmpty());
  EXPECT_THAT(errors("[[app]]\nname = \"a\"\nmatch.user = \"u\"\n"
                     "endpoints = [\"127.0.0.1:6379\"]"),
              IsEmpty());
}

TEST(AppEndpointRule, TakesNoneOfTheCommandLineSinceTheActuatorDoesNotKnowIt) {
  EXPECT_THAT(errors({{"f", "[[app]]\nname = \"a\"\nmatch.user = \"u\"\nendpoints = [\"h:6379\"]"}},
                     {"redis://h"}),
              ElementsAre("f:4:14: app.endpoints: 'h:6379' stands on the command line only, which "
                          "relinkd-actuator does not know; write an [[endpoint]]"));
}

TEST(AppEndpointRule, IsNotAppliedWhereAnEndpointsNameIsRefusedOrUnread) {
  EXPECT_THAT(errors(kAppA + "[[endpoint]]\nname = \"e e\"\nurl = \"redis://h\""),
              ElementsAre("f:6:8: endpoint.name: 'e e' is not a name: 1 to 63 of A-Z a-z 0-9 _ . "
                          ": -"));
  EXPECT_THAT(errors(kAppA + "[[endpoint]]\nurl = 5"),
              ElementsAre("f:6:7: endpoint.url: expected a URL, found an integer"));
  EXPECT_THAT(errors(kAppA + "[[endpoint]]"), ElementsAre("f:5:1: endpoint: url is missing"));
  EXPECT_EQ(errors({{"main", kAppA}, {"10", kEndpointE + "["}}).size(), 1U);
}

TEST(AppActionRule, ReloadAndRestartNeedAService) {
  for (const std::string verb : {"reload", "restart"}) {
    const std::string actions = "actions = [\"destroy-sockets\", \"" + verb + "\"]\n";
    const auto wrong =
        ElementsAre("f:2:31: app.actions: " + verb + " needs match.unit to be a .service");
    EXPECT_THAT(app_errors(actions + "match.unit = \"a.service\""), IsEmpty());
    EXPECT_THAT(app_errors(actions + "match.unit = \"a.slice\""), wrong);
    EXPECT_THAT(app_errors(actions + "match.cgroup = \"/a.service\""), wrong);
    EXPECT_THAT(app_errors(actions + "match.user = \"u\""), wrong);
  }
}

TEST(AppActionRule, ASignalNeedsAUnitOrACgroup) {
  const std::string actions = "actions = [\"signal:SIGHUP\"]\n";
  EXPECT_THAT(app_errors(actions + "match.unit = \"a.slice\""), IsEmpty());
  EXPECT_THAT(app_errors(actions + "match.cgroup = \"/a\""), IsEmpty());
  EXPECT_THAT(app_errors(actions + "match.user = \"u\""),
              ElementsAre("f:2:12: app.actions: signal needs match.unit or match.cgroup, to know "
                          "the processes"));
}

TEST(AppActionRule, OtherActionsNeedOnlyAUser) {
  EXPECT_THAT(app_errors("actions = [\"destroy-sockets\", \"start:h.service\"]\n"
                         "match.user = \"u\""),
              IsEmpty());
}

TEST(AppActionRule, IsNotAppliedToARefusedMatch) {
  for (const std::string match : {"match.unit = 5", "match = 5"}) {
    EXPECT_EQ(app_errors("actions = [\"reload\", \"signal:SIGHUP\"]\n" + match).size(), 1U);
  }
}

TEST(AppActionRule, IsNotAppliedWithoutAMatch) {
  EXPECT_THAT(
      errors("[[app]]\nname = \"a\"\nendpoints = [\"e\"]\nactions = [\"reload\"]\n" + kEndpointE),
      ElementsAre("f:1:1: app: match is missing"));
}

TEST(AppTriggerRule, OfTheEndpointExcludesWhatNeedsSockets) {
  EXPECT_THAT(app_errors("trigger = \"endpoint\"\nactions = [\"reload\", \"destroy-sockets\"]"),
              ElementsAre("f:3:22: app.actions: destroy-sockets acts on sockets that are seen; "
                          "with trigger = \"endpoint\" they are not"));
  EXPECT_THAT(app_errors("trigger = \"endpoint\"\nactions = [\"reload\"]"), IsEmpty());
}

TEST(AppTriggerRule, OfTheEndpointNeedsActions) {
  EXPECT_THAT(app_errors("trigger = \"endpoint\""),
              ElementsAre("f:2:1: app.trigger: actions are needed with \"endpoint\", since the "
                          "default, destroy-sockets, acts on sockets that are seen"));
}

TEST(AppTriggerRule, OfSocketsExcludesEndpointsOnAUnixSocket) {
  const auto with = [](const std::string& keys) {
    return errors(
        "[[app]]\nname = \"a\"\nmatch.unit = \"a.service\"\nendpoints = [\"e\", \"u\"]\n" + keys +
        "\n" + kEndpointE + "[[endpoint]]\nname = \"u\"\nurl = \"unix:///s\"");
  };
  EXPECT_THAT(with(""),
              ElementsAre("f:4:19: app.endpoints: 'u' is a Unix socket, and connections to it "
                          "cannot be seen as those of TCP; trigger = \"endpoint\" acts on its "
                          "condition"));
  EXPECT_THAT(with("trigger = \"endpoint\"\nactions = [\"reload\"]"), IsEmpty());
  EXPECT_EQ(with("trigger = 5").size(), 1U);
}

TEST(AppSpreadRule, LetsItExceedMinInterval) {
  // The one says how long a relink may wait for its turn, the other how far apart two are.
  EXPECT_THAT(app_errors("spread = \"10m\"\nrestart_spread = \"1h\"\nmin_interval = \"1s\""),
              IsEmpty());
}

TEST(AppErrors, AreAllReportedInOneRun) {
  EXPECT_THAT(
      errors({{"main", R"(mode = "on"
[actuator]
user = ""
[[app]]
name = "a"
match = { unit = "a", user = "u" }
endpoints = ["x"]
actions = ["signal:SIGFOO", "reload"]
spread = 5
)"},
              {"10", "[[app]]\nname = \"a\"\nmatch = {}\nendpoints = []\nprotect = 1"}}),
      ElementsAre("main:1:8: mode: expected one of \"act\", \"observe\", found 'on'",
                  "main:3:8: actuator.user: '' is neither a user's name nor a uid (0 to "
                  "4294967294)",
                  "main:6:18: app.match.unit: 'a' has no suffix of a unit; did you mean "
                  "'a.service'?",
                  "main:7:14: app.endpoints: there is no endpoint 'x'",
                  "main:8:12: app.actions: unknown signal 'SIGFOO'; relinkd sends SIGHUP, "
                  "SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGWINCH, SIGURG",
                  "main:9:10: app.spread: expected a duration such as \"1s\", found an "
                  "integer",
                  "10:2:1: app name 'a' is already used at main:5",
                  "10:3:1: app.match: at least one of unit, cgroup and user is needed",
                  "10:4:13: app.endpoints: 0 names of endpoints are out of range: 1 to 256",
                  "10:5:11: app.protect: expected true or false, or { idle, interval, count, "
                  "user_timeout }, found an integer"));
}

}  // namespace
}  // namespace relinkd::config::test
