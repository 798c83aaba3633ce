// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace relinkd::kernel {

/// The file of a sysctl below /proc/sys. `key` is written as sysctl.d(5) allows: where the first
/// separator is a dot, dots separate and a slash stands for a dot within a name
/// ("net.ipv4.conf.eth0/100.rp_filter"); where it is a slash, it is the reverse. An Error for a key
/// that is no such name: empty parts, "." and "..", other characters.
Result<std::string> sysctl_path(std::string_view key);

/// The value of a sysctl in this process's namespaces, without the newline. code is ENOENT where
/// this kernel has no such sysctl.
Result<std::string> read_sysctl(std::string_view key);

/// The same of one whose value is a number; nothing where it cannot be read, or is none.
std::optional<std::int64_t> read_sysctl_number(std::string_view key);

/// The time after which the kernel ends a connection whose data nobody acknowledges, by its sysctls
/// as they are (core::GiveUp::earliest); zero: not known.
Duration give_up_now();

/// Sets a sysctl in this process's namespaces. The Error says what to do about it; its code is
/// ENOENT where this kernel has no such sysctl, EROFS, EACCES or EPERM where it may not be set from
/// here, EINVAL where the kernel does not take the value.
Result<void> write_sysctl(std::string_view key, std::string_view value);

}  // namespace relinkd::kernel
