// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"

namespace relinkd::kernel {

/// What /proc tells of a process to everybody.
struct ProcessFacts {
  uid_t uid = 0;             ///< effective
  std::string cgroup;        ///< the path of /proc/PID/cgroup's line "0::"; empty: no cgroup v2
  std::uint64_t caught = 0;  ///< SigCgt: bit n-1 for signal n (proc(5))
  [[nodiscard]] bool catches(int signal) const {
    return signal > 0 && signal <= 64 && ((caught >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
  }
};
/// Nothing: there is no such process (any more), or /proc hides it.
std::optional<ProcessFacts> process_facts(pid_t pid);

/// Whether a process is in another network namespace than this one. Needs no privilege, although
/// /proc/PID/ns/net does: each namespace has its own files in /proc/PID/net, so their inode numbers
/// tell. Nothing: cannot be known; the process ended, or /proc hides it.
std::optional<bool> in_other_netns(pid_t pid);

/// All pids of this pid namespace (/proc), in no order.
Result<std::vector<pid_t>> all_pids();

/// Sends `signal` to the process, unless it ended and its pid was given to another one since it
/// was looked at: by pidfd (pidfd_open(2), Linux 5.3), whose process is checked to still be in
/// `cgroup` (path or below) and to catch the signal. The Error says what was found instead; its
/// code is ESRCH if the process ended or is not in that cgroup, EOPNOTSUPP if it does not catch
/// the signal, else the system's.
Result<void> signal_process(pid_t pid, const std::string& cgroup, int signal);

}  // namespace relinkd::kernel
