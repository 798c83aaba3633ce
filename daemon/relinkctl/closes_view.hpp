// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "control/service.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// A row for each connection that ended, and why as a sentence under it. The usual ones only
/// where `all`; else they are counted.
std::string render_closes(const std::vector<control::CloseView>& closes, bool all,
                          const Screen& screen);

}  // namespace relinkd::relinkctl
