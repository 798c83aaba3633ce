// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

namespace relinkd::sim {

void World::schedule(Event event) {
  event.order = scheduled_++;
  events_.push(event);
}

void World::run_until(MonoTime until) {
  while (!events_.empty() && events_.top().at <= until) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    event.actor->on_event(event);
  }
  now_ = until;
}

}  // namespace relinkd::sim
