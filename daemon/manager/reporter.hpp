// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "control/service.hpp"
#include "journal/journal.hpp"
#include "loop/loop.hpp"

namespace relinkd::manager {

/// The one way out for events: each goes to the journal, to the memory that `relinkctl events`
/// shows, and to the subscribers on the control socket.
class Reporter {
 public:
  Reporter(loop::Loop& loop, journal::Journal& journal);

  void report(journal::Entry entry);

  /// The last kRemembered events, oldest first.
  [[nodiscard]] std::vector<control::EventView> recent() const;
  void on_event(std::function<void(const control::EventView&)> subscriber);

 private:
  static constexpr std::size_t kRemembered = 1000;
  loop::Loop& loop_;
  journal::Journal& journal_;
  std::uint64_t sequence_ = 0;
  std::deque<control::EventView> recent_;
  std::function<void(const control::EventView&)> subscriber_;
  loop::Deadline flush_;
};

}  // namespace relinkd::manager
