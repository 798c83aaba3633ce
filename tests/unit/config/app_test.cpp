// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using core::RelinkVerb;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;

TEST(App, TakesEveryKeyOfThisVersion) {
  const Settings s = settings(R"(
[[endpoint]]
name = "sessions"
url  = "redis://h"
[[endpoint]]
name = "orders"
url  = "redis-sentinel://a#m"

[[app]]
name      = "checkout"
match     = { unit = "checkout.service", cgroup = "/system.slice/*", user = "www-data" }
endpoints = ["sessions", "orders"]
trigger   = "sockets"
actions   = ["destroy-sockets", "reload", "signal:SIGUSR1", "start:hook.service", "restart"]
idle_siblings = false
expect_connections = true
protect   = { idle = "4s", interval = "2s", count = 5, user_timeout = "9s" }
spread    = "3s"
restart_spread = "61s"
min_interval = "62s"
error_threshold = "31s"
verify_within = "11s"
max_relinks_per_hour = 21
mode      = "observe"
)");
  ASSERT_EQ(s.apps.size(), 1U);
  const App want{
      .name = "checkout",
      .match = {.unit = "checkout.service", .cgroup = "/system.slice/*", .user = "www-data"},
      .endpoints = {"sessions", "orders"},
      .trigger = App::Trigger::Sockets,
      .actions = {{RelinkVerb::DestroySockets, ""},
                  {RelinkVerb::Reload, ""},
                  {RelinkVerb::Signal, "SIGUSR1"},
                  {RelinkVerb::Start, "hook.service"},
                  {RelinkVerb::Restart, ""}},
      .idle_siblings = false,
      .expect_connections = true,
      .protect = {.idle = 4s, .interval = 2s, .count = 5, .user_timeout = 9s},
      .spread = 3s,
      .restart_spread = 61s,
      .min_interval = 62s,
      .error_threshold = 31s,
      .verify_within = 11s,
      .max_relinks_per_hour = 21,
      .mode = Mode::Observe};
  EXPECT_TRUE(s.apps[0] == want);
}

TEST(App, NeedsNameMatchAndEndpoints) {
  EXPECT_THAT(errors("[[app]]"),
              ElementsAre("f:1:1: app: name is missing", "f:1:1: app: match is missing",
                          "f:1:1: app: endpoints is missing"));
}

TEST(App, IsWrittenWithTwoBrackets) {
  EXPECT_THAT(errors("[app]\nname = \"a\""),
              ElementsAre("f:1:1: app: expected tables, each headed [[app]], found a table"));
  EXPECT_THAT(errors("app = [5]"), ElementsAre("f:1:8: app: expected a table, found an integer"));
}

TEST(App, NamesUnknownKeys) {
  EXPECT_THAT(app_errors("verify_witin = \"1s\""),
              ElementsAre("f:2:1: unknown key 'verify_witin'; did you mean 'verify_within'?"));
  EXPECT_THAT(app_errors("colour = 1"), ElementsAre("f:2:1: unknown key 'colour' in [[app]]"));
  EXPECT_THAT(app_errors("match = { usr = \"u\", unit = \"a.service\" }"),
              ElementsAre("f:2:11: unknown key 'usr'; did you mean 'user'?"));
}

TEST(AppName, HasOneTo63OfItsCharacters) {
  EXPECT_EQ(app("name = \"A-Z_0.9:x\"").name, "A-Z_0.9:x");
  EXPECT_THAT(app_errors("name = \"a b\""),
              ElementsAre("f:2:8: app.name: 'a b' is not a name: 1 to 63 of A-Z a-z 0-9 _ . : -"));
}

TEST(MatchUnit, IsAUnitThatHoldsProcesses) {
  for (const std::string& good :
       {std::string("checkout.service"), std::string("worker@3.service"),
        std::string("run-r1f.scope"), std::string("batch.slice"), std::string("a:b_c.d.service"),
        std::string(R"(dev\\x2dsrv.service)"), std::string(247, 'u') + ".service"}) {
    EXPECT_THAT(app_errors("match.unit = \"" + good + "\""), IsEmpty()) << good;
  }
  EXPECT_EQ(app("match.unit = \"worker@3.service\"").match.unit, "worker@3.service");
}

