// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace relinkd::kernel {

/// The file of a sysctl below /proc/sys. `key` is written as sysctl.d(5) allows: where the first
/// separator is a dot, dots separate and a slash stands for a dot within a name
/// ("net.ipv4.conf.eth0/100.rp_filter"); where it is a slash, it is the reverse. An Error for a key
/// that is no such name: empty parts, "." and "..", other characters.
Result<std::string> sysctl_path(std::string_view key);

/// The value of a sysctl in this process's namespaces, without the newline. code is ENOENT where
/// this kernel has no such sysctl.
Result<std::string> read_sysctl(std::string_view key);

/// Sets a sysctl in this process's namespaces. The Error says what to do about it; its code is
/// ENOENT where this kernel has no such sysctl, EROFS, EACCES or EPERM where it may not be set from
/// here, EINVAL where the kernel does not take the value.
Result<void> write_sysctl(std::string_view key, std::string_view value);

}  // namespace relinkd::kernel
