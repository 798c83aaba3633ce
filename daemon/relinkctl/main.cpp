// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/text.hpp"
#include "control/service.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/help.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

struct Options {
  GlobalOptions global;
  StatusOptions status;
  CheckOptions check;
  EventsOptions events;
  std::string config_file;
  std::string condition;
  AppsOptions apps;
  ClosesOptions closes;
  IncidentsOptions incidents;
  std::string app;
  bool dry_run = false;
  std::optional<Duration> pause;
  bool config_json = false;
  SysctlCheckOptions sysctl;
};

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& what) {
  CLI::App* command = parent.add_subcommand(name, what);
  command->fallthrough();  // --socket and --config may stand behind the command, too
  return command;
}

/// What stands there as a duration above zero.
Duration duration_of(const std::string& option, const std::string& text) {
  const auto d = parse_duration(text);
  if (!d || *d <= Duration::zero()) {
    throw CLI::ValidationError(option, "must be a duration like 500ms, 5s, 30m or 2h");
  }
  return *d;
}

void add_check(CLI::App& app, CheckOptions& check) {
  CLI::App* command = add_command(app, "check", "Try a server once, without relinkd");
  explain_use(*command,
              "Resolves the name, connects, logs in, and asks for PING and the role. Exits as a "
              "monitoring plugin does: 0 ok, 1 warning, 2 critical, 3 unknown or usage.",
              {"check redis://127.0.0.1:6379",
               "check --password-file /etc/relinkd/sessions.pass "
               "rediss://relinkd@sessions.example.net:6380"});
  command->add_option("URL", check.url, "redis://, rediss:// or unix://, without a password")
      ->required();
  command->add_option("--password-file", check.password_file, "File with the password")
      ->option_text("FILE");
  command->add_option("--ca-file", check.ca_file, "Trust these authorities, not the system's")
      ->option_text("FILE");
  command->add_option("--cert-file", check.cert_file, "Client certificate")->option_text("FILE");
  command->add_option("--key-file", check.key_file, "Key of the client certificate")
      ->option_text("FILE");
  command
      ->add_option("--server-name", check.server_name,
                   "Name to ask for and to expect in the certificate")
      ->option_text("NAME");
  command->add_flag_callback(
      "--no-verify", [&check] { check.verify = false; }, "Accept any certificate");
  command->add_option("--expect", check.expect, "primary (default), replica or any")
      ->check(CLI::IsMember({"primary", "replica", "any"}))
      ->option_text("ROLE");
  command
      ->add_option_function<std::string>(
          "--timeout",
          [&check](const std::string& text) { check.timeout = duration_of("--timeout", text); },
          "Time for each step (5s)")
      ->option_text("DURATION");
  command->add_flag("--json", check.json, "For programs");
}

void add_app_commands(CLI::App& app, Options& o) {
  CLI::App* apps = add_command(app, "apps", "The apps' sockets by node and state");
  explain_use(*apps,
              "Shows the sockets that are unprotected or in trouble, too, how long an app would "
              "hang on one, what is out of sight, and what was done last.",
              {"apps", "apps checkout"});
  apps->add_option("APP", o.apps.apps, "Only these");
  apps->add_flag("--json", o.apps.json, "For programs");

  CLI::App* closes = add_command(app, "closes", "Why connections of the apps ended");
  explain_use(*closes,
              "The last unusual ones, oldest first, with age, idle time and what the node was "
              "doing. Needs BPF; `relinkctl explain CAUSE` says what a cause means.",
              {"closes", "closes checkout", "closes --all --json"});
  closes->add_option("APP", o.closes.apps, "Only these");
  closes->add_flag("--all", o.closes.all, "Those of every day, too: closed by the app, for one");
  closes->add_flag("--json", o.closes.json, "For programs: one object a line");

  CLI::App* relink = add_command(app, "relink", "Make an app reconnect now");
  explain_use(*relink,
              "It does not wait for spread and min_interval, and acts only toward a healthy "
              "endpoint, too. `relinkctl events --follow` shows what comes of it.",
              {"relink --dry-run checkout", "relink checkout"});
  relink->add_option("APP", o.app, "As the configuration names it")->required();
  relink->add_flag("--dry-run", o.dry_run, "Only say what would be done");

  CLI::App* reset = add_command(app, "reset", "Close an app's breaker: relinkd acts for it again");
  explain_use(*reset, "", {"reset checkout"});
  reset->add_option("APP", o.app, "As the configuration names it")->required();

  CLI::App* pause = add_command(app, "pause", "Stop all actions for apps; watching goes on");
  explain_use(*pause, "", {"pause 30m"});
  pause
      ->add_option_function<std::string>(
          "DURATION",
          [&o](const std::string& text) {
            o.pause = duration_of("DURATION", text);
            if (*o.pause > control::kLongestPause) {
              throw CLI::ValidationError("DURATION", "must be a year at most");
            }
          },
          "For so long, e.g. 30m; without it, until resumed")
      ->option_text("DURATION");
  explain_use(*add_command(app, "resume", "Allow actions again"), "", {"resume"});
}

