// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace relinkd::relinkctl {

/// An Error for the first of `names` that is none of `known`, with the nearest of those. `kind`:
/// "endpoint", "app".
Result<void> all_known(std::span<const std::string> names, std::string_view kind,
                       std::span<const std::string_view> known);

}  // namespace relinkd::relinkctl
