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
};

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
