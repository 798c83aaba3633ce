// SPDX-License-Identifier: Apache-2.0
#include "manager/memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace relinkd::manager {

namespace {

std::string state_path() {
  const char* folders =
      std::getenv("STATE_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): one thread
  if (folders == nullptr || *folders == '\0') return {};
  // Several are separated by colons; relinkd's unit has one.
  const std::string_view list(folders);
  return std::string(list.substr(0, list.find(':'))) + "/state.json";
}

}  // namespace

Memory::Memory(loop::Loop& loop, Reporter& reporter, Collect collect, CollectApps collect_apps)
    : loop_(loop),
      reporter_(reporter),
      collect_(std::move(collect)),
      collect_apps_(std::move(collect_apps)),
      path_(state_path()),
      save_at_(loop.deadlines(), [this] { save(); }) {}

void Memory::load() {
  if (path_.empty()) return;
  auto state = state::read_file(path_);
  if (state) {
    state_ = std::move(*state);
    return;
  }
  journal::Entry e;
  e.event = journal::Event::Degraded;
  e.priority = journal::Priority::Warning;
  e.message =
      fmt::format("what was remembered is lost: {}; relinkd begins anew", state.error().message);
  reporter_.report(std::move(e));
}

std::optional<watch::Endpoint::Memory> Memory::of(const config::Endpoint& endpoint) const {
  const auto it = state_.endpoints.find(endpoint.name);
  if (it == state_.endpoints.end() || it->second.url != endpoint.url.to_string()) {
    return std::nullopt;
  }
  const state::EndpointState& known = it->second;
  watch::Endpoint::Memory m;
  m.primary = known.primary;
  m.last_proof = known.last_proof;
  m.believed = HostPort::parse(known.believed);
  m.epoch = known.epoch;
  for (const auto& former : known.formers) {
    const auto address = Address::parse_with_port(former.node);
    const auto same = [&](const watch::Former& f) { return f.address == address; };
    if (address && std::none_of(m.formers.begin(), m.formers.end(), same)) {
      m.formers.push_back({*address, former.demoted});
    }
  }
  return m;
}

AppsMemory Memory::of_apps() const { return load_apps(state_); }

void Memory::save_soon() {
  if (save_at_.due() == kNever) save_at_.set(loop_.now().at + 1s);
}

void Memory::save() {
  save_at_.clear();
  state_.endpoints.clear();
  for (const auto& [settings, known] : collect_()) {
    state::EndpointState& s = state_.endpoints[settings->name];
    s.url = settings->url.to_string();
    s.primary = known.primary;
    s.last_proof = known.last_proof;
    s.believed = known.believed ? known.believed->to_string() : "";
    s.epoch = known.epoch;
    for (const auto& former : known.formers) {
      s.formers.push_back({former.address.to_string(), former.demoted});
    }
  }
  save_apps(collect_apps_(), state_);
  if (path_.empty()) return;
  const auto written = state::write_file(path_, state_);
  if (written) {
    told_failure_ = false;
    return;
  }
  if (std::exchange(told_failure_, true)) return;
  journal::Entry e;
  e.event = journal::Event::Degraded;
  e.priority = journal::Priority::Warning;
  e.message = fmt::format(
      "what is known of former primaries and apps will be forgotten at the next restart: {}",
      written.error().message);
  reporter_.report(std::move(e));
}

}  // namespace relinkd::manager
