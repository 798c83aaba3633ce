// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace relinkd::manager {

/// A new incident's id: unique enough to search for, and readable: for whom, and when (now, UTC).
std::string new_incident_id(const std::string& name);

}  // namespace relinkd::manager
