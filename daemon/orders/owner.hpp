// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace relinkd::orders {

/// Whose a socket or process is: the same answer in relinkd, which decides, and in the actuator,
/// which checks.
class AppMatcher {
 public:
  /// Resolves user names to uids once (getpwnam(3)). An app whose user does not exist, or cannot be
  /// looked up now, matches nothing; `unresolved` tells which, by name.
  explicit AppMatcher(const std::vector<config::App>& apps);

  /// Whether a process or socket of this cgroup (path below the cgroup v2 mount; empty: not known)
  /// and uid is the app's: everything that its match gives fits. A unit fits a path with that unit
  /// as one of its folders ("/system.slice/checkout.service/worker"), so that a unit in a container
  /// of another manager fits, too; a '_' that systemd put before it (its cg_escape():
  /// "memory.service" is in "_memory.service") is left out. Of a cgroup glob, config::Match says
  /// what it fits. Where the cgroup is not known, unit and cgroup fit nothing. `app` is the place
  /// in the list that the matcher was made of.
  [[nodiscard]] bool fits(std::size_t app, std::string_view cgroup, uid_t uid) const;
  /// Of several apps that fit, the first in the order of the configuration which names `endpoint`.
  [[nodiscard]] std::optional<std::size_t> owner(std::string_view cgroup, uid_t uid,
                                                 std::string_view endpoint) const;
  [[nodiscard]] const std::vector<std::string>& unresolved() const { return unresolved_; }

 private:
  struct Entry {
    config::Match match;
    std::optional<uid_t> uid;
    bool resolved = true;
    std::vector<std::string> endpoints;
  };
  std::vector<Entry> entries_;
  std::vector<std::string> unresolved_;
};

/// A user's uid: of digits the number itself, whether or not there is such a user (nothing for
/// 4294967295, which is none), else what the name is in the user database.
std::optional<uid_t> uid_of(const std::string& user);

}  // namespace relinkd::orders
