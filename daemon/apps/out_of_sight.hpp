// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "config/settings.hpp"
#include "loop/loop.hpp"
#include "orders/owner.hpp"

namespace relinkd::apps {

/// Counts the processes of apps that are in another network namespace: their sockets cannot be
/// seen, and "no socket" would be taken for "all is well". Walks /proc every kInterval, and rarer
/// where that would take more than a hundredth of a core.
class OutOfSight {
 public:
  static constexpr Duration kInterval = 10s;
  /// By app, in the order of the configuration.
  using Counted = std::function<void(const std::vector<std::uint64_t>&)>;

  OutOfSight(loop::Loop& loop, Counted counted);

  void configure(const std::vector<config::App>& apps);
  void stop() { next_.clear(); }

 private:
  void count();

  loop::Loop& loop_;
  Counted counted_;
  std::vector<config::App> apps_;
  orders::AppMatcher matcher_;
  loop::Deadline next_;
};

}  // namespace relinkd::apps
