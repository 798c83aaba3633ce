// SPDX-License-Identifier: Apache-2.0
#include "core/relink_planner.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/relink_ladder.hpp"
#include "core/relink_limits.hpp"

namespace relinkd::core {

struct RelinkPlanner::State {
  Entropy entropy;
  std::function<std::string(const RelinkTarget&)> new_incident;
  std::map<std::string, RelinkAppRules> apps;
  std::map<std::string, RelinkEndpointRules> endpoints;
  std::map<std::string, RelinkEndpointHealth> health;
  std::map<RelinkTarget, RelinkLadder> ladders;
  std::map<std::string, RelinkBreaker> breakers;  ///< by app
  std::map<std::string, TokenBucket> buckets;     ///< by endpoint
  std::map<std::string, RelinkSlots> slots;       ///< by endpoint
  std::map<std::uint64_t, RelinkTarget> orders;   ///< not answered yet
  std::uint64_t next_order = 1;
  std::optional<MonoTime> paused_until;
  RelinkMemory restored;  ///< of targets that were not configured yet

  /// What one event leads to.
  RelinkPlan plan;

  State(Entropy e, std::function<std::string(const RelinkTarget&)> name)
      : entropy(e), new_incident(std::move(name)) {}

  [[nodiscard]] bool is_paused(MonoTime now) const { return paused_until && now < *paused_until; }

  RelinkSurroundings around(const RelinkTarget& target, MonoTime now) {
    return {.rules = apps.at(target.app),
            .endpoint = endpoints[target.endpoint],
            .health = health[target.endpoint],
            .paused = is_paused(now),
            .breaker = breakers[target.app],
            .bucket = buckets[target.endpoint],
            .slots = slots[target.endpoint],
            .entropy = entropy,
            .new_incident = new_incident,
            .next_order = next_order,
            .plan = plan,
            .now = now};
  }

  void evaluate(const RelinkTarget& target, RelinkLadder& ladder, MonoTime now) {
    ladder.evaluate(around(target, now));
  }

  template <typename Predicate>
  void evaluate_where(Predicate is_wanted, MonoTime now) {
    for (auto& [target, ladder] : ladders) {
      if (is_wanted(target, ladder)) evaluate(target, ladder, now);
    }
  }

  void evaluate_all(MonoTime now) {
    evaluate_where([](const auto&, const auto&) { return true; }, now);
  }

  void close_breaker(const std::string& app, bool by_person, MonoTime now) {
    RelinkBreaker& breaker = breakers[app];
    const bool was_open = breaker.is_open();
    breaker.close();
    if (was_open) {
      RelinkNews& news = plan.news.emplace_back();
      news.kind = RelinkNews::Kind::BreakerClosed;
      news.target.app = app;
    }
    for (auto& [target, ladder] : ladders) {
      if (target.app == app) ladder.on_breaker_closed(by_person);
    }
    evaluate_where([&](const RelinkTarget& t, const auto&) { return t.app == app; }, now);
  }

