// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/app_socket.hpp"
#include "core/relink_planner.hpp"

namespace relinkd::manager {

/// What was decided, done or found about an app, as a sentence with figures. `action`: as the
/// configuration writes it.
std::string relink_text(const core::RelinkNews& news, const std::string& action);

/// "unit checkout.service, user www-data".
std::string match_text(const config::Match& match);

/// "no app 'chekout' is configured; did you mean 'checkout'?".
std::string unknown_app_text(const std::string& name, const std::vector<std::string>& known);

}  // namespace relinkd::manager
