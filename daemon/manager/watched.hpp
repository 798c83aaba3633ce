// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/service.hpp"
#include "core/local_fault.hpp"
#include "manager/reporter.hpp"
#include "metrics/numbers.hpp"
#include "watch/endpoint.hpp"

namespace relinkd::manager {

/// What the watched endpoints share, besides the loop.
struct Shared {
  loop::Loop& loop;
  Reporter& reporter;
  metrics::Numbers& numbers;
  core::LocalFaultJudge& judge;
  /// Called when an endpoint's being called local_fault may have changed for all.
  std::function<void()> rejudge;
  /// Called when the one line of status has changed.
  std::function<void()> status_changed;
};

/// One endpoint as the daemon sees it: the door through which each change of its state goes. It
/// counts, logs and publishes, once each. Outlives the watch::Endpoint that it observes, which a
/// reload may replace: its counters go on.
class Watched : public watch::Observer {
 public:
  Watched(Shared& shared, const std::string& name);
  ~Watched() override;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  void start(std::unique_ptr<watch::Endpoint> endpoint);
  /// Ends the watching; what is told of it goes.
  void stop();
  [[nodiscard]] watch::Endpoint& endpoint() { return *endpoint_; }

  /// Decides anew whether an unreachable endpoint is this host's fault.
  void rejudge();

  [[nodiscard]] core::Condition condition() const { return shown_; }
  [[nodiscard]] const metrics::EndpointNumbers& numbers() const { return numbers_; }
  [[nodiscard]] control::EndpointView view() const;

 private:
  void on_transition(watch::Endpoint& endpoint, const core::Transition& transition) override;
  void on_disconnected(watch::Endpoint& endpoint, const Address& address,
                       const core::Attribution& why) override;
  void on_connect_result(watch::Endpoint& endpoint, core::ConnectResult result,
                         std::optional<Duration> outage) override;
  void on_rtt(watch::Endpoint& endpoint, Duration rtt) override;
  void on_answered(watch::Endpoint& endpoint) override;
  void on_restarted(watch::Endpoint& endpoint, Duration outage) override;
  void on_certificate(watch::Endpoint& endpoint, WallTime expiry) override;
  void on_idle_cut(watch::Endpoint& endpoint, const std::optional<core::IdleCut>& cut) override;
  void on_dns_changed(watch::Endpoint& endpoint, const std::vector<Address>& before,
                      const std::vector<Address>& now, bool followed) override;
  void on_dns_failing(watch::Endpoint& endpoint, const std::string& why) override;

  void show(core::Condition condition, std::string detail, Duration since_last_proof);
  void update_incident(WallTime now);
  void update_nodes();
  [[nodiscard]] journal::Entry entry(journal::Event event, journal::Priority priority,
                                     std::string message) const;
  [[nodiscard]] bool on_this_host() const;
  [[nodiscard]] WallTime wall_of(MonoTime t) const;

  Shared& shared_;
  std::string name_;
  std::unique_ptr<watch::Endpoint> endpoint_;
  metrics::EndpointNumbers numbers_;
  core::Condition shown_ = core::Condition::Unknown;
  std::string node_detail_;  ///< of the link's own condition
  Duration node_last_proof_{};
  std::string detail_;
  WallTime since_{};
  MonoTime since_mono_{};
  std::string incident_;  ///< id; empty: none open
  MonoTime incident_opened_{};
  std::optional<core::Cause> told_cause_;  ///< by the last line, since the condition changed
  std::optional<WallTime> told_expiry_;
};

}  // namespace relinkd::manager
