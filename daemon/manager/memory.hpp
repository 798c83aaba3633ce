// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "manager/apps_memory.hpp"
#include "manager/reporter.hpp"
#include "state/state.hpp"
#include "watch/endpoint.hpp"

namespace relinkd::manager {

/// What is remembered over a restart: state.json in $STATE_DIRECTORY, which systemd sets for
/// StateDirectory= (systemd.exec(5)). Without it nothing is kept on disk, only over a reload.
class Memory {
 public:
  using Collect =
      std::function<std::vector<std::pair<const config::Endpoint*, watch::Endpoint::Memory>>()>;
  using CollectApps = std::function<AppsMemory()>;

  Memory(loop::Loop& loop, Reporter& reporter, Collect collect, CollectApps collect_apps);

  /// A file that is bad is reported, and counts as none.
  void load();
  /// What is known of an endpoint of this name and URL.
  [[nodiscard]] std::optional<watch::Endpoint::Memory> of(const config::Endpoint& endpoint) const;
  /// What is known of apps; as of this boot of the host, cookies of before mean nothing.
  [[nodiscard]] AppsMemory of_apps() const;
  /// Within a second, once for all that changes meanwhile.
  void save_soon();
  void save();

 private:
  loop::Loop& loop_;
  Reporter& reporter_;
  Collect collect_;
  CollectApps collect_apps_;
  std::string path_;  ///< empty: none
  state::State state_;
  bool told_failure_ = false;
  loop::Deadline save_at_;
};

}  // namespace relinkd::manager
