// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/sysctl_files.hpp"

namespace relinkd::kernel {

/// The files that set sysctls at boot, and the kernel's command line, as they are now. A folder
/// that does not exist has none. What cannot be read, or is no file, is told by its `error`.
core::SysctlSources read_sysctl_files();

}  // namespace relinkd::kernel