TEST(MatchUnit, RefusesWhatSystemdWouldNotTake) {
  for (const std::string& bad :
       {std::string(), std::string("a/b.service"), std::string("a b.service"),
        std::string("@a.service"), std::string(".service"), std::string("é.service"),
        std::string(248, 'u') + ".service"}) {
    const std::vector<std::string> lines = app_errors("match.unit = \"" + bad + "\"");
    ASSERT_EQ(lines.size(), 1U) << bad;
    EXPECT_THAT(lines.front(), StartsWith("f:2:14: app.match.unit: '"));
    EXPECT_THAT(lines.front(),
                EndsWith("' is not a unit's name: 1 to 255 of A-Z a-z 0-9 : - _ . \\ @"));
  }
  EXPECT_THAT(app_errors("match.unit = 5"),
              ElementsAre("f:2:14: app.match.unit: expected a unit's name, found an integer"));
}

TEST(MatchUnit, WithoutSuffixIsToldTheLikelyOne) {
  const auto told = [](const std::string& name, const std::string& whole) {
    EXPECT_THAT(app_errors("match.unit = \"" + name + "\""),
                ElementsAre("f:2:14: app.match.unit: '" + name +
                            "' has no suffix of a unit; did you mean '" + whole + "'?"));
  };
  told("checkout", "checkout.service");
  told("checkout.app", "checkout.app.service");
  told("checkout.servce", "checkout.service");
}

TEST(MatchUnit, OfAnotherTypeOrATemplateHasNoProcesses) {
  EXPECT_THAT(app_errors("match.unit = \"checkout.socket\""),
              ElementsAre("f:2:14: app.match.unit: 'checkout.socket' is a unit of the wrong type: "
                          "here it ends in .service, .scope, .slice"));
  EXPECT_THAT(app_errors("match.unit = \"worker@.service\""),
              ElementsAre("f:2:14: app.match.unit: 'worker@.service' is a template; name one of "
                          "its instances"));
}

TEST(MatchCgroup, IsAPathFromTheMount) {
  for (const std::string good : {"/", "/batch", "/batch/*", "/a?/[bc]*/d e"}) {
    EXPECT_EQ(app("match.cgroup = \"" + good + "\"").match.cgroup, good);
  }
  for (const std::string bad : {"", "batch/*", "*", "/batch/", "//", "/batch//x"}) {
    EXPECT_THAT(app_errors("match.cgroup = \"" + bad + "\""),
                ElementsAre("f:2:16: app.match.cgroup: '" + bad +
                            "' is not a cgroup's path below the mount, such as \"/batch/*\": it "
                            "starts with '/' and has a name behind each"));
  }
  EXPECT_THAT(app_errors("match.cgroup = \"/" + std::string(4094, 'a') + "\""), IsEmpty());
  EXPECT_THAT(app_errors("match.cgroup = \"/" + std::string(4095, 'a') + "\""),
              ElementsAre("f:2:16: app.match.cgroup: a path of 4096 bytes is out of range: at most "
                          "4095"));
}

TEST(MatchUser, IsANameOrAUid) {
  EXPECT_EQ(app("match.user = \"www-data\"").match.user, "www-data");
  EXPECT_EQ(app("match.user = \"33\"").match.user, "33");
  EXPECT_THAT(app_errors("match.user = \"www data\""),
              ElementsAre("f:2:14: app.match.user: 'www data' is neither a user's name nor a uid "
                          "(0 to 4294967294)"));
}

TEST(AppEndpoints, AreOneTo256DifferentNames) {
  EXPECT_THAT(app_errors("endpoints = \"e\""),
              ElementsAre("f:2:13: app.endpoints: expected an array of names of endpoints, found a "
                          "string"));
  EXPECT_THAT(app_errors("endpoints = []"),
              ElementsAre("f:2:13: app.endpoints: 0 names of endpoints are out of range: 1 to "
                          "256"));
  EXPECT_THAT(app_errors("endpoints = [\"e\", 5, \"e\"]"),
              ElementsAre("f:2:19: app.endpoints: expected an endpoint's name, found an integer",
                          "f:2:22: app.endpoints: 'e' is given twice"));
  std::string names;
  std::string tables;
  for (int i = 0; i < 256; ++i) {
    const std::string name = "\"e" + std::to_string(i) + "\"";
    names += name + ",";
    tables += "[[endpoint]]\nname = " + name + "\nurl = \"redis://h\"\n";
  }
  const std::string start = "[[app]]\nname = \"a\"\nmatch.user = \"u\"\nendpoints = [";
  EXPECT_THAT(errors(start + names + "]\n" + tables), IsEmpty());
  EXPECT_THAT(errors(start + names + "\"x\"]\n" + tables),
              ElementsAre("f:4:13: app.endpoints: 257 names of endpoints are out of range: 1 to "
                          "256"));
}

