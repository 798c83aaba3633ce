// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/relinker.hpp"
#include "state/state.hpp"

namespace relinkd::manager {

/// What is known of apps, into the state that is written and back. The file has wall time, since
/// the monotonic clock begins anew with each boot. After a reboot all sockets are others: what was
/// under way is over, and only limits are kept.
void save_apps(const apps::Relinker::Memory& memory, state::State& state);
apps::Relinker::Memory load_apps(const state::State& state);

}  // namespace relinkd::manager
