// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "config/values.hpp"

namespace relinkd::config {

// The settings of [[app]] and [actuator] that are no plain numbers.

/// A unit that holds processes.
Codec matched_unit(std::string& value);
Codec cgroup_glob(std::string& value);
/// A user of this host, by name or uid. Whether it exists is not asked.
Codec system_user(std::string& value);
/// Whether there are such endpoints is not asked.
Codec endpoint_names(std::vector<std::string>& value);
Codec actions(std::vector<Action>& value);
/// true, false, or a table of what the app's connections are given.
Codec protection(Protect& value);

}  // namespace relinkd::config
