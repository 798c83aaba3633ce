// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"

namespace relinkd::kernel {

/// A network namespace of this host, and where it was found: at least one of `mounts` and
/// `processes` is not empty.
struct NetworkNamespace {
  std::uint64_t inode = 0;          ///< as in "net:[4026531840]"
  bool own = false;                 ///< this process's
  std::vector<std::string> mounts;  ///< where it is held, "/run/netns/blue"
  std::vector<pid_t> processes;     ///< in it, in ascending order
};

/// Every network namespace that has a process or is mounted where this process sees it, once each:
/// this one first, the others by their inodes. One that only an open descriptor or a socket keeps
/// alive is not found. Needs root: the kernel shows the namespaces of others to nobody else.
Result<std::vector<NetworkNamespace>> network_namespaces();

/// Calls `look` in that namespace, on this thread, and comes back. Needs CAP_SYS_ADMIN. The Error:
/// the namespace is gone or cannot be entered; `look` was not called. Where the way back fails,
/// which only a lack of rights can cause, this process ends.
Result<void> in_namespace(const NetworkNamespace& where, const std::function<void()>& look);

/// Whether this process's network namespace has an interface that is up, other than loopback; true
/// where that cannot be found out.
bool has_network();

}  // namespace relinkd::kernel
