// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relinkd::kernel {

/// One line of /proc/PID/mountinfo (proc(5)).
struct Mount {
  std::string root;   ///< the folder of that filesystem which is mounted; "/" for the whole
  std::string point;  ///< where
  friend bool operator==(const Mount&, const Mount&) = default;
};

/// The mounts of a filesystem type, in the file's order. Lines that are malformed are passed over.
/// Its octal escapes ("\040") are undone.
std::vector<Mount> mounts_of_type(std::string_view mountinfo, std::string_view type);

}  // namespace relinkd::kernel