  /// The plan of an event that was handled. A turn that was given back is offered to the next.
  RelinkPlan done(MonoTime now) {
    for (auto& one : slots) {
      while (one.second.freed()) {
        evaluate_where([&](const RelinkTarget& t, const auto&) { return t.endpoint == one.first; },
                       now);
      }
    }
    for (const RelinkOrder& order : plan.orders) orders.emplace(order.id, order.target);
    return std::exchange(plan, {});
  }
};

RelinkPlanner::RelinkPlanner(Entropy entropy,
                             std::function<std::string(const RelinkTarget&)> new_incident)
    : state_(std::make_unique<State>(entropy, std::move(new_incident))) {}

RelinkPlanner::~RelinkPlanner() = default;

// --- memory and configuration -----------------------------------------------------------------

void RelinkPlanner::restore(const RelinkMemory& memory) {
  state_->restored = memory;
  state_->paused_until = memory.paused_until;
}

RelinkMemory RelinkPlanner::memory() const {
  const State& s = *state_;
  RelinkMemory memory;
  memory.paused_until = s.paused_until;
  for (const auto& [app, breaker] : s.breakers) {
    RelinkMemory::Breaker one = breaker.memory();
    if (!one.relinks.empty() || one.open_until) memory.breakers[app] = std::move(one);
  }
  for (const auto& [target, ladder] : s.ladders) {
    if (ladder.last_disturbed()) memory.last_disturbed[target] = *ladder.last_disturbed();
    const auto endpoint = s.endpoints.find(target.endpoint);
    const RelinkEndpointRules rules =
        endpoint == s.endpoints.end() ? RelinkEndpointRules{} : endpoint->second;
    if (auto open = ladder.open(s.apps.at(target.app), rules)) {
      memory.open[target] = std::move(*open);
    }
  }
  return memory;
}

void RelinkPlanner::configure(const std::map<std::string, RelinkAppRules>& apps,
                              const std::map<std::string, RelinkEndpointRules>& endpoints) {
  State& s = *state_;
  for (auto it = s.ladders.begin(); it != s.ladders.end();) {
    const RelinkTarget& target = it->first;
    const auto app = apps.find(target.app);
    const bool goes = app == apps.end() || !app->second.endpoints.contains(target.endpoint);
    const RelinkAppRules& before = s.apps.at(target.app);
    // What was done by another ladder tells nothing of this one.
    if (goes || app->second.ladder != before.ladder ||
        app->second.endpoint_trigger != before.endpoint_trigger) {
      it->second.abandon(s.slots[target.endpoint]);
    }
    it = goes ? s.ladders.erase(it) : std::next(it);
  }
  std::erase_if(s.breakers, [&](const auto& e) { return !apps.contains(e.first); });
  const auto is_gone = [&](const auto& e) { return !endpoints.contains(e.first); };
  std::erase_if(s.health, is_gone);
  std::erase_if(s.buckets, is_gone);
  std::erase_if(s.slots, is_gone);
  s.apps = apps;
  s.endpoints = endpoints;
  for (const auto& [name, rules] : apps) {
    const auto breaker = s.restored.breakers.find(name);
    if (breaker != s.restored.breakers.end()) s.breakers[name].restore(breaker->second);
    for (const std::string& endpoint : rules.endpoints) {
      const RelinkTarget target{name, endpoint};
      const auto [it, fresh] = s.ladders.try_emplace(target, target);
      if (!fresh) continue;
      const auto open = s.restored.open.find(target);
      const auto last = s.restored.last_disturbed.find(target);
      it->second.restore(
          open == s.restored.open.end() ? nullptr : &open->second,
          last == s.restored.last_disturbed.end() ? std::nullopt : std::optional(last->second),
          rules);
    }
  }
  // What the first configuration does not have is gone.
  s.restored = {};
}

// --- events -----------------------------------------------------------------------------------

RelinkPlan RelinkPlanner::on_health(const std::string& endpoint, const RelinkEndpointHealth& health,
                                    MonoTime now) {
  State& s = *state_;
  s.health[endpoint] = health;
  s.evaluate_where([&](const RelinkTarget& t, const auto&) { return t.endpoint == endpoint; }, now);
  return s.done(now);
}

RelinkPlan RelinkPlanner::on_census(const RelinkTarget& target,
                                    const std::vector<RelinkSocket>& sockets, bool full,
                                    MonoTime now) {
  State& s = *state_;
  const auto it = s.ladders.find(target);
  if (it != s.ladders.end()) it->second.on_census(s.around(target, now), sockets, full);
  return s.done(now);
}

RelinkPlan RelinkPlanner::on_result(std::uint64_t order, RelinkOutcome outcome,
                                    const std::string& detail, MonoTime now) {
  State& s = *state_;
  const auto node = s.orders.extract(order);
  if (node.empty()) return {};
  const auto it = s.ladders.find(node.mapped());
  if (it != s.ladders.end()) {
    it->second.on_result(s.around(node.mapped(), now), order, outcome, detail);
  }
  return s.done(now);
}

RelinkPlan RelinkPlanner::on_deadline(MonoTime now) {
  State& s = *state_;
  for (const auto& [app, breaker] : s.breakers) {
    if (breaker.open_until() <= now) s.close_breaker(app, false, now);
  }
  if (s.paused_until && *s.paused_until <= now) {
    s.paused_until.reset();
    s.evaluate_all(now);
  }
  s.evaluate_where([&](const auto&, const RelinkLadder& l) { return l.deadline() <= now; }, now);
  return s.done(now);
}

// --- a person's orders ------------------------------------------------------------------------

RelinkPlan RelinkPlanner::order(const std::string& app, bool dry_run, MonoTime now) {
  State& s = *state_;
  for (auto& [target, ladder] : s.ladders) {
    if (target.app == app) ladder.order(s.around(target, now), dry_run);
  }
  return s.done(now);
}

RelinkPlan RelinkPlanner::reset(const std::string& app, MonoTime now) {
  State& s = *state_;
  if (s.apps.contains(app)) s.close_breaker(app, true, now);
  return s.done(now);
}

RelinkPlan RelinkPlanner::pause(MonoTime until, MonoTime now) {
  State& s = *state_;
  s.paused_until = until;
  s.evaluate_all(now);
  return s.done(now);
}

RelinkPlan RelinkPlanner::resume(MonoTime now) {
  State& s = *state_;
  s.paused_until.reset();
  s.evaluate_all(now);
  return s.done(now);
}

// --- for those who look -----------------------------------------------------------------------

bool RelinkPlanner::paused(MonoTime now) const { return state_->is_paused(now); }

std::optional<MonoTime> RelinkPlanner::paused_until() const { return state_->paused_until; }

bool RelinkPlanner::breaker_open(const std::string& app) const {
  const auto it = state_->breakers.find(app);
  return it != state_->breakers.end() && it->second.is_open();
}

std::string RelinkPlanner::incident(const RelinkTarget& target) const {
  const auto it = state_->ladders.find(target);
  return it == state_->ladders.end() ? std::string{} : it->second.incident();
}

MonoTime RelinkPlanner::deadline() const {
  const State& s = *state_;
  MonoTime first = s.paused_until.value_or(kNever);
  for (const auto& [app, breaker] : s.breakers) first = std::min(first, breaker.open_until());
  for (const auto& [target, ladder] : s.ladders) first = std::min(first, ladder.deadline());
  return first;
}

}  // namespace relinkd::core
