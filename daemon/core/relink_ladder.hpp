// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/entropy.hpp"
#include "base/time.hpp"
#include "core/relink_found.hpp"
#include "core/relink_limits.hpp"
#include "core/relink_planner.hpp"

namespace relinkd::core {

/// What surrounds a target in one event: the rules in force, what is shared with other targets, and
/// where orders and news go.
struct RelinkSurroundings {
  const RelinkAppRules& rules;
  const RelinkEndpointRules& endpoint;
  const RelinkEndpointHealth& health;
  bool paused = false;
  RelinkBreaker& breaker;
  TokenBucket& bucket;
  RelinkSlots& slots;
  Entropy& entropy;
  const std::function<std::string(const RelinkTarget&)>& new_incident;
  std::uint64_t& next_order;
  RelinkPlan& plan;
  MonoTime now{};
};

/// One target's relinks, one after the other: what is bad, which action of the ladder is due, what
/// holds it, and whether it helped. The rules are those of RelinkPlanner. A relink is over as soon
/// as it is verified; siblings that still wait for their turn then are swept afterwards.
class RelinkLadder {
 public:
  explicit RelinkLadder(RelinkTarget target) : target_(std::move(target)) {}

  void restore(const RelinkMemory::Open* open, std::optional<MonoTime> last_disturbed,
               const RelinkAppRules& rules);
  /// Nothing: no relink is under way, and nothing was given up.
  [[nodiscard]] std::optional<RelinkMemory::Open> open(const RelinkAppRules& rules,
                                                       const RelinkEndpointRules& endpoint) const;
  [[nodiscard]] std::optional<MonoTime> last_disturbed() const { return last_disturbed_; }

  void on_census(const RelinkSurroundings& around, const std::vector<RelinkSocket>& sockets,
                 bool full);
  void on_result(const RelinkSurroundings& around, std::uint64_t order, RelinkOutcome outcome,
                 const std::string& detail);
  /// Looks at everything anew, and does what is due.
  void evaluate(const RelinkSurroundings& around);
  void order(const RelinkSurroundings& around, bool dry_run);
  /// The app's breaker was closed. `by_person`: what was given up is tried again, too.
  void on_breaker_closed(bool by_person);
  /// Ends the relink under way without a word: the configuration made it another one.
  void abandon(RelinkSlots& slots);

  [[nodiscard]] std::string incident() const {
    return relink_ && !relink_->over ? relink_->incident : std::string{};
  }
  [[nodiscard]] MonoTime deadline() const { return deadline_; }

 private:
  /// Sockets of an order, as what they were ordered to end.
  struct Counts {
    std::uint64_t black_holed = 0, wrong_node = 0, siblings = 0;
    void add(const Counts& other);
  };
  struct InFlight {
    std::size_t rung = 0;
    std::vector<std::uint64_t> cookies;
    Counts counts;
  };
  struct Relink {
    std::string incident;
    MonoTime bad_since{};
    bool triggered = false;  ///< by the endpoint's condition: no socket is seen
    bool by_person = false;
    bool exempt = false;     ///< from the breaker: a person's, until its replacements die
    bool counted = false;    ///< the breaker knows of it
    bool disturbed = false;  ///< living connections
    bool would_told = false;
    bool over = false;  ///< verified; siblings are waited for
    std::set<RelinkHold> held;
    std::map<std::uint64_t, InFlight> in_flight;
    std::map<std::uint64_t, MonoTime> ordered;  ///< cookie → when it should have had its effect
    std::set<std::uint64_t> by_hand;            ///< cookies that a person wants gone
    DeadAcks dead_acks;
    Counts ended;
    std::optional<std::size_t> done_rung;  ///< the last action that was carried out
    bool cannot_destroy = false;

    // Of the present rung.
    std::size_t rung = 0;
    std::optional<MonoTime> ready_at;  ///< what disturbs the living has waited its spread then
    std::optional<MonoTime> acted;     ///< its last order; not again after a restart
    bool done = false;                 ///< one of its orders was carried out
    bool failed_in_part = false;       ///< one of its orders failed, and others were under way
    MonoTime due = kNever;             ///< when the last of them should have had its effect
    bool absent_told = false;
    std::optional<MonoTime> retry_at;  ///< after an actuator that was not there
    Duration retry{};

