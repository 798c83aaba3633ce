// SPDX-License-Identifier: Apache-2.0
// The actuator's program: arguments, its socket, signals, and the server on its loop.
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "actuator/configuration.hpp"
#include "actuator/executor.hpp"
#include "actuator/server.hpp"
#include "files/config_files.hpp"
#include "journal/journal.hpp"
#include "loop/loop.hpp"
#include "loop/notify.hpp"
#include "loop/unix_listener.hpp"
#include "orders/owner.hpp"

namespace relinkd {

namespace {

/// How often held-back lines are looked through.
constexpr Duration kFlushInterval = 1s;

int fail(const std::string& message) {
  (void)std::fprintf(stderr, "relinkd-actuator: %s\n", message.c_str());
  return 1;
}

/// The socket that it listens on: one that systemd made, or its own.
struct Listening {
  loop::Fd inherited;
  std::optional<loop::UnixListener> own;
  [[nodiscard]] int fd() const { return own ? own->fd() : inherited.get(); }
};

Result<Listening> listen(const actuator::Configuration& configuration) {
  Listening listening;
  const int inherited = sd_listen_fds(/*unset_environment=*/1);
  if (inherited < 0) return system_error(-inherited, "cannot tell what sockets systemd hands over");
  if (inherited > 1) return Error{"systemd hands over more than one socket: one is used"};
  if (inherited == 1) {
    constexpr int kFd = SD_LISTEN_FDS_START;
    if (sd_is_socket(kFd, AF_UNIX, SOCK_SEQPACKET, /*listening=*/1) <= 0) {
      return Error{"the socket that systemd hands over is no ListenSequentialPacket="};
    }
    const int flags = fcntl(kFd, F_GETFL);
    if (flags < 0 || fcntl(kFd, F_SETFL, flags | O_NONBLOCK) != 0) {
      return system_error(errno, "the socket that systemd hands over cannot be used");
    }
    listening.inherited.reset(kFd);
    return listening;
  }
  const auto& gate = configuration.gate();
  if (!gate) return gate.error();
  const auto& settings = gate->settings().actuator;
  const auto user = orders::uid_of(settings.user);
  if (!user) return Error{"there is no user " + settings.user + ", as [actuator] user has it"};
  auto own = loop::UnixListener::open(
      settings.socket,
      {.type = SOCK_SEQPACKET, .mode = 0600, .owner = *user, .section = "actuator"});
  if (!own) return own.error();
  listening.own.emplace(*std::move(own));
  return listening;
}

/// The path at which the socket is bound; empty if it has none.
std::string path_of(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return static_cast<const char*>(address.sun_path);
}

int run(actuator::Configuration& configuration) {
  auto listening = listen(configuration);
  if (!listening) return fail(listening.error().message);
  const std::string path = path_of(listening->fd());
  if (path.empty()) return fail("its socket must have a path, beside which it counts orders");
  auto loop = loop::Loop::create();
  if (!loop) return fail(loop.error().message);

  journal::Journal journal(journal::Journal::Target::Auto, journal::Journal::kSocket,
                           "relinkd-actuator");
  actuator::Executor executor(**loop, journal, configuration, path);
  const auto stop = [&loop] { (*loop)->exit(0); };
  const auto on_idle = [&] {
    if (listening->inherited) stop();
  };
  actuator::Server server(**loop, journal, configuration, executor, listening->fd(), on_idle);

  for (const int signal : {SIGTERM, SIGINT}) {
    if (auto r = (*loop)->on_signal(signal, stop); !r) return fail(r.error().message);
  }
  const auto reload = [&] {
    configuration.forget();
    executor.refresh();
  };
  if (auto r = (*loop)->on_signal(SIGHUP, reload); !r) return fail(r.error().message);
  std::function<void()> flush;
  loop::Deadline flushing((*loop)->deadlines(), [&flush] { flush(); });
  flush = [&] {
    journal.flush_held_back(loop::Loop::clock(), loop::Loop::wall());
    flushing.set(loop::Loop::clock() + kFlushInterval);
  };
  flush();
  (*loop)->enable_watchdog();
  loop::notify_ready(executor.status());
  const auto code = (*loop)->run();
  loop::notify_stopping();
  return code ? *code : fail(code.error().message);
}

}  // namespace

}  // namespace relinkd

int main(int argc, char** argv) {
  CLI::App app{
      "Carries out what relinkd orders: destroys sockets and sets their options, asks systemd for "
      "units, puts sysctls back, and keeps the programs in the kernel that tell of connections.",
      "relinkd-actuator"};
  std::string config_file = relinkd::files::kDefaultConfigFile;
  bool only_check = false;
  app.add_option("--config", config_file,
                 "Configuration file, relinkd's own; DIR/conf.d/*.toml follow it")
      ->type_name("FILE");
  app.add_flag("--check", only_check, "Check the configuration and exit");
  app.set_version_flag("--version", "relinkd-actuator " RELINKD_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  relinkd::actuator::Configuration configuration(config_file);
  configuration.refresh();
  for (const std::string& error : configuration.errors()) {
    (void)std::fprintf(stderr, "%s\n", error.c_str());
  }
  if (only_check) {
    if (!configuration.gate()) return 1;
    std::printf("configuration is valid: %zu apps\n", configuration.gate()->settings().apps.size());
    return 0;
  }
  // Started by its socket with a bad configuration it refuses all orders until that is good: ending
  // would have systemd start it again at once, and give the socket up after a few times.
  return relinkd::run(configuration);
}
