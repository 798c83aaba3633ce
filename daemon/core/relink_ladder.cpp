// SPDX-License-Identifier: Apache-2.0
#include "core/relink_ladder.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::core {

namespace {

/// Sockets of one order.
constexpr std::size_t kMostAnOrder = 256;
/// Cookies that are remembered though their sockets are gone.
constexpr std::size_t kMostCookies = 1000;
/// Between attempts while there is no actuator; doubled from the first to the last.
constexpr Duration kFirstRetry = 1s;
constexpr Duration kLastRetry = 60s;

}  // namespace

std::optional<std::size_t> RelinkLadder::destroying(const std::vector<RelinkVerb>& ladder,
                                                    std::size_t rungs) {
  for (std::size_t i = 0; i < std::min(rungs, ladder.size()); ++i) {
    if (ladder[i] == RelinkVerb::DestroySockets) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> RelinkLadder::first_blind(const std::vector<RelinkVerb>& ladder) {
  const auto first = std::find_if(ladder.begin(), ladder.end(),
                                  [](auto v) { return v != RelinkVerb::DestroySockets; });
  if (first == ladder.end()) return std::nullopt;
  return static_cast<std::size_t>(first - ladder.begin());
}

void RelinkLadder::Counts::add(const Counts& other) {
  black_holed += other.black_holed;
  wrong_node += other.wrong_node;
  siblings += other.siblings;
}

// --- events -----------------------------------------------------------------------------------

void RelinkLadder::on_census(const RelinkSurroundings& around,
                             const std::vector<RelinkSocket>& sockets, bool full) {
  sockets_ = sockets;
  if (full) {
    seen_ = true;
    looked_at_ = around.now;
  }
  std::set<std::uint64_t> present;
  for (const RelinkSocket& s : sockets_) present.insert(s.cookie);
  // No cookie is used twice. A list is no snapshot, so those of a relink are kept while there is
  // room: one that is missing once may be back.
  if (full) std::erase_if(left_alone_, [&](std::uint64_t c) { return !present.contains(c); });
  if (relink_ && relink_->ordered.size() > kMostCookies) {
    std::erase_if(relink_->ordered, [&](const auto& o) { return !present.contains(o.first); });
  }
  evaluate(around);
}

void RelinkLadder::on_result(const RelinkSurroundings& around, std::uint64_t id,
                             RelinkOutcome outcome, const std::string& detail) {
  if (!relink_) return;
  const auto node = relink_->in_flight.extract(id);
  if (node.empty()) return;  // of a relink that is over
  const InFlight& order = node.mapped();
  Relink& r = *relink_;
  const MonoTime due = around.now + around.rules.verify_within;
  for (const std::uint64_t cookie : order.cookies) r.ordered[cookie] = due;
  const bool of_this_rung = order.rung == r.rung;
  const bool nothing_done =
      !r.done && std::none_of(r.in_flight.begin(), r.in_flight.end(),
                              [&](const auto& other) { return other.second.rung == r.rung; });
  switch (outcome) {
    case RelinkOutcome::Done:
      r.ended.add(order.counts);
      r.done_rung = order.rung;
      r.retry = kFirstRetry;
      if (of_this_rung) {
        r.done = true;
        r.due = due;
      }
      break;
    case RelinkOutcome::Failed:
      // Where a part of an action was carried out, verification tells whether that was enough.
      if (of_this_rung && !nothing_done) r.failed_in_part = true;
      if (of_this_rung && nothing_done && !r.over) {
        if (around.rules.ladder[r.rung] == RelinkVerb::DestroySockets) r.cannot_destroy = true;
        climb(around, look(around), RelinkResult::Failed, detail);
      }
      break;
    case RelinkOutcome::NoActuator:
      if (r.over) return finish(around);
      for (const std::uint64_t cookie : order.cookies) r.ordered.erase(cookie);
      if (of_this_rung && nothing_done) r.acted.reset();
      if (r.in_flight.empty()) around.slots.leave(target_.app);
      if (of_this_rung && !std::exchange(r.absent_told, true)) {
        tell_ended(around, look(around), RelinkResult::NoActuator, detail);
      }
      retry_later(around, !order.cookies.empty());
      break;
  }
  evaluate(around);
}

void RelinkLadder::retry_later(const RelinkSurroundings& around, bool destroys) {
  Relink& r = *relink_;
  // The orders of one attempt are answered one by one.
  if (!r.retry_at) {
    r.retry = std::max(r.retry, kFirstRetry);
    r.retry_at = around.now + r.retry;
    r.retry = std::min(2 * r.retry, kLastRetry);
  }
  // An actuator that went away may have done it: what does more than end sockets is given its time
  // to show before it is done once more.
  if (!destroys) r.retry_at = std::max(*r.retry_at, around.now + around.rules.verify_within);
}

void RelinkLadder::evaluate(const RelinkSurroundings& around) {
  deadline_ = kNever;
  if (!first_look_) first_look_ = around.now;
  if (around.rules.endpoint_trigger) begin_triggered(around);
  const RelinkFound found = look(around);
  if (!relink_) return;
  settle(around);
  count_replacements(around, found);
  if (relink_->over) return sweep(around, found);
  if (has_recovered(around, found)) return recover(around, found);
  if (verify(around, found)) act(around, found);
}

void RelinkLadder::order(const RelinkSurroundings& around, bool dry_run) {
  Relink r;
  r.triggered = around.rules.endpoint_trigger;
  if (r.triggered) {
    const auto first = first_blind(around.rules.ladder);
    if (!first) return;
    r.rung = *first;
  }
  for (const RelinkSocket& s : sockets_) {
    if (s.state != AppSocketState::Connecting && !is_ending(around, s.cookie)) {
      r.by_hand.insert(s.cookie);
    }
  }
  if (r.by_hand.empty() && !r.triggered) return;
  r.incident = around.health.incident;
  if (r.incident.empty() && relink_) r.incident = relink_->incident;
  if (r.incident.empty()) r.incident = around.new_incident(target_);
  r.bad_since = around.now;
  r.by_person = r.exempt = true;
  r.retry = kFirstRetry;

  // What is told is told of the new relink; where it does not come to be, the old one goes on.
  std::optional<Relink> before = std::exchange(relink_, std::move(r));
  RelinkFound found = find_bad(sockets_, around.endpoint.wrong_node, {}, relink_->by_hand);
  RelinkNews& news = tell(around, RelinkNews::Kind::Decided);
  found.tell(news);
  news.detail = relink_->triggered ? "ordered by hand"
                                   : fmt::format("ordered by hand, for all of its {}",
                                                 plural(relink_->by_hand.size(), "connection"));
  std::optional<RelinkHold> why = forbidden(around);
  if (!why && !around.health.healthy) why = RelinkHold::Unhealthy;
  if (!why && !around.health.confirmed) why = RelinkHold::Unconfirmed;
  if (why) hold(around, found, *why);
  if (why || dry_run) {
    relink_ = std::move(before);
    return;
  }
  left_alone_.clear();
  replacements_.clear();
  evaluate(around);
}

/// Whether it was ordered to end, and no look since the answer says that it is still there.
bool RelinkLadder::is_ending(const RelinkSurroundings& around, std::uint64_t cookie) const {
  if (!relink_) return false;
  const auto it = relink_->ordered.find(cookie);
  if (it == relink_->ordered.end()) return false;
  return it->second == kNever || it->second - around.rules.verify_within >= looked_at_;
}

void RelinkLadder::on_breaker_closed(bool by_person) {
  replacements_.clear();
  if (by_person) left_alone_.clear();
}

void RelinkLadder::abandon(RelinkSlots& slots) {
  relink_.reset();
  slots.leave(target_.app);
}

// --- what is done -----------------------------------------------------------------------------

void RelinkLadder::act(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  if (const auto why = forbidden(around)) {
    hold(around, found, *why);
    r.ready_at.reset();
    // A turn that cannot be used is another's.
    if (r.in_flight.empty()) around.slots.leave(target_.app);
    return;
  }
  if (r.retry_at) {
    if (around.now < *r.retry_at) return wake(*r.retry_at);
    r.retry_at.reset();
  }
  const std::vector<RelinkVerb>& ladder = around.rules.ladder;
  if (!r.triggered) destroy_dead(around, found);
  if (forbidden(around)) return;  // that was one relink too many
  if (ladder[r.rung] == RelinkVerb::DestroySockets) {
    destroy_disturbing(around, found);
  } else {
    run_verb(around, found);
  }
}

void RelinkLadder::sweep(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  const bool left =
      std::any_of(found.siblings.begin(), found.siblings.end(),
                  [&](const RelinkSocket* s) { return !r.ordered.contains(s->cookie); });
  // What went with a dead one that is gone is not worth waiting for a pause or a breaker to end.
  if (left && !around.rules.observe && !forbidden(around)) {
    return destroy_disturbing(around, found);
  }
  if (r.in_flight.empty()) finish(around);
}

/// Dead sockets that were not ordered to end yet, at once, if the ladder has come to that action.
void RelinkLadder::destroy_dead(const RelinkSurroundings& around, const RelinkFound& found) {
  const Relink& r = *relink_;
  const auto rung = destroying(around.rules.ladder, r.rung + 1);
  if (!rung || r.cannot_destroy) return;
  std::vector<const RelinkSocket*> due;
  for (const RelinkSocket* s : found.dead) {
    if (r.ordered.contains(s->cookie)) continue;
    if (around.health.healthy_nodes.contains(s->node)) {
      due.push_back(s);
    } else {
      hold(around, found, RelinkHold::Unhealthy);
    }
  }
  destroy(around, found, due, *rung);
}

void RelinkLadder::destroy_disturbing(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  std::vector<const RelinkSocket*> due;
  for (const auto* list : {&found.wrong, &found.siblings}) {
    std::copy_if(list->begin(), list->end(), std::back_inserter(due),
                 [&](const RelinkSocket* s) { return !r.ordered.contains(s->cookie); });
  }
  if (due.empty() || !may_disturb(around, found, RelinkVerb::DestroySockets)) return;
  const std::size_t ordered = destroy(around, found, due, r.rung);
  if (ordered == 0) return;
  r.disturbed = true;
  last_disturbed_ = around.now;
  // Those that are found later wait anew: on other hosts they are found at the same moment.
  if (ordered == due.size()) r.ready_at.reset();
}

/// Orders as many as reconnect_rate allows, and returns how many these are.
std::size_t RelinkLadder::destroy(const RelinkSurroundings& around, const RelinkFound& found,
                                  const std::vector<const RelinkSocket*>& sockets,
                                  std::size_t rung) {
  if (sockets.empty()) return 0;
  std::size_t taken = 0;
  if (!around.rules.observe) {
    around.bucket.set_rate(around.endpoint.reconnect_rate);
    taken = around.bucket.take(sockets.size(), around.now);
    if (taken < sockets.size()) {
      hold(around, found, RelinkHold::Rate);
      wake(around.bucket.next(sockets.size() - taken, around.now));
    }
    if (taken == 0) return 0;
  }
  if (!may_count(around, found)) return 0;
  InFlight order;
  for (std::size_t i = 0; i < taken; ++i) {
    const RelinkSocket& s = *sockets[i];
    order.cookies.push_back(s.cookie);
    if (s.state == AppSocketState::BlackHoled) {
      ++order.counts.black_holed;
    } else if (s.state == AppSocketState::WrongNode) {
      ++order.counts.wrong_node;
    } else if (!relink_->by_person) {
      ++order.counts.siblings;
    }
    replacements_.on_order(s.node, around.now);
    if (order.cookies.size() == kMostAnOrder || i + 1 == taken) {
      give(around, rung, std::exchange(order, {}));
    }
  }
  return taken;
}

/// An action that is done once, for all of the app's connections to the endpoint.
void RelinkLadder::run_verb(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  if (r.acted) return;
  // Not for what is being destroyed right now, nor for what is only not known again after a
  // restart.
  const bool unconnected = r.done_rung && around.rules.expect_connections && !found.living;
  if (!r.triggered && !is_left(around, found) && (found.bad() || !unconnected)) return;
  if (!may_disturb(around, found, around.rules.ladder[r.rung])) return;
  if (!may_count(around, found) || around.rules.observe) return;
  r.disturbed = true;
  last_disturbed_ = around.now;
  InFlight order;
  order.counts = {found.dead.size(), found.wrong_nodes(), 0};
  for (const auto* list : {&found.dead, &found.wrong}) {
    for (const RelinkSocket* s : *list) replacements_.on_order(s->node, around.now);
  }
  give(around, r.rung, std::move(order));
}

void RelinkLadder::give(const RelinkSurroundings& around, std::size_t rung, InFlight in_flight) {
  Relink& r = *relink_;
  RelinkOrder order;
  order.id = around.next_order++;
  order.target = target_;
  order.incident = r.incident;
  order.rung = rung;
  order.verb = around.rules.ladder[rung];
  order.cookies = in_flight.cookies;
  for (const std::uint64_t cookie : order.cookies) r.ordered[cookie] = kNever;
  if (rung == r.rung) r.acted = around.now;
  in_flight.rung = rung;
  r.in_flight.emplace(order.id, std::move(in_flight));
  around.plan.orders.push_back(std::move(order));
}

// --- what holds it ----------------------------------------------------------------------------

/// What forbids every action.
std::optional<RelinkHold> RelinkLadder::forbidden(const RelinkSurroundings& around) const {
  const bool blind = !seen_ && !relink_->triggered;
  if (blind || !around.health.proven) return RelinkHold::Starting;
  if (around.paused) return RelinkHold::Paused;
  if (around.breaker.is_open() && !relink_->exempt) return RelinkHold::Breaker;
  return std::nullopt;
}

/// Whether living connections may be disturbed now.
bool RelinkLadder::may_disturb(const RelinkSurroundings& around, const RelinkFound& found,
                               RelinkVerb verb) {
  Relink& r = *relink_;
  const bool in_turn = r.disturbed;
  std::optional<RelinkHold> why;
  if (!around.health.confirmed) why = RelinkHold::Unconfirmed;
  if (!around.health.healthy) why = RelinkHold::Unhealthy;
  if (why) {
    // The wait begins anew when it is over, since all hosts see that at the same moment.
    r.ready_at.reset();
    if (!in_turn) around.slots.leave(target_.app);
    hold(around, found, *why);
    return false;
  }
  if (r.by_person) r.ready_at = around.now;
  if (!r.ready_at) {
    const Duration spread =
        verb == RelinkVerb::Restart ? around.rules.restart_spread : around.rules.spread;
    r.ready_at = around.now + from_seconds(to_seconds(spread) * around.entropy.unit());
  }
  if (around.now < *r.ready_at) {
    wake(*r.ready_at);
    return false;
  }
  // What is bad, and what has been idle, is what a look after the wait says.
  if (!r.by_person && !r.triggered && looked_at_ < *r.ready_at) return false;
  // The actions of one ladder follow each other.
  if (!r.by_person && !in_turn && last_disturbed_ &&
      around.now - *last_disturbed_ < around.rules.min_interval) {
    r.ready_at = *last_disturbed_ + around.rules.min_interval;
    wake(*r.ready_at);
    if (r.in_flight.empty()) around.slots.leave(target_.app);
    hold(around, found, RelinkHold::MinInterval);
    return false;
  }
  // One who only observes takes nobody's turn.
  if (around.rules.observe || around.slots.take(target_.app, around.endpoint.max_parallel)) {
    return true;
  }
  hold(around, found, RelinkHold::MaxParallel);
  return false;
}

/// Tells the breaker of a relink that begins to act (once), and of one that only would the result.
bool RelinkLadder::may_count(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  const bool same = counted_at_ && around.now - *counted_at_ < around.rules.min_interval;
  if (!r.counted && !r.exempt && !same) {
    if (!around.breaker.count(around.rules.max_relinks_per_hour, around.now)) {
      open_breaker(around, fmt::format("more than {} relinks within an hour",
                                       around.rules.max_relinks_per_hour));
      hold(around, found, RelinkHold::Breaker);
      return false;
    }
    counted_at_ = around.now;
  }
  r.counted = true;
  if (around.rules.observe && !std::exchange(r.would_told, true)) {
    tell_ended(around, found, RelinkResult::Would, {});
  }
  return true;
}

void RelinkLadder::open_breaker(const RelinkSurroundings& around, std::string why) {
  RelinkNews& news = around.plan.news.emplace_back();
  news.kind = RelinkNews::Kind::BreakerOpened;
  news.target.app = target_.app;
  news.incident = relink_->incident;
  news.detail = why;
  around.breaker.open(std::move(why), around.now);
}

// --- what is told -----------------------------------------------------------------------------

void RelinkLadder::hold(const RelinkSurroundings& around, const RelinkFound& found,
                        RelinkHold why) {
  if (!relink_->held.insert(why).second) return;
  RelinkNews& news = tell(around, RelinkNews::Kind::Held);
  found.tell(news);
  news.hold = why;
}

RelinkNews& RelinkLadder::tell(const RelinkSurroundings& around, RelinkNews::Kind kind) const {
  RelinkNews& news = around.plan.news.emplace_back();
  news.kind = kind;
  news.target = target_;
  news.incident = relink_->incident;
  news.rung = relink_->rung;
  news.verb = around.rules.ladder[news.rung];
  return news;
}

void RelinkLadder::tell_ended(const RelinkSurroundings& around, const RelinkFound& found,
                              RelinkResult result, const std::string& detail) {
  RelinkNews& news = tell(around, RelinkNews::Kind::Ended);
  found.tell(news);
  news.result = result;
  news.detail = detail;
}

}  // namespace relinkd::core