    // Of a relink that a process before this one began.
    bool restored = false;
    std::set<std::uint64_t> awaited;  ///< cookies of what was bad
    std::optional<MonoTime> settles;  ///< what is bad is known again then
    bool suspended = false;           ///< not verified while the endpoint is not healthy
  };

  /// The first of the ladder's first `rungs` that destroys sockets.
  static std::optional<std::size_t> destroying(const std::vector<RelinkVerb>& ladder,
                                               std::size_t rungs);
  /// The first that needs to see none.
  static std::optional<std::size_t> first_blind(const std::vector<RelinkVerb>& ladder);

  // What is there, and whether it helped (relink_verify.cpp).
  RelinkFound look(const RelinkSurroundings& around);
  void begin(const RelinkSurroundings& around, const RelinkFound& found);
  void begin_triggered(const RelinkSurroundings& around);
  void count_replacements(const RelinkSurroundings& around, const RelinkFound& found);
  void settle(const RelinkSurroundings& around);
  [[nodiscard]] bool has_recovered(const RelinkSurroundings& around, const RelinkFound& found);
  void recover(const RelinkSurroundings& around, const RelinkFound& found);
  bool verify(const RelinkSurroundings& around, const RelinkFound& found);
  [[nodiscard]] bool did_not_help(const RelinkSurroundings& around, const RelinkFound& found) const;
  [[nodiscard]] bool is_left(const RelinkSurroundings& around, const RelinkFound& found) const;
  bool climb(const RelinkSurroundings& around, const RelinkFound& found, RelinkResult result,
             const std::string& detail);
  void give_up(const RelinkSurroundings& around, const RelinkFound& found);
  void finish(const RelinkSurroundings& around);

  // What is done (relink_ladder.cpp).
  [[nodiscard]] bool is_ending(const RelinkSurroundings& around, std::uint64_t cookie) const;
  void act(const RelinkSurroundings& around, const RelinkFound& found);
  void sweep(const RelinkSurroundings& around, const RelinkFound& found);
  void destroy_dead(const RelinkSurroundings& around, const RelinkFound& found);
  void destroy_disturbing(const RelinkSurroundings& around, const RelinkFound& found);
  std::size_t destroy(const RelinkSurroundings& around, const RelinkFound& found,
                      const std::vector<const RelinkSocket*>& sockets, std::size_t rung);
  void run_verb(const RelinkSurroundings& around, const RelinkFound& found);
  void give(const RelinkSurroundings& around, std::size_t rung, InFlight order);
  void retry_later(const RelinkSurroundings& around, bool destroys);
  [[nodiscard]] std::optional<RelinkHold> forbidden(const RelinkSurroundings& around) const;
  bool may_disturb(const RelinkSurroundings& around, const RelinkFound& found, RelinkVerb verb);
  bool may_count(const RelinkSurroundings& around, const RelinkFound& found);
  void open_breaker(const RelinkSurroundings& around, std::string why);
  void hold(const RelinkSurroundings& around, const RelinkFound& found, RelinkHold why);
  RelinkNews& tell(const RelinkSurroundings& around, RelinkNews::Kind kind) const;
  void tell_ended(const RelinkSurroundings& around, const RelinkFound& found, RelinkResult result,
                  const std::string& detail);
  void wake(MonoTime at) { deadline_ = std::min(deadline_, at); }

  RelinkTarget target_;
  std::vector<RelinkSocket> sockets_;  ///< as of the last census
  bool seen_ = false;                  ///< in a full census since the start
  MonoTime looked_at_{};               ///< when that was last
  std::optional<Relink> relink_;
  std::set<std::uint64_t> left_alone_;  ///< cookies that nothing has helped
  RelinkMemory::Open given_up_;         ///< whose they were
  std::optional<MonoTime> last_disturbed_;
  std::optional<MonoTime> counted_at_;  ///< the last relink that the breaker counted
  RelinkReplacements replacements_;
  std::optional<MonoTime> handled_;  ///< the disturbance of the endpoint that was dealt with
  std::optional<MonoTime> first_look_;
  MonoTime deadline_ = kNever;
};

}  // namespace relinkd::core
