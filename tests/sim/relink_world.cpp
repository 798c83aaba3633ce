// SPDX-License-Identifier: Apache-2.0
#include "relink_world.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace relinkd::sim {

using core::AppSocketState;
using core::RelinkOrder;
using core::RelinkOutcome;
using core::RelinkTarget;
using core::RelinkVerb;

namespace {

constexpr auto kDestroy = RelinkVerb::DestroySockets;

}  // namespace

RelinkWorld::RelinkWorld(std::uint64_t seed) : entropy_(seed) {
  configure();
  start(false);
}

void RelinkWorld::configure() {
  for (const std::string& name : {std::string("sessions"), std::string("orders")}) {
    endpoints_[name].name = name;
    endpoint_rules_[name].reconnect_rate = 1 + below(40);
    endpoint_rules_[name].max_parallel = 1 + below(2);
  }
  const std::vector<std::vector<RelinkVerb>> ladders = {
      {kDestroy},
      {kDestroy, RelinkVerb::Reload, RelinkVerb::Restart},
      {RelinkVerb::Signal, kDestroy},
      {RelinkVerb::Reload, RelinkVerb::Restart},
      {kDestroy, RelinkVerb::Start},
  };
  for (std::size_t i = 0; i < ladders.size(); ++i) {
    const std::string name = "app-" + std::to_string(i);
    core::RelinkAppRules& r = rules_[name];
    r.ladder = ladders[i];
    r.observe = i == 4 && chance(0.3);
    r.idle_siblings = chance(0.6);
    r.expect_connections = chance(0.3);
    r.spread = std::chrono::seconds(below(5));
    r.restart_spread = std::chrono::seconds(below(30));
    r.min_interval = std::chrono::seconds(5 + below(60));
    r.verify_within = std::chrono::seconds(2 + below(10));
    r.max_relinks_per_hour = 2 + below(20);
    r.endpoints = {"sessions"};
    if (chance(0.5)) r.endpoints.insert("orders");
    for (const std::string& e : r.endpoints) targets_[{name, e}];
    apps_[name];
  }
}

void RelinkWorld::start(bool with_memory) {
  core::RelinkMemory memory;
  if (planner_) memory = planner_->memory();
  planner_ = std::make_unique<core::RelinkPlanner>(
      entropy_.fork(), [this](const RelinkTarget&) { return std::to_string(++incidents_); });
  if (with_memory) planner_->restore(memory);
  planner_->configure(rules_, endpoint_rules_);
  for (auto& [target, t] : targets_) {
    t.seen = false;
    t.held.clear();
  }
  for (auto& [name, e] : endpoints_) {
    e.proven = false;
    e.told = {};
    e.destroyed.clear();
    e.disturbing.clear();
  }
  for (UnderWay& u : under_way_) u.known = false;
}

// --- what happens -----------------------------------------------------------------------------

void RelinkWorld::trouble(int seconds) {
  for (int i = 0; i < seconds && !testing::Test::HasFailure(); ++i) second();
}

void RelinkWorld::calm(int seconds) {
  troubled_ = false;
  actuator_ = true;
  take(planner_->resume(now_));
  for (auto& [name, e] : endpoints_) {
    e.well = e.confirmed = e.proven = true;
    e.drops_large = false;
  }
  for (auto& [target, t] : targets_) {
    for (auto& [cookie, s] : t.sockets) s.stubborn = false;
  }
  for (int i = 0; i < seconds && !testing::Test::HasFailure(); ++i) second();
  if (testing::Test::HasFailure()) return;
  for (const auto& [target, t] : targets_) {
    if (rules_[target.app].observe) continue;  // nobody ends what is bad
    EXPECT_EQ(planner_->incident(target), "") << target.app << " " << target.endpoint;
    EXPECT_EQ(t.decided, t.ended) << target.app << " " << target.endpoint;
  }
}

void RelinkWorld::second() {
  if (troubled_) happen();
  use_sockets();
  answer_orders();
  for (auto& [name, e] : endpoints_) tell_health(e);
  look();
  run_deadlines();
  now_ += 1s;
}