TEST(AppTrigger, IsSocketsOrEndpoint) {
  EXPECT_EQ(app("trigger = \"sockets\"").trigger, App::Trigger::Sockets);
  EXPECT_EQ(app("trigger = \"endpoint\"\nactions = [\"reload\"]").trigger, App::Trigger::Endpoint);
  EXPECT_THAT(app_errors("trigger = \"socket\""),
              ElementsAre("f:2:11: app.trigger: expected one of \"sockets\", \"endpoint\", found "
                          "'socket'; did you mean 'sockets'?"));
}

TEST(AppMode, IsTheWholesUnlessGiven) {
  EXPECT_EQ(app("mode = \"act\"").mode, Mode::Act);
  EXPECT_EQ(app("mode = \"observe\"").mode, Mode::Observe);
  EXPECT_EQ(app("").mode, std::nullopt);
  EXPECT_THAT(app_errors("mode = 1"),
              ElementsAre("f:2:8: app.mode: expected \"act\", \"observe\", found an integer"));
}

TEST(AppActions, TakeEverySignalAndStartableUnit) {
  for (const std::string name : {"SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM",
                                 "SIGCONT", "SIGWINCH", "SIGURG"}) {
    EXPECT_THAT(app("actions = [\"signal:" + name + "\"]").actions,
                ElementsAre(Action{RelinkVerb::Signal, name}));
  }
  for (const std::string unit : {"h.service", "h.socket", "h.target", "h.timer", "h@1.service"}) {
    EXPECT_THAT(app("actions = [\"start:" + unit + "\"]").actions,
                ElementsAre(Action{RelinkVerb::Start, unit}));
  }
}

TEST(AppActions, AreWrittenAsTheyAreRead) {
  for (const std::string text :
       {"destroy-sockets", "reload", "signal:SIGHUP", "start:h.service", "restart"}) {
    EXPECT_EQ(app("actions = [\"" + text + "\"]").actions.at(0).to_string(), text);
  }
}

/// The problem of one action.
std::string action_error(const std::string& action) {
  const std::vector<std::string> lines = app_errors("actions = [\"" + action + "\"]");
  if (lines.size() != 1) return std::to_string(lines.size()) + " errors";
  const std::string start = "f:2:12: app.actions: ";
  EXPECT_THAT(lines.front(), StartsWith(start));
  return lines.front().substr(std::min(start.size(), lines.front().size()));
}

TEST(AppActions, OfUnknownVerbsAreToldTheNearest) {
  const std::string what =
      "expected \"destroy-sockets\", \"reload\", \"signal:NAME\", \"start:UNIT\" or \"restart\", ";
  EXPECT_EQ(action_error("destroy-socket"),
            what + "found 'destroy-socket'; did you mean 'destroy-sockets'?");
  EXPECT_EQ(action_error("signl:SIGHUP"), what + "found 'signl:SIGHUP'; did you mean 'signal'?");
  EXPECT_EQ(action_error("kick"), what + "found 'kick'");
  EXPECT_EQ(action_error(""), what + "found ''");
}

TEST(AppActions, OfUnknownSignalsAreToldTheNearest) {
  EXPECT_EQ(action_error("signal:SIGUSR3"), "unknown signal 'SIGUSR3'; did you mean 'SIGUSR1'?");
  EXPECT_EQ(action_error("signal:usr1"), "unknown signal 'usr1'; did you mean 'SIGUSR1'?");
  EXPECT_EQ(action_error("signal:HUP"), "unknown signal 'HUP'; did you mean 'SIGHUP'?");
  EXPECT_EQ(action_error("signal:10"),
            "unknown signal '10'; relinkd sends SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, "
            "SIGTERM, SIGCONT, SIGWINCH, SIGURG");
}

TEST(AppActions, NeverSendASignalThatCannotBeCaught) {
  EXPECT_THAT(action_error("signal:SIGKILL"), StartsWith("unknown signal 'SIGKILL'; "));
  EXPECT_THAT(action_error("signal:SIGSTOP"), StartsWith("unknown signal 'SIGSTOP'; "));
}

TEST(AppActions, HaveAnArgumentWhereTheyNeedOne) {
  EXPECT_EQ(action_error("signal"), "signal needs a name: \"signal:SIGUSR1\"");
  EXPECT_EQ(action_error("start"), "start needs a unit: \"start:reconnect.service\"");
  EXPECT_EQ(action_error("reload:a.service"), "reload takes nothing behind it");
  EXPECT_EQ(action_error("restart:"), "restart takes nothing behind it");
}

