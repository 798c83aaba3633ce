// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/service.hpp"
#include "core/closes.hpp"
#include "manager/reporter.hpp"
#include "manager/watched.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::manager {

/// The door for what the kernel tells of the apps' connections: has their nodes asked why they
/// closed, counts each, and logs what is unusual. The rules are in core/closes.
class AppCloses {
 public:
  struct Surroundings {
    loop::Loop& loop;
    Reporter& reporter;
    /// Those that are watched.
    std::function<std::vector<Watched*>()> watched;
    /// Null: the app or the endpoint is not in the configuration any more.
    std::function<metrics::AppEndpointNumbers*(const core::RelinkTarget&)> numbers;
  };
  explicit AppCloses(Surroundings surroundings);
  AppCloses(const AppCloses&) = delete;
  AppCloses& operator=(const AppCloses&) = delete;

  void on_socket_event(const core::RelinkTarget& target, const core::SocketEvent& event);
  /// An order to the actuator is about to be given.
  void on_ordered(const core::RelinkOrder& order);
  void stop() { deadline_.clear(); }

  /// Oldest first.
  [[nodiscard]] control::ClosesView view() const;

 private:
  [[nodiscard]] Watched* find(const std::string& endpoint) const;
  [[nodiscard]] core::Circumstances around(const std::string& endpoint, const Address& node) const;
  void carry_out(const core::CloseOrders& orders);
  void inquire(const core::CloseOrders::Inquiry& inquiry);
  void count(const core::AppClose& close);
  void tell(const core::CloseNews& news);

  Surroundings around_;
  core::Closes closes_;
  loop::Deadline deadline_;
};

}  // namespace relinkd::manager
