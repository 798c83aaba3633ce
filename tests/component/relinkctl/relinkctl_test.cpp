// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "component/control/control_test.hpp"
#include "component/relinkctl/program.hpp"

namespace relinkd::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Relinkctl : public ControlTest {
 protected:
  Relinkctl() {
    service.status_view.version = "9.9";
    for (const std::string name : {"sessions", "orders"}) {
      auto& endpoint = service.status_view.endpoints.emplace_back();
      endpoint.name = name;
      endpoint.condition = name == "orders" ? "half_open" : "ok";
      endpoint.detail = name + ": what the matter is";
      auto& node = endpoint.nodes.emplace_back();
      node.node = "10.0.0.7:6380";
      node.condition = endpoint.condition;
      node.role = "primary";
      node.detail = endpoint.detail;
    }
    service.events = {event(1, "sessions: half-open"), event(2, "sessions: ok")};
    write_config("[control]\nsocket = \"" + path + "\"\n");
  }

  void write_config(const std::string& text) const { std::ofstream(config()) << text; }
  std::string config() const { return (folder / "relinkd.toml").string(); }

  /// relinkctl with a configuration that names this test's socket.
  Program program(const std::string& arguments) const {
    return Program("--config " + config() + " " + arguments, folder / "stderr");
  }
  Outcome relinkctl(const std::string& arguments) const { return program(arguments).finish(); }

  /// The same while the server runs, which it does once in a test.
  Outcome ask(const std::string& arguments) { return ask_all({arguments})[0]; }
  std::vector<Outcome> ask_all(const std::vector<std::string>& commands) {
    start();
    std::vector<Outcome> outcomes;
    with_peer([&] {
      for (const auto& command : commands) outcomes.push_back(relinkctl(command));
    });
    return outcomes;
  }
};

TEST_F(Relinkctl, StatusIsATable) {
  const Outcome o = ask("status");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.out, AllOf(HasSubstr("ENDPOINT"), HasSubstr("sessions"), HasSubstr("half_open"),
                           HasSubstr("  orders: what the matter is\n")));
  EXPECT_THAT(o.out, Not(HasSubstr("\033"))) << "no colour in a pipe";
  EXPECT_THAT(o.err, IsEmpty());
}

TEST_F(Relinkctl, StatusShowsTheEndpointsAskedFor) {
  const Outcome o = ask("status orders");
  EXPECT_THAT(o.out, AllOf(HasSubstr("orders"), Not(HasSubstr("sessions"))));
}

TEST_F(Relinkctl, StatusNamesTheNearestEndpoint) {
  const Outcome o = ask("status sesions");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.err, HasSubstr("no endpoint \"sesions\"; did you mean \"sessions\"?"));
  EXPECT_THAT(o.out, IsEmpty());
}

TEST_F(Relinkctl, StatusIsJsonForPrograms) {
  const Outcome o = ask("status --json orders");
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json["version"], "9.9");
  ASSERT_EQ(json["endpoints"].size(), 1U);
  EXPECT_EQ(json["endpoints"][0]["condition"], "half_open");
}

TEST_F(Relinkctl, StatusWatchLooksAgainAndAgain) {
  start();
  with_peer([&] {
    Program watch("status --watch --json --socket " + path, folder / "stderr");
    EXPECT_EQ(nlohmann::json::parse(watch.line())["version"], "9.9");
    on_loop([this] {
      service.status_view.version = "10.0";
      server->publish(event(3, "news"));
    });
    std::string version = "9.9";
    while (version == "9.9") version = nlohmann::json::parse(watch.line())["version"];
    EXPECT_EQ(version, "10.0");
  });
}

TEST_F(Relinkctl, EventsAreLines) {
  const Outcome o = ask("events");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.out, HasSubstr("half_open"));
  EXPECT_THAT(o.out, HasSubstr("sessions: half-open\n"));
}

TEST_F(Relinkctl, EventsForProgramsAreOneObjectALine) {
  const Outcome o = ask("events --json");
  std::istringstream lines(o.out);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    EXPECT_EQ(nlohmann::json::parse(line)["sequence"], ++count);
  }
  EXPECT_EQ(count, 2);
}

