// SPDX-License-Identifier: Apache-2.0
#include "manager/app_tuning.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/text.hpp"
#include "manager/relink_texts.hpp"

namespace relinkd::manager {

namespace {

control::SocketOptionsView options_view(const core::SocketOptions& options) {
  return {options.keepalive, options.idle, options.interval,
          static_cast<std::uint64_t>(std::max(options.count, 0)), options.user_timeout};
}

/// "keepalive after 5s idle, 3 probes each 1s, and a user timeout of 8s".
std::string options_text(const core::SocketOptions& options) {
  return fmt::format("keepalive after {} idle, {} each {}, and a user timeout of {}",
                     to_config_text(options.idle),
                     plural(static_cast<std::uint64_t>(options.count), "probe"),
                     to_config_text(options.interval), to_config_text(options.user_timeout));
}

/// "17 connections to sessions are".
std::string connections(const core::TuneNews& news, std::string_view one, std::string_view many) {
  return fmt::format("{} to {} {}", plural(news.sockets, "connection"), news.target.endpoint,
                     news.sockets == 1 ? one : many);
}

}  // namespace

AppTuning::AppTuning(loop::Loop& loop, apps::ActuatorClient& actuator, Reporter& reporter)
    : reporter_(reporter),
      protector_(loop, actuator, [this](const core::TuneNews& news) { on_news(news); }) {}

void AppTuning::configure(const config::Settings& settings) {
  settings_ = settings;
  protector_.configure(settings);
}

// --- the door ---------------------------------------------------------------------------------

void AppTuning::on_news(const core::TuneNews& news) {
  using Kind = core::TuneNews::Kind;
  journal::Entry e;
  e.event = journal::Event::SocketsProtected;
  e.priority = journal::Priority::Notice;
  e.app = news.target.app;
  e.endpoint = news.target.endpoint;
  const std::string& app = news.target.app;
  switch (news.kind) {
    case Kind::Protected:
      e.message = fmt::format("{}: {} protected, and new ones will be: {}", app,
                              connections(news, "is", "are"), options_text(news.wanted));
      break;
    case Kind::Would:
      e.message = fmt::format("{}: {} be protected if the mode were act: {}", app,
                              connections(news, "would", "would"), options_text(news.wanted));
      e.result = core::kRelinkResultNames[core::RelinkResult::Would];
      break;
    case Kind::Reverted:
      e.event = journal::Event::SocketsReverted;
      e.message = fmt::format(
          "{}: {} again; the app stays unprotected until `relinkctl tune apply "
          "{}`",
          app, connections(news, "has its own options", "have their own options"), app);
      break;
    case Kind::NotDone:
      e.event = journal::Event::Degraded;
      e.priority = journal::Priority::Warning;
      e.message = fmt::format("{}: {} be looked at or protected: {}", app,
                              connections(news, "could not", "could not all"), news.detail);
      break;
  }
  reporter_.report(std::move(e));
}

// --- for the metrics and relinkctl ------------------------------------------------------------

const core::SocketOptions* AppTuning::options(const apps::FollowedSocket& one) const {
  const core::SocketTuning* known = protector_.planner().find(one.socket.cookie);
  return known != nullptr && known->now ? &*known->now : nullptr;
}

bool AppTuning::unprotected(const apps::FollowedSocket& one) const {
  const core::SocketOptions* known = options(one);
  return known != nullptr ? !core::looked_after(*known) : one.state.unprotected();
}

Duration AppTuning::hangs_for(const apps::FollowedSocket& one, Duration give_up) const {
  const core::SocketOptions* known = options(one);
  if (!one.state.waits()) {
    return known != nullptr ? core::noticed_in_flight(*known, give_up) : give_up;
  }
  return known != nullptr ? core::noticed_when_idle(*known).value_or(Duration::zero())
                          : Duration::zero();
}

bool AppTuning::tuned(const apps::FollowedSocket& one) const {
  const core::SocketTuning* known = protector_.planner().find(one.socket.cookie);
  return known != nullptr && known->before;
}

control::TuningEndpointView AppTuning::endpoint_view(const core::RelinkTarget& target) const {
  control::TuningEndpointView v;
  v.endpoint = target.endpoint;
  const core::TuneRules* rules = protector_.planner().rules(target);
  if (rules != nullptr && rules->wanted) v.wanted = options_view(*rules->wanted);
  using Change = std::tuple<bool, control::SocketOptionsView, control::SocketOptionsView>;
  std::map<Change, std::uint64_t> changes;
  for (const core::SocketTuning* one : protector_.planner().sockets(target)) {
    ++v.sockets;
    if (!one->now) {
      ++v.unseen;
      continue;
    }
    if (one->before) {
      ++v.tuned;
      ++changes[{true, options_view(*one->before), options_view(*one->now)}];
      continue;
    }
    const core::SocketOptions would =
        v.wanted ? core::protect(*one->now, *rules->wanted) : *one->now;
    const bool strict = v.wanted ? would == *one->now : core::looked_after(*one->now);
    ++(strict ? v.strict : v.loose);
    if (would != *one->now) ++changes[{false, options_view(*one->now), options_view(would)}];
  }
  for (const auto& [change, sockets] : changes) {
    const auto& [done, before, after] = change;
    v.changes.push_back({sockets, done, before, after});
  }
  std::stable_sort(v.changes.begin(), v.changes.end(),
                   [](const auto& a, const auto& b) { return a.sockets > b.sockets; });
  if (v.changes.size() > v.kMostChanges) v.changes.resize(v.kMostChanges);
  return v;
}

control::TuningView AppTuning::view(bool paused) const {
  control::TuningView v;
  v.paused = paused;
  v.unsupported = protector_.planner().unsupported().value_or("");
  for (const config::App& app : settings_.apps) {
    control::TuningAppView a;
    a.name = app.name;
    a.mode = config::kModeNames[settings_.mode_of(app)];
    a.reverted = protector_.planner().reverted().contains(app.name);
    for (const std::string& e : app.endpoints) a.endpoints.push_back(endpoint_view({app.name, e}));
    v.apps.push_back(std::move(a));
  }
  return v;
}

// --- a person's orders ------------------------------------------------------------------------

bool AppTuning::acts(const config::App& app) const {
  return settings_.mode_of(app) == config::Mode::Act;
}

control::OrderView AppTuning::tune(const std::string& app, bool revert, bool paused) {
  control::OrderView v;
  std::vector<std::string> names;
  for (const config::App& one : settings_.apps) {
    names.push_back(one.name);
    if (!app.empty() && app != one.name) continue;
    v.accepted = true;
    v.lines.push_back(revert ? this->revert(one) : apply(one, paused));
  }
  if (!v.accepted) {
    v.lines.push_back(app.empty() ? "no app is configured" : unknown_app_text(app, names));
  }
  return v;
}

std::string AppTuning::apply(const config::App& app, bool paused) {
  protector_.apply(app.name);
  if (!app.protect.wanted) {
    return fmt::format("{}: nothing is changed, since its protect is false", app.name);
  }
  if (!acts(app)) {
    return fmt::format(
        "{}: nothing is changed in mode observe; `relinkctl tune show {}` says what "
        "would be",
        app.name, app.name);
  }
  if (paused) {
    return fmt::format(
        "{}: its connections are protected when relinkd is no longer paused "
        "(`relinkctl resume`)",
        app.name);
  }
  return fmt::format("{}: its connections are being protected; `relinkctl tune show {}` tells",
                     app.name, app.name);
}

std::string AppTuning::revert(const config::App& app) {
  protector_.revert(app.name);
  return fmt::format(
      "{}: what relinkd changed is being put back, and the app stays unprotected "
      "until `relinkctl tune apply {}`; `relinkctl tune show {}` tells",
      app.name, app.name, app.name);
}

}  // namespace relinkd::manager
