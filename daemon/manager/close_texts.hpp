// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/service.hpp"
#include "core/closes.hpp"

namespace relinkd::manager {

/// What is told of closes in the log: a sentence.
std::string close_text(const core::CloseNews& news);

/// And of one, to those who ask.
control::CloseView close_view(const core::AppClose& close, WallTime time);

}  // namespace relinkd::manager
