// SPDX-License-Identifier: Apache-2.0
#include "manager/apps_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "loop/loop.hpp"

namespace relinkd::manager {

namespace {

/// Changes with each boot (random(4)); empty where it cannot be read.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

/// How the file has "never".
constexpr Duration kEndless = 24h * 36'500;

/// One moment on both clocks.
struct Clocks {
  MonoTime mono = loop::Loop::clock();
  WallTime wall = loop::Loop::wall();
  [[nodiscard]] WallTime to_wall(MonoTime t) const {
    if (t == MonoTime{}) return {};
    return wall + (t == kNever ? kEndless : t - mono);
  }
  [[nodiscard]] MonoTime to_mono(WallTime t) const {
    return t - wall > kEndless / 2 ? kNever : mono + (t - wall);
  }
  /// Of what was: a clock that was set back must not put it into the future.
  [[nodiscard]] MonoTime past(WallTime t) const {
    return t == WallTime{} ? MonoTime{} : std::min(to_mono(t), mono);
  }
};

std::vector<std::uint64_t> bounded(std::vector<std::uint64_t> cookies) {
  if (cookies.size() > state::kMaxCookies) cookies.resize(state::kMaxCookies);
  return cookies;
}

}  // namespace

void save_apps(const AppsMemory& memory, state::State& state) {
  const Clocks clocks;
  state.apps.clear();
  state.boot_id = boot_id();
  const core::RelinkMemory& plans = memory.relinks.plans;
  state.paused_until.reset();
  if (plans.paused_until) state.paused_until = clocks.to_wall(*plans.paused_until);
  for (const auto& [app, breaker] : plans.breakers) {
    state::AppState& s = state.apps[app];
    for (const MonoTime t : breaker.relinks) s.relinks.push_back(clocks.to_wall(t));
    if (breaker.open_until) s.breaker_open_until = clocks.to_wall(*breaker.open_until);
    s.breaker_why = breaker.why;
  }
  for (const auto& [target, t] : plans.last_disturbed) {
    state.apps[target.app].endpoints[target.endpoint].last_disturbed = clocks.to_wall(t);
  }
  for (const auto& [target, open] : plans.open) {
    state.apps[target.app].endpoints[target.endpoint].open =
        state::AppState::Open{open.incident, open.rung, clocks.to_wall(open.bad_since),
                              clocks.to_wall(open.acted), bounded(open.cookies)};
  }
  for (const auto& [target, cookies] : memory.relinks.opened_to_primary) {
    state.apps[target.app].endpoints[target.endpoint].opened_to_primary = bounded(cookies);
  }
  for (const std::string& app : memory.unprotected) state.apps[app].unprotected = true;
}

AppsMemory load_apps(const state::State& state) {
  const Clocks clocks;
  const bool same_boot = !state.boot_id.empty() && state.boot_id == boot_id();
  AppsMemory memory;
  core::RelinkMemory& plans = memory.relinks.plans;
  if (state.paused_until && *state.paused_until > clocks.wall) {
    plans.paused_until = clocks.to_mono(*state.paused_until);
  }
  for (const auto& [app, s] : state.apps) {
    core::RelinkMemory::Breaker& breaker = plans.breakers[app];
    for (const WallTime t : s.relinks) breaker.relinks.push_back(clocks.past(t));
    if (s.breaker_open_until) breaker.open_until = clocks.to_mono(*s.breaker_open_until);
    breaker.why = s.breaker_why;
    if (s.unprotected) memory.unprotected.insert(app);
    for (const auto& [endpoint, e] : s.endpoints) {
      const core::RelinkTarget target{app, endpoint};
      if (e.last_disturbed) plans.last_disturbed[target] = clocks.past(*e.last_disturbed);
      if (!same_boot) continue;
      if (e.open) {
        plans.open[target] = {e.open->incident, static_cast<std::size_t>(e.open->rung),
                              clocks.past(e.open->bad_since), clocks.past(e.open->acted),
                              e.open->cookies};
      }
      memory.relinks.opened_to_primary[target] = e.opened_to_primary;
    }
  }
  return memory;
}

}  // namespace relinkd::manager
