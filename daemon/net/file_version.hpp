// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

#include <sys/stat.h>

namespace relinkd::net {

/// What tells one state of a file from the next: written anew in place, or replaced.
struct FileVersion {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;

  static FileVersion of(const struct stat& s) {
    return {s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
  }
  friend auto operator<=>(const FileVersion&, const FileVersion&) = default;
};

}  // namespace relinkd::net
