// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/relink_planner.hpp"

namespace relinkd::core {

inline constexpr MonoTime kNoon = MonoTime{} + 12h;
inline const std::string kNode = "198.18.0.2:6379";    ///< the primary
inline const std::string kFormer = "198.18.0.3:6379";  ///< it was, before
inline const RelinkTarget kShop = {"shop", "sessions"};
inline const RelinkTarget kMail = {"mail", "sessions"};

/// One endpoint, "sessions", that is well, and apps with sockets to it. Orders are answered at
/// once; a socket that is ordered to end is gone then, unless it is stubborn. What the planner says
/// is collected.
class RelinkScene {
 public:
  using State = AppSocketState;
  using Kind = RelinkNews::Kind;

  RelinkScene() { start(1); }
  RelinkScene(const RelinkScene&) = delete;
  RelinkScene& operator=(const RelinkScene&) = delete;

  // --- what is configured and seen ---
  RelinkAppRules& rules(const RelinkTarget& target = kShop) {
    RelinkAppRules& r = apps[target.app];
    r.endpoints.insert(target.endpoint);
    return r;
  }
  void configure() {
    rules();
    for (const auto& [target, sockets] : sockets_of) rules(target);
    planner->configure(apps, endpoints);
  }
  void tell_health() { take(planner->on_health("sessions", health, now)); }
  void unwell() {
    health.healthy = false;
    health.healthy_nodes.clear();
    tell_health();
  }
  void well() {
    health.healthy = true;
    health.healthy_nodes = {kNode, kFormer};
    tell_health();
  }
  /// A full census now.
  void look() {
    std::set<RelinkTarget> targets = {kShop};
    for (const auto& [target, sockets] : sockets_of) targets.insert(target);
    for (const RelinkTarget& t : targets) take(planner->on_census(t, sockets_of[t], true, now));
  }

  RelinkSocket& open(State state = State::Ok, const std::string& node = kNode,
                     const RelinkTarget& target = kShop) {
    RelinkSocket s;
    s.cookie = next_cookie++;
    s.node = node;
    s.state = state;
    s.first_seen = s.since = s.last_ack = now;
    return sockets_of[target].emplace_back(s);
  }
  void open(int count, State state, const std::string& node = kNode,
            const RelinkTarget& target = kShop) {
    for (int i = 0; i < count; ++i) open(state, node, target);
  }
  RelinkSocket& find(std::uint64_t cookie, const RelinkTarget& target = kShop) {
    auto& all = sockets_of[target];
    return *std::find_if(all.begin(), all.end(), [&](auto& s) { return s.cookie == cookie; });
  }
  /// Its flow is cut, it was used since, and that is proven now.
  void dies(std::uint64_t cookie, const RelinkTarget& target = kShop) {
    find(cookie, target).state = State::BlackHoled;
    find(cookie, target).since = now;
  }
  void close(std::uint64_t cookie) {
    for (auto& [target, all] : sockets_of) {
      std::erase_if(all, [&](const auto& s) { return s.cookie == cookie; });
    }
  }

  // --- time and answers ---
  /// Lets time pass: looks each second, deadlines when they are due, answers when they come.
  void pass(Duration time) {
    const MonoTime until = now + time;
    while (true) {
      const MonoTime next = std::min({until, planner->deadline(), next_look});
      now = std::max(now, next);
      if (planner->deadline() <= now) take(planner->on_deadline(now));
      if (next_look <= now) {
        next_look = now + 1s;
        look();
      }
      if (now >= until) return;
    }
  }
  /// Answers an order; what is destroyed is gone.
  void answer(const RelinkOrder& order, RelinkOutcome outcome, const std::string& detail = {}) {
    if (outcome == RelinkOutcome::Done) {
      for (const std::uint64_t c : order.cookies) {
        if (!stubborn.contains(c)) close(c);
      }
      if (order.verb != RelinkVerb::DestroySockets && verbs_help) {
        sockets_of[order.target].clear();
      }
    }
    take(planner->on_result(order.id, outcome, detail, now));
  }
  void take(const RelinkPlan& plan) {
    news.insert(news.end(), plan.news.begin(), plan.news.end());
    for (const RelinkOrder& order : plan.orders) {
      orders.push_back(order);
      ordered_at.push_back(now);
    }
    if (!answers) return;
    for (const RelinkOrder& order : plan.orders) answer(order, *answers, "so it was told");
  }

  // --- what came of it ---
  [[nodiscard]] std::vector<std::uint64_t> cookies() const {
    std::vector<std::uint64_t> all;
    for (const RelinkOrder& o : orders) all.insert(all.end(), o.cookies.begin(), o.cookies.end());
    std::sort(all.begin(), all.end());
    return all;
  }
  [[nodiscard]] std::vector<RelinkVerb> verbs() const {
    std::vector<RelinkVerb> all;
    for (const RelinkOrder& o : orders) all.push_back(o.verb);
    return all;
  }
  [[nodiscard]] int count(Kind kind) const {
    return static_cast<int>(
        std::count_if(news.begin(), news.end(), [&](const auto& n) { return n.kind == kind; }));
  }
  [[nodiscard]] int count(RelinkHold hold) const {
    return static_cast<int>(
        std::count_if(news.begin(), news.end(), [&](const auto& n) { return n.hold == hold; }));
  }
  [[nodiscard]] int count(RelinkResult result) const {
    return static_cast<int>(
        std::count_if(news.begin(), news.end(), [&](const auto& n) { return n.result == result; }));
  }
  [[nodiscard]] const RelinkNews* last(Kind kind) const {
    const auto it =
        std::find_if(news.rbegin(), news.rend(), [&](const auto& n) { return n.kind == kind; });
    return it == news.rend() ? nullptr : &*it;
  }
  void forget() {
    news.clear();
    orders.clear();
    ordered_at.clear();
  }

  /// The daemon is killed, and another one begins with what it remembered.
  void restart(bool with_memory = true) {
    const RelinkMemory memory = planner->memory();
    start(next_cookie + 1000);
    if (with_memory) planner->restore(memory);
    planner->configure(apps, endpoints);
  }

  MonoTime now = kNoon;
  MonoTime next_look = kNoon + 1s;
  std::map<std::string, RelinkAppRules> apps;
  std::map<std::string, RelinkEndpointRules> endpoints = {{"sessions", {}}};
  RelinkEndpointHealth health = {true, true, true, {kNode, kFormer}, std::nullopt, ""};
  std::map<RelinkTarget, std::vector<RelinkSocket>> sockets_of;
  std::set<std::uint64_t> stubborn;  ///< cookies that outlive being destroyed
  bool verbs_help = false;           ///< reload and the like end all of the app's sockets
  std::optional<RelinkOutcome> answers = RelinkOutcome::Done;  ///< at once; nothing: by hand
  std::vector<RelinkOrder> orders;
  std::vector<MonoTime> ordered_at;
  std::vector<RelinkNews> news;
  std::unique_ptr<RelinkPlanner> planner;

 private:
  void start(std::uint64_t seed) {
    planner = std::make_unique<RelinkPlanner>(Entropy(seed), [this](const RelinkTarget& target) {
      return target.app + "-" + std::to_string(++incidents_);
    });
  }
  std::uint64_t next_cookie = 1;
  int incidents_ = 0;
};

/// The same, past its start: configured, the endpoint proven, all sockets seen.
struct RunningRelinkScene : RelinkScene {
  RunningRelinkScene() {
    configure();
    tell_health();
    look();
  }
};

}  // namespace relinkd::core