void add_tune(CLI::App& app, Options& o) {
  CLI::App* tune = add_command(app, "tune", "The protection of the apps' live sockets");
  explain_use(*tune, "", {"tune show", "tune revert checkout"});
  tune->require_subcommand(1);
  CLI::App* show = add_command(
      *tune, "show", "Which sockets relinkd gave keepalive and a user timeout, or would give them");
  explain_use(*show, "It needs a relinkd-actuator and a kernel with BPF.",
              {"tune show", "tune show checkout", "tune show --json"});
  show->add_option("APP", o.apps.apps, "Only these");
  show->add_flag("--json", o.apps.json, "For programs");
  CLI::App* apply = add_command(*tune, "apply", "Protect them at once, and again after a revert");
  explain_use(*apply, "Nothing is changed in mode observe, with protect = false, and while paused.",
              {"tune apply checkout"});
  apply->add_option("APP", o.app, "As the configuration names it; without it, all");
  CLI::App* revert = add_command(*tune, "revert", "Put back the options that the app had set");
  explain_use(*revert,
              "The app stays unprotected until tune apply, over a restart of relinkd, too.",
              {"tune revert checkout"});
  revert->add_option("APP", o.app, "As the configuration names it; without it, all");
}

void add_sysctl(CLI::App& app, SysctlCheckOptions& o) {
  CLI::App* sysctl = add_command(app, "sysctl", "The kernel's settings that [sysctl.want] names");
  explain_use(*sysctl, "", {"sysctl check", "sysctl apply"});
  sysctl->require_subcommand(1);
  CLI::App* check = add_command(
      *sysctl, "check",
      "Whether they are applied, will be after a reboot, and who decides that; in seconds");
  explain_use(
      *check,
      "Exits as a monitoring plugin does: 0 applied and persistent, 1 only one of both, 2 not "
      "applied, 3 cannot be read, or usage.",
      {"sysctl check", "sysctl check --netns all", "sysctl check --json"});
  check
      ->add_option_function<std::string>(
          "--netns", [&o](const std::string&) { o.all_namespaces = true; },
          "\"all\": every network namespace of this host, too (root)")
      ->check(CLI::IsMember({"all"}))
      ->option_text("all");
  check->add_flag("--json", o.json, "For programs");
  CLI::App* apply = add_command(*sysctl, "apply", "Set them, now and for each boot (root)");
  explain_use(
      *apply,
      "It writes /etc/sysctl.d/90-relinkd.conf and no other file. Exits as check would then: "
      "with 1 if another file overrides that one; with 2 if nothing was changed.",
      {"sysctl apply"});
  CLI::App* revert = add_command(
      *sysctl, "revert", "Go back to the values and the file that were there before apply (root)");
  explain_use(*revert, "Exits with 1 if somebody else has changed them since: that stays.",
              {"sysctl revert"});
}

void add_news(CLI::App& app, Options& o) {
  CLI::App* events = add_command(app, "events", "The last events, from relinkd's memory");
  explain_use(*events, "", {"events", "events --follow", "events --json"});
  events->add_flag("-f,--follow", o.events.follow, "Go on with each new one as it comes");
  events->add_flag("--json", o.events.json, "For programs: one object a line");

  CLI::App* incidents = add_command(app, "incidents", "What went wrong, from the journal");
  explain_use(*incidents,
              "Each incident as a timeline: what was seen, decided and done, and the verified end. "
              "Only root and group systemd-journal may read the journal.",
              {"incidents", "incidents --since 2h", "incidents --since \"2026-11-22 10:15\""});
  incidents
      ->add_option("--since", o.incidents.since,
                   "A time ago (2h, 7d) or a time (2026-11-22, \"2026-11-22 10:15\"); 7d")
      ->option_text("TIME");
  incidents->add_flag("--json", o.incidents.json, "For programs");

  CLI::App* explain = add_command(app, "explain", "What a condition means and what to do");
  explain_use(*explain,
              "Knows conditions, causes of disconnections, kinds of event, states of sockets, and "
              "results of making an app reconnect.",
              {"explain half_open", "explain not_recovered"});
  explain->add_option("NAME", o.condition, "As status, events and metrics name it")->required();
}

