// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "control/server.hpp"
#include "control/service.hpp"
#include "manager/apps.hpp"
#include "manager/memory.hpp"
#include "manager/reporter.hpp"
#include "manager/sysctl_check.hpp"
#include "manager/watched.hpp"
#include "metrics/http_server.hpp"
#include "metrics/numbers.hpp"
#include "metrics/protection.hpp"

namespace relinkd::manager {

/// What the command line says.
struct Options {
  std::string config_file;
  std::vector<std::string> extra_urls;
};

/// Reads the files and loads the configuration, with everything that can be checked without
/// connecting: the text, and the files that it names (secrets, certificates). Errors are sentences
/// with their place.
struct Checked {
  config::Loaded loaded;
  metrics::Protection protection;  ///< of the metrics port
  std::vector<std::string> errors;
};
Checked check_configuration(const Options& options);

/// The daemon: owns the endpoints, the ports and the numbers, and carries out reloads.
class Manager : public control::Service {
 public:
  Manager(loop::Loop& loop, journal::Journal& journal, Options options);
  ~Manager() override;
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// Takes up the work with a configuration that was checked. A port or socket that cannot be had
  /// is reported, and the rest goes on; what cannot work at all is an Error.
  Result<void> start(Checked checked);
  void stop();

  control::Access access(const control::Peer& peer) override;
  control::StatusView status() override;
  std::vector<control::EventView> recent_events() override;
  std::vector<control::OriginView> config() override;
  control::ReloadView reload() override;
  control::AppsView apps() override { return apps_.view(); }
  control::ClosesView closes() override { return apps_.closes(); }
  control::OrderView relink(const std::string& app, bool dry_run) override;
  control::OrderView reset(const std::string& app) override { return apps_.reset(app); }
  control::TuningView tuning() override { return apps_.tuning(); }
  control::OrderView tune(const std::string& app, bool revert) override {
    return apps_.tune(app, revert);
  }
  control::OrderView pause(Duration duration) override;
  control::OrderView resume() override;
  control::Subscriber subscriber(const control::Peer& peer) override;
  std::vector<control::SubscriptionView> subscription(
      const control::Subscriber& subscriber) override;

 private:
  struct Change;
  Result<Change> prepare(const config::Settings& next);
  void apply(Change change, config::Loaded loaded);
  void refresh_numbers();
  void update_status();
  void endpoint_changed();
  [[nodiscard]] std::string status_line() const;
  void open_ports(metrics::Protection protection);
  Result<std::unique_ptr<metrics::HttpServer>> serve(const config::Metrics& settings,
                                                     metrics::Protection protection);
  void degraded(std::string message);
  [[nodiscard]] std::vector<std::pair<const config::Endpoint*, watch::Endpoint::Memory>>
  remembered() const;

  loop::Loop& loop_;
  Options options_;
  Reporter reporter_;
  metrics::Numbers numbers_;
  core::LocalFaultJudge judge_;
  Entropy entropy_;
  net::Resolver resolver_;
  std::optional<kernel::RouteProbe> routes_;
  std::optional<watch::Shared> watching_;
  Shared shared_;
  config::Loaded loaded_;
  WallTime started_{};
  WallTime config_loaded_{};
  std::vector<std::unique_ptr<Watched>> endpoints_;
  apps::ActuatorClient actuator_;
  SysctlCheck sysctls_;
  Apps apps_;
  Memory memory_;
  std::unique_ptr<metrics::HttpServer> http_;
  std::unique_ptr<control::Server> control_;
  bool status_is_stale_ = false;
  bool subscriptions_are_stale_ = false;
  std::string last_status_;
};

}  // namespace relinkd::manager
