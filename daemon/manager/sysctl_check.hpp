// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "apps/actuator_client.hpp"
#include "config/settings.hpp"
#include "core/sysctl_files.hpp"
#include "core/sysctl_guard.hpp"
#include "manager/reporter.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::manager {

/// Compares the wanted sysctls with the kernel's values at start and every check_interval; reports
/// a difference once, and its end. With `enforce` it has relinkd-actuator put the value back, says
/// that, and leaves it for a while to whoever sets another again and again.
class SysctlCheck {
 public:
  /// `may_act`: false while relinkd is to do nothing (mode observe, paused).
  SysctlCheck(loop::Loop& loop, Reporter& reporter, metrics::Numbers& numbers,
              apps::ActuatorClient& actuator, std::function<bool()> may_act);
  SysctlCheck(const SysctlCheck&) = delete;
  SysctlCheck& operator=(const SysctlCheck&) = delete;

  /// Takes over the settings and checks at once.
  void configure(const config::Settings& settings);

 private:
  struct Key {
    core::SysctlGuard guard;
    std::uint64_t order = 0;  ///< the last one; its answer is awaited, or is known
  };
  void check();
  void look_at(const std::string& key, std::int64_t wanted, const core::SysctlSources& files);
  void put_back(const std::string& key, Key& state);
  void tell_drift(const std::string& key, std::int64_t wanted, std::optional<std::int64_t> value);
  void answered(std::uint64_t order, core::SysctlAnswer answer, const std::string& detail);
  void report(journal::Event event, std::string message);

  loop::Loop& loop_;
  Reporter& reporter_;
  metrics::Numbers& numbers_;
  apps::ActuatorClient& actuator_;
  std::function<bool()> may_act_;
  config::Sysctl settings_;
  std::map<std::string, Key> keys_;
  std::uint64_t last_order_ = 0;
  loop::Deadline next_;
};

}  // namespace relinkd::manager
