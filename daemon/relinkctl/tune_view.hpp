// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/service.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// The protection of the apps' live sockets: a table for each app, with what was changed and what
/// would be below it.
std::string render_tuning(const control::TuningView& tuning, const Screen& screen);

}  // namespace relinkd::relinkctl
