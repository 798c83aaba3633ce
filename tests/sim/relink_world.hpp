// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/relink_planner.hpp"

namespace relinkd::sim {

/// Apps, their sockets, the endpoints that they lead to and an actuator, as the planner sees them:
/// over hours in which flows are cut, primaries change, and everything goes away and comes back.
/// Each plan is checked against what may never happen; a breach fails the test.
class RelinkWorld {
 public:
  explicit RelinkWorld(std::uint64_t seed);
  /// So many virtual seconds of trouble.
  void trouble(int seconds);
  /// Everything is well from now on, and nobody does anything: each relink has to end.
  void calm(int seconds);

  struct Totals {
    std::uint64_t orders = 0, destroyed = 0, verbs = 0, siblings = 0, recovered = 0, gave_up = 0,
                  breakers = 0, restarts = 0, no_actuator = 0, held = 0;
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  struct Socket {
    core::RelinkSocket told;  ///< as of the last census
    std::string node;
    bool cut = false;
    bool used_since = false;  ///< since it was cut
    bool wrong = false;
    bool dead = false;
    bool stubborn = false;  ///< destroying it does not work
    MonoTime opened{};
    MonoTime last_ack{};
  };
  struct Endpoint {
    std::string name;
    int primary = 0;  ///< which of its nodes
    bool well = true, confirmed = true, proven = true;
    core::RelinkEndpointHealth told;                         ///< to the planner
    bool drops_large = false;                                ///< new connections die
    std::deque<std::pair<MonoTime, std::size_t>> destroyed;  ///< within the last second
    std::set<std::string> disturbing;                        ///< apps whose orders are under way
    [[nodiscard]] std::string node(int i) const { return name + "-" + std::to_string(i); }
  };
  struct Target {
    std::map<std::uint64_t, Socket> sockets;
    bool seen = false;
    std::map<std::string, MonoTime> dead_acks;  ///< the newest of any that was dead
    std::set<core::RelinkHold> held;
    std::optional<std::pair<MonoTime, std::string>> disturbed;  ///< when, and of which incident
    std::optional<MonoTime> begun;                              ///< the last relink that counted
    std::uint64_t decided = 0, ended = 0;
  };
  struct App {
    std::vector<MonoTime> relinks;  ///< the beginnings of the last hour
    bool breaker_open = false;
    bool was_open = false;  ///< before the present event
  };
  struct UnderWay {
    core::RelinkOrder order;
    MonoTime answer_at{};
    bool known = true;  ///< to the planner, which was not restarted since
  };

  bool chance(double p) { return entropy_.unit() < p; }
  int below(int n) { return static_cast<int>(entropy_.unit() * n); }
  void configure();
  void start(bool with_memory);
  void second();
  void happen();
  void use_sockets();
  void look();
  void tell_health(Endpoint& endpoint);
  void run_deadlines();
  void answer_orders();
  void carry_out(const core::RelinkOrder& order);
  void open_socket(const core::RelinkTarget& target);
  void take(const core::RelinkPlan& plan);
  void check(const core::RelinkOrder& order);
  void check_cookies(const core::RelinkOrder& order, bool& disturbs);
  void check_limits(const core::RelinkOrder& order, bool disturbs);
  void check(const core::RelinkNews& news);

  Entropy entropy_;
  MonoTime now_ = MonoTime{} + 12h;
  std::map<std::string, core::RelinkAppRules> rules_;
  std::map<std::string, core::RelinkEndpointRules> endpoint_rules_;
  std::map<std::string, Endpoint> endpoints_;
  std::map<core::RelinkTarget, Target> targets_;
  std::map<std::string, App> apps_;
  std::vector<UnderWay> under_way_;
  using Story = std::pair<core::RelinkTarget, std::string>;  ///< and its incident
  std::set<Story> stories_;                                  ///< in which something was ordered
  /// What may not be ordered again.
  std::map<Story, std::set<std::uint64_t>> cookies_, rungs_;
  bool actuator_ = true;
  bool troubled_ = true;
  std::uint64_t next_cookie_ = 1;
  std::uint64_t incidents_ = 0;
  Totals totals_;
  std::unique_ptr<core::RelinkPlanner> planner_;
};

}  // namespace relinkd::sim
