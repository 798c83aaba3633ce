// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/time.hpp"
#include "control/service.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// The status for people: a line about relinkd, a table of the nodes, and under those that are not
/// well the sentence that says why; then what the endpoint's Sentinels, slots, maintenance, former
/// primaries and last failover are worth telling, open incidents and idle cuts.
std::string render_status(const control::StatusView& status, WallTime now, const Screen& screen);

}  // namespace relinkd::relinkctl
