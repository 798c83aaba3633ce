// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "apps/actuator_client.hpp"
#include "apps/census.hpp"
#include "config/settings.hpp"
#include "core/tune_planner.hpp"
#include "loop/loop.hpp"

namespace relinkd::apps {

/// Has the actuator look at the options of apps' live sockets and make them stricter, as the
/// planner decides.
class Protector {
 public:
  using Tell = std::function<void(const core::TuneNews&)>;

  /// `tell`: called with each piece of news, within a call of this or from the loop.
  Protector(loop::Loop& loop, ActuatorClient& actuator, Tell tell);
  Protector(const Protector&) = delete;
  Protector& operator=(const Protector&) = delete;

  void restore(std::set<std::string, std::less<>> reverted) {
    planner_.restore(std::move(reverted));
  }
  void configure(const config::Settings& settings);
  /// After each full look of the census. While paused, nothing is made stricter.
  void looked(const Census& census, bool paused);
  /// See core::TunePlanner.
  void actuator_changed() { planner_.actuator_changed(); }
  void apply(const std::string& app) { carry_out(planner_.apply(app, loop_.now().at)); }
  void revert(const std::string& app) { carry_out(planner_.revert(app, loop_.now().at)); }

  [[nodiscard]] const core::TunePlanner& planner() const { return planner_; }

 private:
  void carry_out(const core::TunePlan& plan);
  void on_answer(std::uint64_t order, const Result<ActuatorClient::Reply>& reply);

  loop::Loop& loop_;
  ActuatorClient& actuator_;
  Tell tell_;
  core::TunePlanner planner_;
  bool paused_ = false;
};

}  // namespace relinkd::apps
