// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "control/service.hpp"

namespace relinkd::testing {

/// What the daemon would offer on its control socket, as the test sets it.
class ControlService : public control::Service {
 public:
  control::Access allowed = control::Access::Order;
  control::StatusView status_view;
  std::vector<control::EventView> events;
  std::vector<control::OriginView> values;
  control::ReloadView reload_view;
  std::vector<control::Peer> peers;  ///< all that were asked about
  control::AppsView apps_view;
  control::ClosesView closes_view;
  control::TuningView tuning_view;
  control::OrderView order_view;
  /// What it was ordered: "relink checkout", "relink checkout dry", "pause 30m", "resume" …
  std::vector<std::string> orders;
  std::vector<control::SubscriptionView> subscriptions;  ///< of every process
  std::vector<control::Subscriber> subscribers;          ///< for whom they were asked
  int reloads = 0;
  int statuses = 0;

  control::Access access(const control::Peer& peer) override {
    peers.push_back(peer);
    return allowed;
  }
  control::StatusView status() override {
    ++statuses;
    return status_view;
  }
  std::vector<control::EventView> recent_events() override { return events; }
  std::vector<control::OriginView> config() override { return values; }
  control::ReloadView reload() override {
    ++reloads;
    return reload_view;
  }
  control::AppsView apps() override { return apps_view; }
  control::ClosesView closes() override { return closes_view; }
  control::OrderView relink(const std::string& app, bool dry_run) override {
    return ordered("relink " + app + (dry_run ? " dry" : ""));
  }
  control::OrderView reset(const std::string& app) override { return ordered("reset " + app); }
  control::TuningView tuning() override { return tuning_view; }
  control::OrderView tune(const std::string& app, bool revert) override {
    return ordered((revert ? "revert " : "apply ") + app);
  }
  control::OrderView pause(Duration duration) override {
    return ordered("pause " + to_config_text(duration));
  }
  control::OrderView resume() override { return ordered("resume"); }
  control::Subscriber subscriber(const control::Peer& peer) override {
    return {peer.uid, "/of-" + std::to_string(peer.pid), allowed != control::Access::None};
  }
  std::vector<control::SubscriptionView> subscription(
      const control::Subscriber& subscriber) override {
    subscribers.push_back(subscriber);
    return subscriptions;
  }

 private:
  control::OrderView ordered(std::string order) {
    orders.push_back(std::move(order));
    return order_view;
  }
};

inline control::SubscriptionView subscription(std::string app, std::uint64_t generation) {
  control::SubscriptionView view;
  view.app = std::move(app);
  view.endpoint = "sessions";
  view.condition = "ok";
  view.up = true;
  view.primaries = {"10.0.0.7:6380"};
  view.generation = generation;
  return view;
}

inline control::EventView event(std::uint64_t sequence, std::string message) {
  control::EventView view;
  view.sequence = sequence;
  view.time = WallTime(std::chrono::seconds(1'795'342'500) + 123ms);
  view.event = "half_open";
  view.message_id = "0123456789abcdef0123456789abcdef";
  view.priority = 4;
  view.message = std::move(message);
  return view;
}

}  // namespace relinkd::testing
