// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "config/settings.hpp"
#include "core/protection.hpp"

namespace relinkd::config {

/// What the app's connections to the endpoint are to have at least: `protect` of the app, and what
/// that does not give from the endpoint's `keepalive`. Nothing: `protect = false`. The app's mode
/// is not asked. Without a user timeout of its own it is idle + interval × count, at most the
/// kernel's largest.
std::optional<core::SocketOptions> wanted_options(const App& app, const Endpoint& endpoint);

}  // namespace relinkd::config
