// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "actuator/outcome.hpp"
#include "orders/owner.hpp"

namespace relinkd::actuator {

/// The number of a signal by its name as the configuration has it, "SIGUSR1"; none of the real-time
/// ones.
std::optional<int> signal_number(std::string_view name);

/// Sends the signal to those processes of the app that catch it, by pidfd: where systemd does not
/// run, or the app is no unit. For others than its own user's it needs CAP_KILL. Looks at every
/// process of the host: about 30 µs each.
Outcome signal_processes(const orders::AppMatcher& matcher, std::size_t app, int signal);

}  // namespace relinkd::actuator
