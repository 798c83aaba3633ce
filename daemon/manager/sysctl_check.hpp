// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "config/settings.hpp"
#include "manager/reporter.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::manager {

/// Compares the wanted sysctls with the kernel's values at start and every check_interval; reports
/// a difference once, and its end.
class SysctlCheck {
 public:
  SysctlCheck(loop::Loop& loop, Reporter& reporter, metrics::Numbers& numbers);

  /// Takes over the settings and checks at once.
  void configure(const config::Sysctl& settings);

 private:
  void check();

  loop::Loop& loop_;
  Reporter& reporter_;
  metrics::Numbers& numbers_;
  config::Sysctl settings_;
  std::map<std::string, bool> was_ok_;
  loop::Deadline next_;
};

}  // namespace relinkd::manager
