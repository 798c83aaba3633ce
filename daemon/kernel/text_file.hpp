// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace relinkd::kernel {

/// The text of a file of the kernel's (proc, sysfs, cgroup2), `most` bytes of it at most: what
/// stands behind is left out. The Error has the errno.
Result<std::string> read_text(const std::string& path, std::size_t most);

}  // namespace relinkd::kernel