void RelinkWorld::happen() {
  for (auto& [name, e] : endpoints_) {
    if (chance(e.well ? 0.002 : 0.05)) e.well = !e.well;
    if (chance(e.confirmed ? 0.001 : 0.03)) e.confirmed = !e.confirmed;
    if (!e.proven && chance(0.4)) e.proven = true;
    if (chance(e.drops_large ? 0.02 : 0.0005)) e.drops_large = !e.drops_large;
    if (e.well && chance(0.001)) {
      for (auto& [target, t] : targets_) {
        if (target.endpoint != name) continue;
        for (auto& [cookie, s] : t.sockets) s.wrong = s.wrong || s.node == e.node(e.primary);
      }
      e.primary = 1 - e.primary;
    }
    if (chance(0.002)) {  // a middlebox forgets all flows
      for (auto& [target, t] : targets_) {
        if (target.endpoint != name) continue;
        for (auto& [cookie, s] : t.sockets) s.cut = true;
      }
    }
  }
  for (auto& [target, t] : targets_) {
    if (t.sockets.size() < 12 && chance(0.2)) open_socket(target);
    if (!t.sockets.empty() && chance(0.005)) t.sockets.begin()->second.cut = true;
    if (!t.sockets.empty() && chance(0.01)) t.sockets.erase(t.sockets.begin());
  }
  if (chance(actuator_ ? 0.001 : 0.03)) actuator_ = !actuator_;
  if (chance(0.0005)) take(planner_->pause(chance(0.5) ? now_ + 5min : MonoTime(kNever), now_));
  if (chance(0.005)) take(planner_->resume(now_));
  if (chance(0.0003)) {
    const std::string app = "app-" + std::to_string(below(5));
    // What was given up is tried again, and the count begins anew.
    apps_[app].relinks.clear();
    for (auto& [target, t] : targets_) {
      if (target.app == app) t.held.clear();
    }
    std::erase_if(cookies_, [&](const auto& e) { return e.first.first.app == app; });
    take(planner_->reset(app, now_));
  }
  if (chance(0.001)) {
    ++totals_.restarts;
    start(true);
  }
}

void RelinkWorld::use_sockets() {
  for (auto& [target, t] : targets_) {
    const Endpoint& e = endpoints_[target.endpoint];
    for (auto& [cookie, s] : t.sockets) {
      if (!chance(0.05)) continue;
      if (e.drops_large) s.cut = true;
      if (s.cut) {
        s.used_since = true;
      } else if (e.well) {
        s.last_ack = now_;
      }
    }
  }
}

void RelinkWorld::open_socket(const RelinkTarget& target) {
  const Endpoint& e = endpoints_[target.endpoint];
  Socket s;
  s.node = e.node(e.primary);
  s.opened = s.last_ack = now_;
  s.stubborn = troubled_ && chance(0.03);
  s.told.cookie = next_cookie_;
  targets_[target].sockets[next_cookie_++] = s;
}

void RelinkWorld::tell_health(Endpoint& e) {
  core::RelinkEndpointHealth h;
  if (!troubled_) e.proven = true;
  h.proven = e.proven;
  h.healthy = e.proven && e.well;
  h.confirmed = e.confirmed;
  if (h.healthy) h.healthy_nodes = {e.node(0), e.node(1)};
  e.told = h;
  take(planner_->on_health(e.name, h, now_));
}

void RelinkWorld::look() {
  for (auto& [target, t] : targets_) {
    const Endpoint& e = endpoints_[target.endpoint];
    std::vector<core::RelinkSocket> all;
    for (auto& [cookie, s] : t.sockets) {
      // A node that is not proven alive black-holes nothing.
      s.dead = s.dead || (s.cut && s.used_since && e.well && e.proven);
      AppSocketState state =
          now_ - s.last_ack > 1min ? AppSocketState::Unproven : AppSocketState::Ok;
      if (s.wrong) state = AppSocketState::WrongNode;
      if (s.dead) state = AppSocketState::BlackHoled;
      if (state != s.told.state) s.told.since = now_;
      s.told.node = s.node;
      s.told.state = state;
      s.told.first_seen = s.opened;
      s.told.last_ack = s.last_ack;
      s.told.looked_after = cookie % 5 == 0;
      if (s.dead) {
        MonoTime& ack = t.dead_acks[s.node];
        ack = std::max(ack, s.last_ack);
      }
      all.push_back(s.told);
    }
    const bool full = !troubled_ || chance(0.9);
    t.seen = t.seen || full;
    take(planner_->on_census(target, all, full, now_));
  }
}

