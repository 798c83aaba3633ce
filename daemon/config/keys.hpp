// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "config/values.hpp"

namespace relinkd::config {

/// Meets the keys of a table one by one, in the order of settings.hpp. What there is to configure
/// is said once, in keys.cpp; reading it and listing it are two visits.
class KeyVisitor {
 public:
  virtual ~KeyVisitor() = default;
  virtual void key(std::string_view name, const Codec& codec) = 0;
  virtual void table(std::string_view name, const std::function<void(KeyVisitor&)>& keys) = 0;
  /// A table whose keys are names of sysctls.
  virtual void sysctls(std::string_view name, std::map<std::string, std::int64_t>& values) = 0;
};

/// The keys outside of tables.
void visit_top(KeyVisitor& visitor, Settings& settings);
void visit_metrics(KeyVisitor& visitor, Metrics& metrics);
void visit_control(KeyVisitor& visitor, Control& control);
void visit_actuator(KeyVisitor& visitor, Actuator& actuator);
void visit_watch(KeyVisitor& visitor, Watch& watch);
void visit_endpoint(KeyVisitor& visitor, Endpoint& endpoint);
void visit_app(KeyVisitor& visitor, App& app);
void visit_sysctl(KeyVisitor& visitor, Sysctl& sysctl);

}  // namespace relinkd::config
