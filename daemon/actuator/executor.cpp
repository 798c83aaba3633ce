// SPDX-License-Identifier: Apache-2.0
#include "actuator/executor.hpp"

#include <cerrno>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "actuator/signals.hpp"
#include "base/text.hpp"
#include "kernel/sysctl.hpp"

namespace relinkd::actuator {

namespace {

using Outcomes = orders::Answer::Result;
using core::RelinkVerb;

Duration boot_time() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

template <typename T>
std::optional<T> value_of(Result<T> result) {
  if (!result) return std::nullopt;
  return *std::move(result);
}

/// "checkout: destroy-sockets 10.0.0.5:41234 to 10.0.0.7:6380 for sessions".
std::string in_words(const orders::Order& order) {
  if (order.kind == orders::Order::Kind::Sysctl) return "sysctl " + printable(order.key);
  std::string what = order.action;
  if (order.socket) {
    what = fmt::format("{} {} to {}", core::kRelinkVerbNames[order.verb],
                       order.socket->local.to_string(), order.socket->remote.to_string());
  }
  return fmt::format("{}: {} for {}", printable(order.app), printable(what),
                     printable(order.endpoint));
}

}  // namespace

Executor::Executor(loop::Loop& loop, journal::Journal& journal, Configuration& configuration,
                   const std::string& socket_path)
    : loop_(loop),
      journal_(journal),
      configuration_(configuration),
      count_(socket_path + ".orders", boot_time()),
      lister_(kernel::SocketLister::open()),
      destroyer_(kernel::SocketDestroyer::open()),
      cgroups_(value_of(kernel::Cgroups::open())),
      units_(loop),
      tuner_(loop, configuration, cgroups_, socket_path + ".tuned",
             [this](const std::string& why) { complain(why); }),
      systemd_(Units::available()),
      status_(look_around()) {
  if (count_.complaint().empty()) return;
  complain(fmt::format("{}: orders are refused for a minute", count_.complaint()));
}

void Executor::complain(std::string what) {
  journal::Entry entry;
  entry.event = journal::Event::Degraded;
  entry.priority = journal::Priority::Warning;
  entry.message = std::move(what);
  write(entry);
}

std::string Executor::look_around() {
  const auto probed = destroyer_ ? destroyer_->probe() : Result<void>(destroyer_.error());
  std::string told = "sockets can be destroyed";
  if (!probed) {
    told = fmt::format("sockets cannot be destroyed: {}", probed.error().message);
    complain(told);
  }
  if (!cgroups_) {
    told += "; there is no cgroup v2 mount, so that units and cgroups match nothing";
  }
  return told + (systemd_ ? "; units are reloaded, restarted, started and signalled by systemd"
                          : "; systemd does not run here: processes can be signalled, and units "
                            "not reloaded, restarted or started");
}

void Executor::write(const journal::Entry& entry) {
  journal_.write(entry, loop_.now().at, loop::Loop::wall());
}

void Executor::refresh() {
  if (!configuration_.refresh()) return;
  journal::Entry entry;
  for (const std::string& error : configuration_.errors()) {
    entry.event = journal::Event::ConfigRefused;
    entry.priority = journal::Priority::Error;
    entry.message = fmt::format("{}: orders are refused until the configuration is good", error);
    write(entry);
  }
  if (!configuration_.gate()) return;
  tuner_.refresh();
  const auto& settings = configuration_.gate()->settings();
  entry.event = journal::Event::ConfigReloaded;
  entry.message = "the actuator obeys a configuration of " + plural(settings.apps.size(), "app");
  write(entry);
}

void Executor::carry_out(const orders::Order& order, uid_t peer, Reply reply) {
  if (order.kind == orders::Order::Kind::Support) return reply({Outcomes::Done, status_});
  using Kind = orders::Order::Kind;
  if (order.kind == Kind::Trace || order.kind == Kind::Tune) {
    return serve_tuner(order, peer, std::move(reply));
  }
  Reply told = [this, order, peer, answer = std::move(reply)](Outcome outcome) {
    log(order, peer, outcome);
    answer(std::move(outcome));
  };
  if (order.kind == orders::Order::Kind::Sysctl) return set_sysctl(order, peer, told);
  relink(order, peer, std::move(told));
}

void Executor::serve_tuner(const orders::Order& order, uid_t peer, Reply reply) {
  const Gate* gate = obey(peer, reply);
  if (gate == nullptr) return;
  if (order.kind == orders::Order::Kind::Trace) return reply(tuner_.trace());
  if (const auto permit = gate->permits_tuning(order); !permit) {
    return reply({Outcomes::Refused, permit.error().message});
  }
  tuner_.tune(order, std::move(reply));
}

const Gate* Executor::obey(uid_t peer, const Reply& reply) {
  const auto refuse = [&reply](std::string why) {
    reply({Outcomes::Refused, std::move(why)});
    return nullptr;
  };
  refresh();
  const auto& gate = configuration_.gate();
  if (!gate) return refuse(gate.error().message);
  // Its user may be another one since the peer connected.
  if (const auto obeys = gate->obeys(peer); !obeys) return refuse(obeys.error().message);
  return &*gate;
}

const Gate* Executor::admit(uid_t peer, const Reply& reply) {
  const Gate* gate = obey(peer, reply);
  if (gate == nullptr) return nullptr;
  const auto refuse = [&reply](Outcomes result, std::string why) {
    reply({result, std::move(why)});
    return nullptr;
  };
  // Before anything is looked at, so that the work for refused ones is bounded, too.
  const int most = gate->settings().actuator.max_orders_per_minute;
  const auto admitted = count_.admit(boot_time(), static_cast<std::uint64_t>(most));
  if (!admitted) {
    return refuse(
        Outcomes::Refused,
        fmt::format("without a count of orders none is carried out: {}", admitted.error().message));
  }
  if (!*admitted) {
    return refuse(Outcomes::RateLimited,
                  fmt::format("there were {} orders in the last minute, the most allowed "
                              "([actuator] max_orders_per_minute)",
                              most));
  }
  return gate;
}

void Executor::relink(const orders::Order& order, uid_t peer, Reply reply) {
  const Gate* gate = admit(peer, reply);
  if (gate == nullptr) return;
  const auto permit = gate->permits(order);
  if (!permit) return reply({Outcomes::Refused, permit.error().message});
  if (order.socket) return reply(destroy(*order.socket, *gate, *permit));
  run(*gate, *permit, std::move(reply));
}

void Executor::set_sysctl(const orders::Order& order, uid_t peer, const Reply& reply) {
  const Gate* gate = admit(peer, reply);
  if (gate == nullptr) return;
  const auto wanted = gate->wanted(order.key);
  if (!wanted) return reply({Outcomes::Refused, wanted.error().message});
  const auto now = kernel::read_sysctl(order.key);
  if (!now) return reply({Outcomes::Unsupported, now.error().message});
  const std::string value = std::to_string(*wanted);
  if (*now == value) return reply({Outcomes::Gone, fmt::format("it is {} already", value)});
  if (const auto set = kernel::write_sysctl(order.key, value); !set) {
    return reply({Outcomes::Failed, set.error().message});
  }
  reply({Outcomes::Done, fmt::format("it was {} and is {} again", *now, value)});
}

Outcome Executor::destroy(const orders::SocketName& name, const Gate& gate,
                          const Gate::Permit& permit) {
  if (!lister_ || !destroyer_) {
    return {Outcomes::Unsupported, (!lister_ ? lister_.error() : destroyer_.error()).message};
  }
  kernel::TcpSocket asked;
  asked.local = name.local;
  asked.remote = name.remote;
  asked.v6 = name.v6;
  asked.interface = name.interface;
  asked.cookie = name.cookie;
  const auto seen = lister_->again(asked);
  if (!seen) return {Outcomes::Failed, seen.error().message};
  std::optional<std::string> cgroup;
  if (*seen && cgroups_ && (*seen)->cgroup != 0) {
    cgroup = cgroups_->path((*seen)->cgroup, loop_.now().at);
  }
  if (auto objection = gate.objection(permit, name, *seen, cgroup.value_or(""))) {
    return *std::move(objection);
  }
  const auto destroyed = destroyer_->destroy(**seen);
  if (destroyed) return {Outcomes::Done, "the socket was destroyed"};
  switch (destroyed.error().code) {
    case ENOENT: return {Outcomes::Gone, destroyed.error().message};
    case EOPNOTSUPP:
    case EPERM: return {Outcomes::Unsupported, destroyed.error().message};
    default: return {Outcomes::Failed, destroyed.error().message};
  }
}

void Executor::run(const Gate& gate, const Gate::Permit& permit, Reply reply) {
  const config::Action& action = *permit.action;
  const std::string& unit = permit.app->match.unit;
  if (units_.under_way() >= kMostJobs) {
    return reply({Outcomes::RateLimited,
                  fmt::format("{} jobs are under way, as many as there may be", kMostJobs)});
  }
  if (action.verb == RelinkVerb::Signal) {
    const auto number = signal_number(action.argument);
    if (!number) return reply({Outcomes::Unsupported, "there is no such signal here"});
    // Others than services have no main process.
    if (systemd_ && unit.ends_with(".service")) {
      return units_.signal(unit, *number, std::move(reply));
    }
    return reply(signal_processes(gate.matcher(), permit.index, *number));
  }
  if (!systemd_) {
    return reply({Outcomes::Unsupported, "systemd does not run here, which has the units"});
  }
  switch (action.verb) {
    case RelinkVerb::Reload: return units_.run(Units::Verb::Reload, unit, std::move(reply));
    case RelinkVerb::Restart: return units_.run(Units::Verb::Restart, unit, std::move(reply));
    case RelinkVerb::Start:
      return units_.run(Units::Verb::Start, action.argument, std::move(reply));
    case RelinkVerb::DestroySockets:
    case RelinkVerb::Signal: break;  // above
  }
}

void Executor::log(const orders::Order& order, uid_t peer, const Outcome& outcome) {
  const bool turned_away =
      outcome.result == Outcomes::Refused || outcome.result == Outcomes::RateLimited;
  const bool fine = outcome.result == Outcomes::Done || outcome.result == Outcomes::Gone;
  journal::Entry entry;
  const bool sysctl = order.kind == orders::Order::Kind::Sysctl;
  const auto acted = sysctl ? journal::Event::SysctlApplied : journal::Event::RelinkActed;
  entry.event = turned_away || (sysctl && !fine) ? journal::Event::Degraded : acted;
  entry.priority = fine ? journal::Priority::Notice : journal::Priority::Warning;
  entry.message = turned_away ? fmt::format("an order of uid {} was refused: {}: {}", peer,
                                            in_words(order), outcome.detail)
                              : fmt::format("{}: {}", in_words(order), outcome.detail);
  entry.result = orders::kResultNames[outcome.result];
  if (sysctl) return write(entry);
  // Names that nobody has checked would each have a rate limit of their own.
  if (!turned_away) entry.endpoint = order.endpoint;
  if (order.socket) entry.node = order.socket->remote.to_string();
  entry.incident = order.incident;
  entry.app = printable(order.app);
  entry.action = core::kRelinkVerbNames[order.verb];
  write(entry);
}

}  // namespace relinkd::actuator
