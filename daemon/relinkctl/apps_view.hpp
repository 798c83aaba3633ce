// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/time.hpp"
#include "control/service.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// The apps for people: whether relinkd can act at all, and for each app a line about it, a table
/// of its sockets by node and state, and below that the unprotected sockets and those in trouble,
/// what is out of sight, and what was done last.
std::string render_apps(const control::AppsView& apps, WallTime now, const Screen& screen);

}  // namespace relinkd::relinkctl