void RelinkWorld::run_deadlines() {
  // Until the next second begins.
  const MonoTime until = now_ + 1s;
  const MonoTime began = now_;
  while (planner_->deadline() < until) {
    now_ = std::max(now_, planner_->deadline());
    take(planner_->on_deadline(now_));
    ASSERT_GT(planner_->deadline(), now_) << "it would never sleep";
  }
  now_ = began;
}

// --- the actuator -----------------------------------------------------------------------------

void RelinkWorld::answer_orders() {
  std::vector<UnderWay> due;
  std::erase_if(under_way_, [&](const UnderWay& u) {
    if (u.answer_at <= now_) due.push_back(u);
    return u.answer_at <= now_;
  });
  for (const UnderWay& u : due) {
    RelinkOutcome outcome = RelinkOutcome::Done;
    if (troubled_ && chance(0.05)) outcome = RelinkOutcome::Failed;
    if (!actuator_) outcome = RelinkOutcome::NoActuator;
    if (outcome == RelinkOutcome::Done) carry_out(u.order);
    if (!u.known) continue;
    endpoints_[u.order.target.endpoint].disturbing.erase(u.order.target.app);
    if (outcome == RelinkOutcome::NoActuator) {
      ++totals_.no_actuator;
      auto& ordered = cookies_[{u.order.target, u.order.incident}];
      for (const std::uint64_t c : u.order.cookies) ordered.erase(c);
      rungs_[{u.order.target, u.order.incident}].erase(u.order.rung);
    }
    take(planner_->on_result(u.order.id, outcome, "", now_));
  }
}

void RelinkWorld::carry_out(const RelinkOrder& order) {
  auto& sockets = targets_[order.target].sockets;
  if (order.verb == kDestroy) {
    for (const std::uint64_t c : order.cookies) {
      const auto it = sockets.find(c);
      if (it == sockets.end() || it->second.stubborn) continue;
      sockets.erase(it);
      if (chance(0.8)) open_socket(order.target);
    }
  } else if (chance(0.7)) {
    sockets.clear();
    for (int i = 0; i < 4; ++i) open_socket(order.target);
  }
}

// --- what may never happen --------------------------------------------------------------------

void RelinkWorld::take(const core::RelinkPlan& plan) {
  // What was ordered before a breaker opened in the same event was ordered under a closed one.
  for (auto& [name, app] : apps_) app.was_open = app.breaker_open;
  for (const core::RelinkNews& news : plan.news) check(news);
  for (const RelinkOrder& order : plan.orders) {
    check(order);
    under_way_.push_back({order, now_ + std::chrono::milliseconds(below(3000)), true});
  }
}

void RelinkWorld::check(const core::RelinkNews& news) {
  using Kind = core::RelinkNews::Kind;
  if (news.kind == Kind::BreakerOpened || news.kind == Kind::BreakerClosed) {
    App& app = apps_[news.target.app];
    EXPECT_NE(app.breaker_open, news.kind == Kind::BreakerOpened) << "told twice";
    app.breaker_open = news.kind == Kind::BreakerOpened;
    if (app.breaker_open) ++totals_.breakers;
    if (app.breaker_open) return;
    app.relinks.clear();
    return;
  }
  Target& t = targets_.at(news.target);
  if (news.kind == Kind::Decided) {
    ++t.decided;
    t.held.clear();
  }
  if (news.kind == Kind::Held) {
    ++totals_.held;
    EXPECT_TRUE(t.held.insert(*news.hold).second)
        << "held twice: " << core::kRelinkHoldNames[*news.hold];
  }
  if (news.kind == Kind::Recovered) ++totals_.recovered;
  if (news.kind == Kind::GaveUp) ++totals_.gave_up;
  if (news.kind == Kind::Recovered || news.kind == Kind::GaveUp) ++t.ended;
  EXPECT_LE(t.ended, t.decided);
}

