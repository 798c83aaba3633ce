// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>

#include "base/time.hpp"
#include "core/attribution.hpp"

namespace relinkd::core {

/// A server's counters as they were told, so that those from before an event are still known after
/// it.
class CounterHistory {
 public:
  /// What a server tells within this time before an event may be a consequence of the event's own
  /// cause: its FIN may have been under way, or lost and repeated.
  static constexpr Duration kMargin = 1s;
  /// How long after an event its "before" may be asked for.
  static constexpr Duration kKept = 10s;

  void add(MonoTime now, const ServerCounters& counters);
  /// As last told before an event at `at`; all empty: not known.
  [[nodiscard]] ServerCounters before(MonoTime at) const;

 private:
  struct Told {
    MonoTime at{};
    ServerCounters counters;
  };
  std::deque<Told> told_;  ///< each differs from the one before it
};

}  // namespace relinkd::core
