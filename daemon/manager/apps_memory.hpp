// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "apps/relinker.hpp"
#include "state/state.hpp"

namespace relinkd::manager {

/// What outlives a restart.
struct AppsMemory {
  apps::Relinker::Memory relinks;
  /// Apps of whose live connections a person took the protection back.
  std::set<std::string, std::less<>> unprotected;
};

/// What is known of apps, into the state that is written and back. The file has wall time, since
/// the monotonic clock begins anew with each boot. After a reboot all sockets are others: what was
/// under way is over, and only limits are kept.
void save_apps(const AppsMemory& memory, state::State& state);
AppsMemory load_apps(const state::State& state);

}  // namespace relinkd::manager
