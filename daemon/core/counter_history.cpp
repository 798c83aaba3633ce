// SPDX-License-Identifier: Apache-2.0
#include "core/counter_history.hpp"

#include <algorithm>

namespace relinkd::core {

void CounterHistory::add(MonoTime now, const ServerCounters& counters) {
  while (told_.size() > 1 && told_[1].at + kMargin <= now - kKept) told_.pop_front();
  if (!told_.empty()) {
    const ServerCounters& last = told_.back().counters;
    const bool same = last.run_id == counters.run_id &&
                      last.client_kill_calls == counters.client_kill_calls &&
                      last.output_buffer_disconnections == counters.output_buffer_disconnections;
    if (same) return;
  }
  told_.push_back({now, counters});
}

ServerCounters CounterHistory::before(MonoTime at) const {
  const auto it = std::find_if(told_.rbegin(), told_.rend(),
                               [&](const Told& t) { return t.at + kMargin <= at; });
  return it == told_.rend() ? ServerCounters{} : it->counters;
}

}  // namespace relinkd::core