TEST_F(Relinkctl, EventsFollowUntilRelinkdStops) {
  start();
  with_peer([&] {
    Program follow = program("events --follow --json");
    EXPECT_THAT(follow.line(), HasSubstr("sessions: half-open"));
    EXPECT_THAT(follow.line(), HasSubstr("sessions: ok"));
    on_loop([this] { server->publish(event(3, "news")); });
    EXPECT_THAT(follow.line(), HasSubstr("news"));
    on_loop([this] { server.reset(); });
    const Outcome o = follow.finish();
    EXPECT_EQ(o.code, 3);
    EXPECT_THAT(o.err, HasSubstr("relinkd closed the connection"));
  });
}

TEST_F(Relinkctl, ReloadTellsTheVerdict) {
  service.reload_view.accepted = true;
  service.reload_view.endpoints_kept = 3;
  service.reload_view.endpoints_added = 1;
  const Outcome o = ask("reload");
  EXPECT_EQ(o.code, 0);
  EXPECT_EQ(o.out, "Reloaded: 3 endpoints kept, 0 changed, 1 added, 0 removed.\n");
}

TEST_F(Relinkctl, ReloadThatIsRefusedPrintsTheErrorsAndFails) {
  service.reload_view.errors = {"relinkd.toml:3:1: unknown key", "relinkd.toml:9:1: too large"};
  const Outcome o = ask("reload");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.err, AllOf(HasSubstr("relinkd.toml:3:1: unknown key\n"),
                           HasSubstr("relinkd.toml:9:1: too large\n"),
                           HasSubstr("the one in force stays")));
}

TEST_F(Relinkctl, ReloadByWhoMayNotFailsAndSaysWhoMay) {
  service.allowed = control::Access::Read;
  const Outcome o = ask("reload");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.err,
              HasSubstr("permission denied: only root and members of the groups in [control]"));
}

TEST_F(Relinkctl, AppsAreTables) {
  for (const std::string name : {"checkout", "billing"}) {
    auto& app = service.apps_view.apps.emplace_back();
    app.name = name;
    app.endpoints.emplace_back().endpoint = "sessions";
  }
  const auto o = ask_all({"apps", "apps billing", "apps --json billing"});
  EXPECT_EQ(o[0].code, 0);
  EXPECT_THAT(o[0].out, AllOf(HasSubstr("\ncheckout: "), HasSubstr("\nbilling: ")));
  EXPECT_THAT(o[0].err, IsEmpty());
  EXPECT_THAT(o[1].out, AllOf(HasSubstr("\nbilling: "), Not(HasSubstr("checkout"))));
  EXPECT_EQ(nlohmann::json::parse(o[2].out)["apps"].size(), 1U);
}

TEST_F(Relinkctl, AppsNamesTheNearest) {
  service.apps_view.apps.emplace_back().name = "checkout";
  const Outcome o = ask("apps chekout");
  EXPECT_EQ(o.code, 1);
  EXPECT_EQ(o.err, "relinkctl: there is no app \"chekout\"; did you mean \"checkout\"?\n");
  EXPECT_THAT(o.out, IsEmpty());
}

TEST_F(Relinkctl, OrdersSayWhatCameOfThem) {
  service.order_view = {true, {"checkout: sessions: it is to reconnect", "and billing"}};
  for (const Outcome& o : ask_all({"relink checkout", "relink --dry-run checkout", "reset checkout",
                                   "pause 30m", "pause", "resume"})) {
    EXPECT_EQ(o.code, 0);
    EXPECT_EQ(o.out, "checkout: sessions: it is to reconnect\nand billing\n");
    EXPECT_THAT(o.err, IsEmpty());
  }
  EXPECT_THAT(service.orders, ElementsAre("relink checkout", "relink checkout dry",
                                          "reset checkout", "pause 30m", "pause 0s", "resume"));
}

TEST_F(Relinkctl, OrdersThatAreRefusedSayWhyAndFail) {
  service.order_view = {false, {"no app 'chekout' is configured; did you mean 'checkout'?"}};
  for (const Outcome& o : ask_all({"relink chekout", "reset chekout"})) {
    EXPECT_EQ(o.code, 1);
    EXPECT_THAT(o.out, IsEmpty());
    EXPECT_EQ(o.err, "relinkctl: no app 'chekout' is configured; did you mean 'checkout'?\n");
  }
}

