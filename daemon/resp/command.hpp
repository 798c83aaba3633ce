// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace relinkd::resp {

/// A command in RESP's multi-bulk form, binary safe (redisFormatCommandArgv). The arguments may
/// hold a secret: the caller wipes the result where one does.
std::string format_command(std::span<const std::string_view> arguments);
std::string format_command(std::initializer_list<std::string_view> arguments);

}  // namespace relinkd::resp
