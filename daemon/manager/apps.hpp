// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/relinker.hpp"
#include "apps/tracer.hpp"
#include "control/service.hpp"
#include "core/relink_planner.hpp"
#include "manager/app_closes.hpp"
#include "manager/app_tuning.hpp"
#include "manager/apps_memory.hpp"
#include "manager/reporter.hpp"
#include "manager/watched.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::manager {

/// The configured apps as the daemon sees them: the door through which each decision about them,
/// each action and each outcome goes. It counts, logs and publishes, once each.
class Apps : public apps::Relinker::Observer, public apps::Tracer::Owner {
 public:
  struct Surroundings {
    loop::Loop& loop;
    Reporter& reporter;
    metrics::Numbers& numbers;
    apps::ActuatorClient& actuator;
    /// Those that are watched, in the order of the configuration.
    std::function<std::vector<Watched*>()> watched;
    /// Called when something changed that outlives a restart; `at_once`: before the next action.
    std::function<void(bool at_once)> memory_changed;
  };
  Apps(Surroundings surroundings, Entropy entropy);
  ~Apps() override;
  Apps(const Apps&) = delete;
  Apps& operator=(const Apps&) = delete;

  void restore(const AppsMemory& memory) {
    relinker_.restore(memory.relinks);
    tuning_.restore(memory.unprotected);
  }
  [[nodiscard]] AppsMemory memory() const { return {relinker_.memory(), tuning_.unprotected()}; }
  void configure(const config::Settings& settings);
  void stop();
  void endpoint_changed() { relinker_.endpoint_changed(); }

  [[nodiscard]] bool paused() const;
  /// Nothing: it is not paused, or until it is resumed.
  [[nodiscard]] std::optional<WallTime> paused_until() const;
  [[nodiscard]] control::AppsView view() const;
  [[nodiscard]] control::ClosesView closes() const { return closes_.view(); }
  control::OrderView relink(const std::string& app, bool dry_run);
  control::OrderView reset(const std::string& app);
  [[nodiscard]] control::TuningView tuning() const { return tuning_.view(paused()); }
  control::OrderView tune(const std::string& app, bool revert);
  control::OrderView pause(Duration duration);
  control::OrderView resume();
  /// The endpoints of the apps that a process of this cgroup and uid belongs to; of all apps where
  /// `all`.
  [[nodiscard]] std::vector<control::SubscriptionView> subscription(const std::string& cgroup,
                                                                    uid_t uid, bool all) const;

 private:
  /// What was done last for an app and endpoint.
  struct Last {
    std::string sentence;
    WallTime at{};
  };

  void on_relink(const core::RelinkNews& news) override;
  void on_ordered(const core::RelinkOrder& order) override { closes_.on_ordered(order); }
  void on_acted(const core::RelinkOrder& order, core::RelinkOutcome outcome,
                const std::string& detail) override;
  void on_looked(bool full) override;
  void on_out_of_sight(const std::vector<std::uint64_t>& processes) override;
  void on_actuator(bool reachable, const std::string& detail) override;
  void on_blind(const std::string& why) override;
  void on_socket_event(const core::RelinkTarget& target, const core::SocketEvent& event) override;
  void on_tracing(bool active, const std::string& detail) override;
  void on_trace_lost(std::uint64_t events) override;
  void on_memory_changed(bool at_once) override { around_.memory_changed(at_once); }

  metrics::AppNumbers* numbers_of(const std::string& app);
  metrics::AppEndpointNumbers* numbers_of(const core::RelinkTarget& target);
  void report(journal::Event event, journal::Priority priority, std::string message,
              const core::RelinkNews* news = nullptr);
  [[nodiscard]] control::OrderView unknown_app(const std::string& name) const;
  [[nodiscard]] control::AppEndpointView endpoint_view(const std::string& app,
                                                       const std::string& endpoint) const;
  [[nodiscard]] std::string action_text(const core::RelinkTarget& target, std::size_t rung,
                                        core::RelinkVerb verb) const;

  Surroundings around_;
  config::Settings settings_;
  std::vector<std::unique_ptr<metrics::AppNumbers>> numbers_;  ///< in configuration order
  std::map<core::RelinkTarget, Last> last_;
  std::string actuator_;
  AppCloses closes_;
  apps::Relinker relinker_;
  apps::Tracer tracer_;
  AppTuning tuning_;
};

}  // namespace relinkd::manager
