// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  /// Called when something changed that outlives a restart.
  std::function<void()> memory_changed;
  /// Called when an endpoint's condition, nodes or primary have changed.
  std::function<void()> endpoint_changed;
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
  /// Between start() and stop().
  [[nodiscard]] bool is_watched() const { return endpoint_ != nullptr; }
  [[nodiscard]] watch::Endpoint& endpoint() { return *endpoint_; }
  [[nodiscard]] const watch::Endpoint& endpoint() const { return *endpoint_; }

  /// Decides anew whether unreachable nodes are this host's fault.
  void rejudge();

  [[nodiscard]] core::Condition condition() const { return shown_; }
  [[nodiscard]] const metrics::EndpointNumbers& numbers() const { return numbers_; }
  [[nodiscard]] control::EndpointView view() const;

  /// Connections that were made before `at` should be replaced: a connection was half-open, or
  /// another primary has proven itself.
  struct Disturbance {
    MonoTime at{};
    WallTime wall{};
    std::string why;
  };
  [[nodiscard]] const std::optional<Disturbance>& disturbance() const { return disturbance_; }
  /// What is known of the node at this address.
  [[nodiscard]] core::Circumstances circumstances(const Address& node) const;
  /// The incident that is open, or ended within the last minute; empty: none.
  [[nodiscard]] std::string recent_incident() const;
  /// Without the app's name.
  [[nodiscard]] control::SubscriptionView subscription() const;

 private:
  /// What is told of a node.
  struct NodeState {
    core::Condition shown = core::Condition::Unknown;
    std::string detail;
    std::string link_detail;  ///< of the link's own condition
    Duration last_proof{};    ///< as of its last transition
    WallTime since{};
    MonoTime since_mono{};
    MonoTime trouble_since{};
    std::optional<core::Cause> told_cause;  ///< by the last line, since the condition changed
  };

  void on_transition(const watch::Node& node, const core::Transition& transition) override;
  void on_disconnected(const watch::Node& node, const Address& address,
                       const core::Attribution& why) override;
  void on_connect_result(const watch::Node& node, core::ConnectResult result,
                         std::optional<Duration> outage) override;
  void on_rtt(const watch::Node& node, Duration rtt) override;
  void on_answered(const watch::Node& node) override;
  void on_restarted(const watch::Node& node, Duration outage,
                    const core::Replacement& what) override;
  void on_certificate(const watch::Node& node, WallTime expiry) override;
  void on_idle_cut(const watch::Node& node, const std::optional<core::IdleCut>& cut) override;
  void on_dns_changed(const watch::Node& node, const std::vector<Address>& before,
                      const std::vector<Address>& now, bool followed) override;
  void on_dns_failing(const watch::Node& node, const std::string& why) override;
  void on_nodes_changed() override;
  void on_failover(const core::FailoverStory& story, bool away) override;
  void on_primary_named(const std::string& sentence) override;
  void on_confirmed(bool confirmed, const std::string& sentence) override;
  void on_sentinel_news(const watch::Node& sentinel, const core::SentinelEvent& event) override;
  void on_cluster_changed(const std::string& sentence) override;
  void on_cluster_health(bool fine, const std::string& detail) override;
  void on_announcement(const core::Announcement& announcement) override;
  void on_former_left(const watch::Former& former) override;
  void on_trouble(const std::string& sentence) override;

  NodeState& state_of(const watch::Node& node);
  void show(const watch::Node& node, core::Condition condition, std::string detail);
  /// Brings the endpoint's condition up to date with its nodes'. `tell`: no node's line does.
  void settle(bool tell = false);
  void forgive_unreachable();
  void enter(core::Condition condition);
  void update_incident();
  void disturb(std::string why);
  void update_nodes();
  void count_failover(control::FailoverView failover, core::FailoverKind kind, bool measured);
  void report(journal::Event event, journal::Priority priority, const std::string& sentence,
              const std::string& node = {});
  [[nodiscard]] journal::Entry entry(journal::Event event, journal::Priority priority,
                                     std::string message) const;
  [[nodiscard]] static metrics::NodeRole role_of(const watch::Link& link);
  [[nodiscard]] control::NodeView node_view(const watch::Node& node) const;

  Shared& shared_;
  std::string name_;
  std::unique_ptr<watch::Endpoint> endpoint_;
  metrics::EndpointNumbers numbers_;
  std::map<const watch::Node*, NodeState> states_;
  std::vector<const watch::Node*> numbered_;  ///< whose numbers are in numbers_.nodes, in order
  core::Condition shown_ = core::Condition::Unknown;
  std::string detail_;
  WallTime since_{};
  std::string incident_;       ///< id; empty: none open
  std::string last_incident_;  ///< that ended last
  MonoTime last_incident_end_ = MonoTime::min();
  std::optional<Disturbance> disturbance_;
  std::optional<WallTime> told_expiry_;
  std::optional<control::FailoverView> last_failover_;
  std::string maintenance_;  ///< the announcement that is in force, or was last
};

}  // namespace relinkd::manager
