// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/actuator_client.hpp"
#include "apps/census.hpp"
#include "apps/protector.hpp"
#include "config/settings.hpp"
#include "control/service.hpp"
#include "manager/reporter.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::manager {

/// The protection of the apps' live sockets as the daemon shows it: the door through which its news
/// goes to the journal, and what `relinkctl tune` and `apps` tell of it.
class AppTuning {
 public:
  AppTuning(loop::Loop& loop, apps::ActuatorClient& actuator, Reporter& reporter);

  /// Apps of which a person took the protection back before a restart; before configure(), if at
  /// all. And those that there are.
  void restore(std::set<std::string, std::less<>> unprotected) {
    protector_.restore(std::move(unprotected));
  }
  [[nodiscard]] const std::set<std::string, std::less<>>& unprotected() const {
    return protector_.planner().reverted();
  }
  void configure(const config::Settings& settings);
  /// After each full look of the census.
  void looked(const apps::Census& census, bool paused) { protector_.looked(census, paused); }
  void actuator_changed() { protector_.actuator_changed(); }

  /// If its path died while it is idle, that would not be noticed within a minute. By its options,
  /// where these are known; else whether a keepalive timer looks after it.
  [[nodiscard]] bool unprotected(const apps::FollowedSocket& one) const;
  /// AppSocketView::hangs_for. `give_up`: the kernel's time by tcp_retries2; 0: not known.
  [[nodiscard]] Duration hangs_for(const apps::FollowedSocket& one, Duration give_up) const;
  /// relinkd's options are in force on it.
  [[nodiscard]] bool tuned(const apps::FollowedSocket& one) const;

  [[nodiscard]] control::TuningView view(bool paused) const;
  /// Empty: all apps.
  control::OrderView tune(const std::string& app, bool revert, bool paused);

 private:
  void on_news(const core::TuneNews& news);
  [[nodiscard]] const core::SocketOptions* options(const apps::FollowedSocket& one) const;
  [[nodiscard]] control::TuningEndpointView endpoint_view(const core::RelinkTarget& target) const;
  [[nodiscard]] bool acts(const config::App& app) const;
  std::string apply(const config::App& app, bool paused);
  std::string revert(const config::App& app);

  Reporter& reporter_;
  config::Settings settings_;
  apps::Protector protector_;
};

}  // namespace relinkd::manager
