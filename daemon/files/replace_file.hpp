// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.hpp"

namespace relinkd::files {

// Each change is in one step: whoever reads `path` meanwhile finds what was there before, or all
// that is new, and after a power cut there is one of the two. What the step needs is made beside
// it, as `path`.new. A link at `path` is replaced, not followed.

/// Makes `path` a file of this text, with exactly this mode.
Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode);

/// Makes `path` a symbolic link to `target`.
Result<void> replace_by_link(const std::string& path, const std::string& target);

/// Removes `path`, if it is there.
Result<void> remove_file(const std::string& path);

}  // namespace relinkd::files