TEST(AppActions, StartAUnitThatDoesSomething) {
  EXPECT_EQ(action_error("start:hook"),
            "'hook' has no suffix of a unit; did you mean 'hook.service'?");
  EXPECT_EQ(action_error("start:hook.slice"),
            "'hook.slice' is a unit of the wrong type: here it ends in .service, .socket, "
            ".target, .timer");
  EXPECT_EQ(action_error("start:hook@.service"),
            "'hook@.service' is a template; name one of its instances");
  EXPECT_EQ(action_error("start:"),
            "'' is not a unit's name: 1 to 255 of A-Z a-z 0-9 : - _ . \\ @");
}

TEST(AppActions, AreOneTo8) {
  EXPECT_THAT(app_errors("actions = []"),
              ElementsAre("f:2:11: app.actions: 0 actions are out of range: 1 to 8"));
  std::string eight = "\"start:1.service\"";
  for (int i = 2; i <= 8; ++i) eight += ", \"start:" + std::to_string(i) + ".service\"";
  EXPECT_EQ(app("actions = [" + eight + "]").actions.size(), 8U);
  EXPECT_THAT(app_errors("actions = [" + eight + ", \"reload\"]"),
              ElementsAre("f:2:11: app.actions: 9 actions are out of range: 1 to 8"));
  EXPECT_THAT(app_errors("actions = \"reload\""),
              ElementsAre("f:2:11: app.actions: expected an array of actions, found a string"));
}

TEST(AppActions, OfOneKindMayDifferButNoneComesTwice) {
  EXPECT_THAT(app_errors("actions = [\"signal:SIGHUP\", \"signal:SIGUSR1\"]"), IsEmpty());
  EXPECT_THAT(app_errors("actions = [\"reload\", \"signal:SIGHUP\", \"reload\"]"),
              ElementsAre("f:2:39: app.actions: 'reload' is given twice"));
}

struct AppDuration {
  const char* key;
  Duration App::*member;
  const char* least;
  Duration least_value;
  const char* most;
  Duration most_value;
  const char* below;  // null: there is nothing below
  const char* above;
};

void PrintTo(const AppDuration& range, std::ostream* out) { *out << range.key; }

class AppDurations : public testing::TestWithParam<AppDuration> {};

TEST_P(AppDurations, TakeBothEndsOfTheirRangeAndNothingOutside) {
  const AppDuration& p = GetParam();
  const std::string start = std::string(p.key) + " = \"";
  EXPECT_EQ(app(start + p.least + "\"").*p.member, p.least_value);
  EXPECT_EQ(app(start + p.most + "\"").*p.member, p.most_value);
  for (const char* bad : {p.below, p.above}) {
    if (!bad) continue;
    EXPECT_THAT(app_errors(start + bad + "\""),
                ElementsAre("f:2:" + std::to_string(start.size()) + ": app." + p.key + ": '" + bad +
                            "' is out of range: " + p.least + " to " + p.most));
  }
}

INSTANTIATE_TEST_SUITE_P(
    App, AppDurations,
    testing::Values(
        AppDuration{"spread", &App::spread, "0s", 0s, "1h", 1h, nullptr, "3601s"},
        AppDuration{"restart_spread", &App::restart_spread, "0s", 0s, "1h", 1h, nullptr, "3601s"},
        AppDuration{"min_interval", &App::min_interval, "1s", 1s, "1d", 24h, "999ms", "25h"},
        AppDuration{"error_threshold", &App::error_threshold, "0s", 0s, "1h", 1h, nullptr, "61m"},
        AppDuration{"verify_within", &App::verify_within, "1s", 1s, "1h", 1h, "999ms", "3601s"}));

TEST(AppMaxRelinks, IsFrom1To1000) {
  EXPECT_EQ(app("max_relinks_per_hour = 1").max_relinks_per_hour, 1);
  EXPECT_EQ(app("max_relinks_per_hour = 1000").max_relinks_per_hour, 1'000);
  for (const std::string bad : {"0", "1001"}) {
    EXPECT_THAT(
        app_errors("max_relinks_per_hour = " + bad),
        ElementsAre("f:2:24: app.max_relinks_per_hour: " + bad + " is out of range: 1 to 1000"));
  }
}

}  // namespace
}  // namespace relinkd::config::test