void add_config(CLI::App& app, Options& o) {
  CLI::App* config = add_command(app, "config", "The configuration");
  explain_use(*config, "", {"config check", "config show"});
  config->require_subcommand(1);
  CLI::App* check = add_command(*config, "check", "All its errors, with file, line and column");
  explain_use(*check, "", {"config check", "config check /etc/relinkd/relinkd.toml"});
  check->add_option("FILE", o.config_file,
                    "This and the folder conf.d beside it, instead of --config");
  CLI::App* show = add_command(*config, "show", "What is in force, and where each value is from");
  explain_use(*show, "Where relinkd is not running: what it would start with.",
              {"config show", "config show --json"});
  show->add_flag("--json", o.config_json, "For programs");
}

void add_commands(CLI::App& app, Options& o) {
  CLI::App* status = add_command(app, "status", "Endpoints, nodes and what is wrong with them");
  explain_use(*status, "", {"status", "status sessions", "status --watch", "status --json"});
  status->add_option("ENDPOINT", o.status.endpoints, "Only these");
  status->add_flag("--watch", o.status.watch, "Draw anew every second and at each event");
  status->add_flag("--json", o.status.json, "For programs");

  add_app_commands(app, o);
  add_tune(app, o);
  add_check(app, o.check);
  add_news(app, o);
  add_config(app, o);

  CLI::App* reload = add_command(app, "reload", "Have relinkd read its configuration anew");
  explain_use(*reload,
              "Waits for the verdict. A configuration with errors is refused as a whole, and the "
              "one in force stays.",
              {"reload"});

  add_sysctl(app, o.sysctl);
}

int run_sysctl(const CLI::App& sysctl, const Options& o) {
  if (sysctl.got_subcommand("apply")) return run_sysctl_apply(o.global);
  if (sysctl.got_subcommand("revert")) return run_sysctl_revert();
  return run_sysctl_check(o.global, o.sysctl);
}

int run_tune_command(const CLI::App& tune, const Options& o) {
  if (tune.got_subcommand("show")) return run_tune_show(o.global, o.apps);
  return run_tune(o.global, o.app, tune.got_subcommand("revert"));
}

int run(const CLI::App& app, const Options& o) {
  if (app.got_subcommand("status")) return run_status(o.global, o.status);
  if (app.got_subcommand("incidents")) return run_incidents(o.incidents);
  if (app.got_subcommand("apps")) return run_apps(o.global, o.apps);
  if (app.got_subcommand("closes")) return run_closes(o.global, o.closes);
  if (app.got_subcommand("relink")) return run_relink(o.global, o.app, o.dry_run);
  if (app.got_subcommand("reset")) return run_reset(o.global, o.app);
  if (app.got_subcommand("tune")) return run_tune_command(*app.get_subcommand("tune"), o);
  if (app.got_subcommand("pause")) return run_pause(o.global, o.pause);
  if (app.got_subcommand("resume")) return run_resume(o.global);
  if (app.got_subcommand("check")) return run_check(o.check);
  if (app.got_subcommand("events")) return run_events(o.global, o.events);
  if (app.got_subcommand("reload")) return run_reload(o.global);
  if (app.got_subcommand("explain")) return run_explain(o.condition);
  if (app.got_subcommand("sysctl")) return run_sysctl(*app.get_subcommand("sysctl"), o);
  const CLI::App* config = app.get_subcommand("config");
  if (config->got_subcommand("check")) return run_config_check(o.global, o.config_file);
  return run_config_show(o.global, o.config_json);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Shows what relinkd sees, and gives it orders.", "relinkctl");
  Options o;
  use_own_help(app);
  explain_use(app,
              "`relinkctl COMMAND --help` says more of each.\n\n"
              "Exit status: 0 done, 1 failed or refused, 2 wrong usage, 3 relinkd or the journal "
              "could not be asked. Of check and sysctl check, as of monitoring plugins: 0 ok, 1 "
              "warning, 2 critical, 3 unknown or wrong usage.",
              {"status", "explain half_open"});
  app.set_version_flag("--version", "relinkctl " RELINKD_VERSION, "Print the version");
  app.add_option("--config", o.global.config_file,
                 "Configuration in which the control socket is found")
      ->option_text("FILE");
  app.add_option("--socket", o.global.socket, "Control socket")->option_text("PATH");
  app.require_subcommand(1);
  add_commands(app, o);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // --help and --version come this way, too, with 0.
    const bool fine = app.exit(e) == 0;
    const bool plugin =
        app.get_subcommand("check")->parsed() || app.get_subcommand("sysctl")->parsed();
    return fine ? kDone : plugin ? kPluginUnknown : kUsage;
  }
  return run(app, o);
}

}  // namespace

}  // namespace relinkd::relinkctl

int main(int argc, char** argv) {
  using namespace relinkd::relinkctl;  // NOLINT(google-build-using-namespace)
  try {
    const int code = parse_and_run(argc, argv);
    if (std::ferror(stdout) == 0) return code;
    if (!reader_gone()) complain("cannot write to standard output");
  } catch (const std::exception& e) {
    complain(e.what());
  }
  return kFailed;
}