TEST_F(Relinkctl, OrdersByWhoMayNotFailAndSayWhoMay) {
  service.allowed = control::Access::Read;
  for (const Outcome& o : ask_all(
           {"relink checkout", "relink --dry-run checkout", "reset checkout", "pause", "resume"})) {
    EXPECT_EQ(o.code, 1);
    EXPECT_THAT(o.err,
                HasSubstr("permission denied: only root and members of the groups in [control]"));
  }
  EXPECT_THAT(service.orders, IsEmpty());
}

TEST_F(Relinkctl, StatusSaysThatRelinkdIsPaused) {
  service.status_view.paused = true;
  const auto o = ask_all({"status", "status --json"});
  EXPECT_THAT(o[0].out, HasSubstr("\npaused: nothing is done for any app"));
  EXPECT_EQ(nlohmann::json::parse(o[1].out)["paused"], true);
}

TEST_F(Relinkctl, EventsForProgramsSayWhichAppAndWhatWasDone) {
  service.events = {event(1, "checkout: has reconnected")};
  service.events[0].app = "checkout";
  service.events[0].action = "destroy-sockets";
  service.events[0].result = "recovered";
  const auto json = nlohmann::json::parse(ask("events --json").out);
  EXPECT_EQ(json["app"], "checkout");
  EXPECT_EQ(json["action"], "destroy-sockets");
  EXPECT_EQ(json["result"], "recovered");
}

TEST_F(Relinkctl, ConfigShowIsWhatIsInForce) {
  service.values = {{"metrics.listen", "\"\"", "/etc/relinkd/conf.d/a.toml:2"}};
  const Outcome o = ask("config show");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.out, HasSubstr("metrics.listen  /etc/relinkd/conf.d/a.toml:2  \"\"\n"));
  EXPECT_THAT(o.err, IsEmpty());
}

TEST_F(Relinkctl, ConfigShowWithoutRelinkdIsWhatItWouldStartWith) {
  const Outcome o = relinkctl("config show");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.out, HasSubstr(config() + ":2"));
  EXPECT_THAT(o.err, HasSubstr("relinkd is not running"));
}

TEST_F(Relinkctl, ConfigCheckPrintsEveryErrorWithItsPlace) {
  write_config("[watsh]\n[metrics]\nlisten = 7\n");
  const Outcome o = relinkctl("config check");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.out, AllOf(HasSubstr(config() + ":1:"), HasSubstr(config() + ":3:")));
  EXPECT_THAT(o.err, HasSubstr("2 errors"));
}

TEST_F(Relinkctl, ConfigCheckTakesAnotherFile) {
  const std::string other = (folder / "other.toml").string();
  std::ofstream(other) << "[[endpoint]]\nurl = \"redis://127.0.0.1:7000\"\n";
  const Outcome o = relinkctl("config check " + other);
  EXPECT_EQ(o.code, 0);
  EXPECT_EQ(o.out, "No errors: 1 endpoint watched. Read: " + other + ".\n");
}

TEST_F(Relinkctl, ConfigCheckOfNoFileFails) {
  const Outcome o = relinkctl("config check /nonexistent.toml");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.err, HasSubstr("/nonexistent.toml: cannot be read: No such file"));
}

TEST_F(Relinkctl, WithABrokenConfigurationTriesTheDefaultSocketAndSaysSo) {
  write_config("not toml");
  const Outcome o = relinkctl("status");
  EXPECT_THAT(o.err, AllOf(HasSubstr(config() + ":1:"),
                           HasSubstr("the default control socket is used: /run/relinkd/")));
}

TEST_F(Relinkctl, TakesTheSocketFromTheCommandLineBeforeTheConfiguration) {
  write_config("not toml");
  const Outcome o = ask("--socket " + path + " status");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.err, IsEmpty());
}

TEST_F(Relinkctl, TakesTheSocketBehindTheCommandToo) {
  write_config("not toml");
  EXPECT_EQ(ask("status --socket " + path).code, 0);
}