void RelinkWorld::check(const RelinkOrder& order) {
  ++totals_.orders;
  const RelinkTarget& target = order.target;
  const Target& t = targets_.at(target);
  EXPECT_FALSE(rules_[target.app].observe);
  EXPECT_FALSE(planner_->paused(now_));
  EXPECT_FALSE(apps_[target.app].breaker_open && apps_[target.app].was_open);
  EXPECT_TRUE(t.seen);
  EXPECT_TRUE(endpoints_[target.endpoint].told.proven);
  ASSERT_LT(order.rung, rules_[target.app].ladder.size());
  EXPECT_EQ(order.verb, rules_[target.app].ladder[order.rung]);
  bool disturbs = order.verb != kDestroy;
  if (disturbs) {
    ++totals_.verbs;
    const std::pair story(target, order.incident);
    EXPECT_TRUE(rungs_[story].insert(order.rung).second) << "done twice";
  }
  check_cookies(order, disturbs);
  check_limits(order, disturbs);
}

void RelinkWorld::check_cookies(const RelinkOrder& order, bool& disturbs) {
  const Target& t = targets_.at(order.target);
  EXPECT_EQ(order.cookies.empty(), order.verb != kDestroy);
  EXPECT_LE(order.cookies.size(), 256U);
  totals_.destroyed += order.cookies.size();
  auto& ordered = cookies_[{order.target, order.incident}];
  for (const std::uint64_t c : order.cookies) {
    EXPECT_TRUE(ordered.insert(c).second) << "ordered twice";
    const auto it = t.sockets.find(c);
    if (it == t.sockets.end()) continue;  // gone since the last look
    const core::RelinkSocket& s = it->second.told;
    if (s.state == AppSocketState::BlackHoled) {
      EXPECT_TRUE(endpoints_[order.target.endpoint].told.healthy_nodes.contains(s.node));
      continue;
    }
    disturbs = true;
    if (s.state == AppSocketState::WrongNode) continue;
    ++totals_.siblings;
    EXPECT_TRUE(rules_[order.target.app].idle_siblings);
    EXPECT_TRUE(s.state == AppSocketState::Ok || s.state == AppSocketState::Unproven);
    EXPECT_FALSE(s.looked_after);
    const auto ack = t.dead_acks.find(s.node);
    ASSERT_NE(ack, t.dead_acks.end());
    EXPECT_LT(s.last_ack, ack->second);
  }
}

void RelinkWorld::check_limits(const RelinkOrder& order, bool disturbs) {
  const RelinkTarget& target = order.target;
  const core::RelinkAppRules& rules = rules_[target.app];
  Endpoint& e = endpoints_[target.endpoint];
  const core::RelinkEndpointRules& limits = endpoint_rules_[target.endpoint];

  e.destroyed.emplace_back(now_, order.cookies.size());
  while (now_ - e.destroyed.front().first >= 1s) e.destroyed.pop_front();
  std::size_t destroyed = 0;
  for (const auto& [at, count] : e.destroyed) destroyed += count;
  EXPECT_LE(destroyed, static_cast<std::size_t>(limits.reconnect_rate * 1.1) + 1);

  auto& relinks = apps_[target.app].relinks;
  std::erase_if(relinks, [&](MonoTime t) { return now_ - t >= 1h; });
  // Within min_interval of the beginning of one, another is the same.
  auto& begun = targets_.at(target).begun;
  if (stories_.insert({target, order.incident}).second &&
      (!begun || now_ - *begun >= rules.min_interval)) {
    begun = now_;
    relinks.push_back(now_);
  }
  EXPECT_LE(relinks.size(), static_cast<std::size_t>(rules.max_relinks_per_hour));

  if (!disturbs) return;
  EXPECT_TRUE(e.told.healthy && e.told.confirmed);
  e.disturbing.insert(target.app);
  EXPECT_LE(e.disturbing.size(), static_cast<std::size_t>(limits.max_parallel));
  auto& last = targets_.at(target).disturbed;
  if (last && last->second != order.incident) {
    EXPECT_GE(now_ - last->first, rules.min_interval) << target.app;
  }
  last = {now_, order.incident};
}

}  // namespace relinkd::sim
