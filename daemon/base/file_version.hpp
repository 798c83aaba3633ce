// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

#include <sys/stat.h>

namespace relinkd {

/// What tells one state of a file or folder from the next: written anew in place, replaced, or
/// given to another owner or mode. st_ctim, since every change moves it and nobody can set it.
struct FileVersion {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;

  static FileVersion of(const struct stat& s) {
    return {s.st_dev, s.st_ino, s.st_size, s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
  }
  friend auto operator<=>(const FileVersion&, const FileVersion&) = default;
};

}  // namespace relinkd