TEST_F(Relinkctl, WithoutRelinkdSaysHowToStartIt) {
  for (const std::string command : {"status", "status --watch", "events", "reload", "apps",
                                    "relink checkout", "reset checkout", "pause 1m", "resume"}) {
    const Outcome o = relinkctl(command);
    EXPECT_EQ(o.code, 3) << command;
    EXPECT_EQ(o.err,
              "relinkctl: relinkd is not running: systemctl start relinkd (no control "
              "socket at " +
                  path + ")\n");
  }
}

TEST_F(Relinkctl, ExplainsAConditionInAnySpelling) {
  const Outcome o = relinkctl("explain half-open");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.out, AllOf(StartsWith("half_open: "), HasSubstr("What to do:")));
  EXPECT_EQ(relinkctl("explain HALF_OPEN").out, o.out);
}

TEST_F(Relinkctl, ExplainOffersTheNearestAndAllNames) {
  const Outcome o = relinkctl("explain halfopen");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.err, AllOf(HasSubstr("did you mean \"half_open\"?"), HasSubstr("auth_failed")));
}

/// The configuration of a sysctl that this host certainly has, wanted as it is or otherwise.
std::string wants_pid_max(std::int64_t more) {
  std::ifstream file("/proc/sys/kernel/pid_max");
  std::int64_t value = 0;
  file >> value;
  return "[sysctl.want]\n\"kernel.pid_max\" = " + std::to_string(value + more) + "\n";
}

TEST_F(Relinkctl, SysctlCheckExitsAsAMonitoringPlugin) {
  write_config(wants_pid_max(0));
  // The default of net.ipv4.tcp_retries2 stays wanted, and this host may have another value.
  const int applied = relinkctl("sysctl check").code;
  EXPECT_TRUE(applied == 0 || applied == 2) << applied;

  write_config(wants_pid_max(1));
  const Outcome not_applied = relinkctl("sysctl check");
  EXPECT_EQ(not_applied.code, 2);
  EXPECT_THAT(not_applied.out, StartsWith("Not applied: "));

  write_config("not toml");
  const Outcome broken = relinkctl("sysctl check");
  EXPECT_EQ(broken.code, 3);
  EXPECT_THAT(broken.out, StartsWith("Unknown: the configuration cannot be used.\n"));
}

TEST_F(Relinkctl, SysctlCheckIsJsonForPrograms) {
  const Outcome o = relinkctl("sysctl check --json");
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_EQ(json["keys"][0]["key"], "net.ipv4.tcp_retries2");
  EXPECT_EQ(json["verdict"] == "applied", o.code == 0);
}

TEST_F(Relinkctl, CheckOfAUrlThatNamesNoServerSaysWhatToGiveInstead) {
  for (const std::string url :
       {"redis-sentinel://127.0.0.1#mymaster", "redis-cluster://127.0.0.1"}) {
    const Outcome o = relinkctl("check '" + url + "'");
    EXPECT_EQ(o.code, 3) << url;
    EXPECT_THAT(o.err, HasSubstr("give the redis://, rediss:// or unix:// URL of a node")) << url;
  }
}

TEST_F(Relinkctl, UsedWronglyExitsTwoAndPluginsThree) {
  for (const std::string arguments : {"", "nonsense", "status --nonsense", "explain", "config",
                                      "relink", "reset", "pause 30", "pause 0s", "pause 400d"}) {
    const Outcome o = relinkctl(arguments);
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_THAT(o.err, HasSubstr("--help")) << arguments;
  }
  for (const std::string arguments :
       {"check", "check redis://localhost --expect master", "check redis://localhost --timeout 5",
        "sysctl", "sysctl check --nonsense"}) {
    EXPECT_EQ(relinkctl(arguments).code, 3) << arguments;
  }
}

TEST_F(Relinkctl, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(relinkctl("--help").code, 0);
  EXPECT_THAT(relinkctl("--version").out, StartsWith("relinkctl "));
  EXPECT_EQ(relinkctl("check --help").code, 0);
}

TEST_F(Relinkctl, FailsWhereItsOutputCannotBeWritten) {
  const Outcome o = relinkctl("explain ok >/dev/full");
  EXPECT_EQ(o.code, 1);
  EXPECT_THAT(o.err, HasSubstr("cannot write to standard output"));
}

}  // namespace
}  // namespace relinkd::testing
