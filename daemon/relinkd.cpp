// SPDX-License-Identifier: Apache-2.0
// The daemon's program: arguments, signals, and the manager on its loop.
#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <sys/prctl.h>
#include <sysexits.h>

#include "base/text.hpp"
#include "files/config_files.hpp"
#include "journal/journal.hpp"
#include "loop/loop.hpp"
#include "manager/manager.hpp"

namespace relinkd {

namespace {

int fail(const std::string& message) {
  (void)std::fprintf(stderr, "relinkd: %s\n", message.c_str());
  return 1;
}

int run(const manager::Options& options, manager::Checked checked) {
  // A peer that closes is an errno, not a signal: OpenSSL writes without MSG_NOSIGNAL.
  (void)std::signal(SIGPIPE, SIG_IGN);
  // Passwords pass through the memory: no core dumps.
  prctl(PR_SET_DUMPABLE, 0);

  auto loop = loop::Loop::create();
  if (!loop) return fail(loop.error().message);
  journal::Journal journal;
  manager::Manager manager(**loop, journal, options);
  const auto stop = [&] {
    manager.stop();
    (*loop)->exit(0);
  };
  for (const int signal : {SIGTERM, SIGINT}) {
    if (auto r = (*loop)->on_signal(signal, stop); !r) return fail(r.error().message);
  }
  if (auto r = (*loop)->on_signal(SIGHUP, [&] { manager.reload(); }); !r) {
    return fail(r.error().message);
  }
  if (auto r = manager.start(std::move(checked)); !r) return fail(r.error().message);
  (*loop)->enable_watchdog();
  const auto code = (*loop)->run();
  if (!code) return fail(code.error().message);
  return *code;
}

}  // namespace

}  // namespace relinkd

int main(int argc, char** argv) {
  CLI::App app{
      "Watches Redis and Valkey endpoints, says what is wrong, and has applications reconnect.",
      "relinkd"};
  relinkd::manager::Options options;
  options.config_file = relinkd::files::kDefaultConfigFile;
  bool only_check = false;
  app.add_option("--config", options.config_file, "Configuration file; DIR/conf.d/*.toml follow it")
      ->type_name("FILE");
  app.add_option("--endpoint", options.extra_urls,
                 "Watch this, too: redis://, rediss://, unix://, redis-sentinel:// or "
                 "redis-cluster:// URL; may be repeated")
      ->type_name("URL");
  app.add_flag("--check", only_check, "Check the configuration and exit");
  app.set_version_flag("--version", "relinkd " RELINKD_VERSION);
  app.footer("Example: relinkd --endpoint rediss://relinkd@sessions.example.net:6380");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  auto checked = relinkd::manager::check_configuration(options);
  for (const std::string& error : checked.errors) {
    (void)std::fprintf(stderr, "%s\n", error.c_str());
  }
  if (!checked.errors.empty()) {
    (void)relinkd::fail(relinkd::plural(checked.errors.size(), "error") + " in the configuration");
    // relinkd.service does not start again after this one.
    return only_check ? 1 : EX_CONFIG;
  }
  if (only_check) {
    const auto& settings = checked.loaded.settings;
    (void)std::printf("configuration is valid: %s, %s\n",
                      relinkd::plural(settings.endpoints.size(), "endpoint").c_str(),
                      relinkd::plural(settings.apps.size(), "app").c_str());
    return 0;
  }
  return relinkd::run(options, std::move(checked));
}
