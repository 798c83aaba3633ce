// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "base/time.hpp"

namespace relinkd::kernel {

/// The cgroups (v2) of this host: which path an id stands for, and which processes are in one.
/// Needs no privilege. An id is the inode number of the cgroup's folder, generation included: no
/// other cgroup ever has it.
class Cgroups {
 public:
  /// Finds the cgroup2 mount, wherever it is (/proc/self/mountinfo): one that shows all cgroups of
  /// this cgroup namespace, so that its paths are those of /proc/PID/cgroup. The Error: there is
  /// none.
  static Result<Cgroups> open();

  [[nodiscard]] const std::string& mount() const { return mount_; }

  /// The path below the mount, "/system.slice/checkout.service", "/" for the root. An id that is
  /// not known makes it read the tree anew, at most every kReread, and once for all ids that are
  /// asked for at one time `now`, which must have existed before; of more than kMost cgroups the
  /// rest is not known. A cgroup that is gone keeps its path for kKeep, so that the sockets which
  /// outlive it keep their owner. Nothing: not known.
  std::optional<std::string> path(std::uint64_t id, MonoTime now);

  static constexpr Duration kReread = 1s;
  static constexpr Duration kKeep = 10min;
  static constexpr std::size_t kMost = 100'000;

 private:
  struct Entry {
    std::optional<std::string> path;  ///< nothing: it was gone before its path was known
    std::optional<MonoTime> gone;     ///< since when
  };

  explicit Cgroups(std::string mount) : mount_(std::move(mount)) {}
  void read(MonoTime now);

  std::string mount_;
  std::unordered_map<std::uint64_t, Entry> known_;
  std::optional<MonoTime> read_at_;
};

/// Whether `path` is the cgroup `cgroup` or below it. Nothing is within the empty path.
bool is_within(std::string_view path, std::string_view cgroup);

/// The pids in a cgroup and all below it (cgroup.procs), as this pid namespace names them, each
/// once, sorted; those it cannot name (0) are left out. At most `most`. The Error: there is no such
/// cgroup, or `path` leaves the mount.
Result<std::vector<pid_t>> pids_of(const std::string& mount, const std::string& path,
                                   std::size_t most = 10'000);

}  // namespace relinkd::kernel
