// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/relink_ladder.hpp"

namespace relinkd::core {

namespace {

/// Cookies that are remembered over a restart.
constexpr std::size_t kMostCookies = 1000;

}  // namespace

// --- what is there ----------------------------------------------------------------------------

/// Finds what is bad, and begins a relink if none is under way.
RelinkFound RelinkLadder::look(const RelinkSurroundings& around) {
  RelinkFound found;
  if (around.rules.endpoint_trigger) return found;
  found = find_bad(sockets_, around.endpoint.wrong_node, left_alone_,
                   relink_ ? relink_->by_hand : std::set<std::uint64_t>{});
  const bool begins = (!relink_ || relink_->over) && found.bad();
  if (begins) begin(around, found);
  if (!relink_) return found;
  for (const RelinkSocket* s : found.dead) {
    MonoTime& newest = relink_->dead_acks.try_emplace(s->node, s->last_ack).first->second;
    newest = std::max(newest, s->last_ack);
  }
  if (around.rules.idle_siblings && !relink_->by_person &&
      around.rules.ladder[relink_->rung] == RelinkVerb::DestroySockets) {
    find_siblings(found, sockets_, relink_->dead_acks, left_alone_);
  }
  if (begins) found.tell(tell(around, RelinkNews::Kind::Decided));
  return found;
}

void RelinkLadder::begin(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink r;
  r.incident = around.health.incident;
  if (r.incident.empty()) r.incident = around.new_incident(target_);
  r.bad_since = found.since(around.now);
  if (relink_ && around.rules.ladder.front() == RelinkVerb::DestroySockets) {
    // Siblings of the relink before still wait.
    r.dead_acks = std::move(relink_->dead_acks);
    r.ordered = std::move(relink_->ordered);
    r.in_flight = std::move(relink_->in_flight);
    r.ready_at = relink_->ready_at;
  }
  relink_ = std::move(r);
}

/// For an app whose sockets cannot be seen: error_threshold after its endpoint was disturbed.
void RelinkLadder::begin_triggered(const RelinkSurroundings& around) {
  const std::optional<MonoTime>& disturbed = around.health.disturbed;
  if (relink_ || !disturbed || (handled_ && *handled_ >= *disturbed)) return;
  const MonoTime due = *disturbed + around.rules.error_threshold;
  if (around.now < due) return wake(due);
  handled_ = *disturbed;
  // A process before this one has acted on it, or it is old news of before this target was known.
  if (last_disturbed_ && *last_disturbed_ >= due) return;
  if (due + around.rules.min_interval < *first_look_) return;
  Relink r;
  const auto first = first_blind(around.rules.ladder);
  if (!first) return;
  r.rung = *first;
  r.incident = around.health.incident;
  if (r.incident.empty()) r.incident = around.new_incident(target_);
  r.bad_since = *disturbed;
  r.triggered = true;
  relink_ = std::move(r);
  tell(around, RelinkNews::Kind::Decided).detail =
      fmt::format("its endpoint was disturbed {} ago", to_text(around.now - *disturbed));
}

void RelinkLadder::count_replacements(const RelinkSurroundings& around, const RelinkFound& found) {
  replacements_.forget_old(around.now);
  for (const RelinkSocket* s : found.dead) replacements_.on_dead(*s);
  const auto node = replacements_.failing();
  if (!node) return;
  // A person's order, too, ends here.
  relink_->exempt = false;
  if (!around.breaker.is_open()) {
    open_breaker(around, fmt::format("{} replacements to {} died within a minute of being opened, "
                                     "as on a path that drops large packets",
                                     RelinkReplacements::kTooMany, *node));
  }
  replacements_.clear();
}

/// Of a relink of before a restart: nothing can be said of it before this process has seen all
/// sockets, has a proof of the endpoint, and has had the time to know again what is bad.
void RelinkLadder::settle(const RelinkSurroundings& around) {
  Relink& r = *relink_;
  if (!r.restored || r.settles) return;
  if (!around.health.proven || (!seen_ && !r.triggered)) return;
  r.settles = around.now + around.rules.verify_within;
  r.due = *r.settles;
  for (auto& [cookie, due] : r.ordered) due = *r.settles;
}

// --- whether it helped ------------------------------------------------------------------------

bool RelinkLadder::has_recovered(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  if (r.triggered || found.bad() || !r.in_flight.empty()) return false;
  if (r.restored && (!r.settles || around.now < *r.settles)) {
    if (r.settles) wake(*r.settles);
    const bool may_be_bad =
        std::any_of(sockets_.begin(), sockets_.end(),
                    [&](const RelinkSocket& s) { return r.awaited.contains(s.cookie); });
    if (r.acted || may_be_bad || !r.settles) return false;
  }
  // One whose bad sockets went before anything was done needs no proof that it did.
  return !r.done_rung || !around.rules.expect_connections || found.living;
}

void RelinkLadder::recover(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  using Kind = RelinkNews::Kind;
  const auto count = [&](RelinkNews& news) {
    news.black_holed = r.ended.black_holed;
    news.wrong_node = r.ended.wrong_node;
    news.siblings = r.ended.siblings;
  };
  if (r.done) {
    tell_ended(around, found, RelinkResult::Recovered, {});
    count(around.plan.news.back());
  }
  if (r.done_rung || !around.rules.observe) {
    RelinkNews& news = tell(around, Kind::Recovered);
    count(news);
    news.lasted = around.now - r.bad_since;
    if (r.done_rung) {
      news.rung = *r.done_rung;
      news.verb = around.rules.ladder[news.rung];
    } else {
      news.detail = "by itself, before anything was done";
    }
  }
  r.over = true;
  sweep(around, found);
}

/// Whether the relink goes on: what was done has helped, has still time to, or there is more.
bool RelinkLadder::verify(const RelinkSurroundings& around, const RelinkFound& found) {
  Relink& r = *relink_;
  if ((!r.done && !r.failed_in_part) || !r.in_flight.empty()) return true;
  if (r.triggered) {
    if (around.now < r.due) {
      wake(r.due);
      return true;
    }
    if (around.health.healthy) {
      recover(around, found);
      return false;
    }
    return climb(around, found, RelinkResult::NotRecovered, {});
  }
  // While the endpoint is not well, nobody can have reconnected to it: that tells nothing of the
  // action. Its time begins anew with the endpoint's health.
  if (!around.health.healthy) {
    r.suspended = true;
    return true;
  }
  if (std::exchange(r.suspended, false)) {
    r.due = std::max(r.due, around.now + around.rules.verify_within);
    for (auto& [cookie, due] : r.ordered) due = std::max(due, r.due);
  }
  if (!did_not_help(around, found)) return true;
  return climb(around, found, RelinkResult::NotRecovered, {});
}

/// By a look after the time was over: what happened since the last one before is not known yet.
bool RelinkLadder::did_not_help(const RelinkSurroundings& around, const RelinkFound& found) const {
  const Relink& r = *relink_;
  const auto& ladder = around.rules.ladder;
  const bool destroys = ladder[r.rung] == RelinkVerb::DestroySockets;
  if (!found.bad()) {
    return looked_at_ >= r.due && around.rules.expect_connections && !found.living;
  }
  // Of an action for all sockets, all have the same time; dead ones that are destroyed have each
  // their own.
  if (!destroys && looked_at_ < r.due) return false;
  return is_left(around, found);
}

/// Whether a socket is bad that nothing which was ordered, or is about to be, may still end.
bool RelinkLadder::is_left(const RelinkSurroundings& around, const RelinkFound& found) const {
  const Relink& r = *relink_;
  const auto& ladder = around.rules.ladder;
  const bool destroys = ladder[r.rung] == RelinkVerb::DestroySockets;
  const bool dead_go = !r.cannot_destroy && destroying(ladder, r.rung + 1);
  const auto left = [&](const RelinkSocket* s) {
    const auto it = r.ordered.find(s->cookie);
    if (it != r.ordered.end()) return looked_at_ >= it->second;
    return !destroys && !(dead_go && s->state == AppSocketState::BlackHoled);
  };
  return std::any_of(found.dead.begin(), found.dead.end(), left) ||
         std::any_of(found.wrong.begin(), found.wrong.end(), left);
}

/// The next action of the ladder. False: there is none, and the relink has ended.
bool RelinkLadder::climb(const RelinkSurroundings& around, const RelinkFound& found,
                         RelinkResult result, const std::string& detail) {
  Relink& r = *relink_;
  tell_ended(around, found, result, detail);
  const auto& ladder = around.rules.ladder;
  std::size_t next = r.rung + 1;
  // What cannot be seen cannot be destroyed, and no socket is ordered to end twice.
  const auto is_vain = [&](std::size_t rung) {
    return ladder[rung] == RelinkVerb::DestroySockets && (r.triggered || destroying(ladder, rung));
  };
  while (next < ladder.size() && is_vain(next)) ++next;
  if (next == ladder.size()) {
    give_up(around, found);
    return false;
  }
  r.rung = next;
  // After a failure at once, but that many hosts must not restart at the same moment.
  if (result != RelinkResult::Failed || ladder[next] == RelinkVerb::Restart) r.ready_at.reset();
  r.acted.reset();
  r.done = r.failed_in_part = false;
  r.due = kNever;
  r.absent_told = false;
  r.retry_at.reset();
  r.retry = {};
  return true;
}

void RelinkLadder::give_up(const RelinkSurroundings& around, const RelinkFound& found) {
  found.tell(tell(around, RelinkNews::Kind::GaveUp));
  for (const auto* list : {&found.dead, &found.wrong}) {
    for (const RelinkSocket* s : *list) {
      // A living one that a person wanted gone may still go bad.
      if (s->state == AppSocketState::BlackHoled || s->state == AppSocketState::WrongNode) {
        left_alone_.insert(s->cookie);
      }
    }
  }
  given_up_.incident = relink_->incident;
  given_up_.bad_since = relink_->bad_since;
  finish(around);
}

void RelinkLadder::finish(const RelinkSurroundings& around) {
  relink_.reset();
  around.slots.leave(target_.app);
}

// --- over a restart ---------------------------------------------------------------------------

void RelinkLadder::restore(const RelinkMemory::Open* open, std::optional<MonoTime> last_disturbed,
                           const RelinkAppRules& rules) {
  last_disturbed_ = last_disturbed;
  if (open == nullptr) return;
  if (open->rung >= rules.ladder.size()) {
    given_up_ = *open;
    left_alone_ = {open->cookies.begin(), open->cookies.end()};
    return;
  }
  Relink r;
  r.incident = open->incident;
  r.bad_since = open->bad_since;
  r.rung = open->rung;
  r.restored = true;
  r.triggered = rules.endpoint_trigger;
  r.awaited = {open->cookies.begin(), open->cookies.end()};
  r.counted = r.rung > 0;
  if (r.rung > 0) r.done_rung = r.rung - 1;
  if (open->acted != MonoTime{}) {
    // Whether it was carried out is not known. Verification tells; it is not done again.
    r.acted = open->acted;
    r.done = r.counted = true;
    r.done_rung = r.rung;
  }
  // Of what it destroyed, nobody remembers whether that was living: then min_interval holds what is
  // next.
  const std::size_t begun = r.rung + (r.acted ? 1 : 0);
  const auto first_verb = first_blind(rules.ladder);
  r.disturbed = first_verb && *first_verb < begun;
  // Before the ladder has come to destroying, cookies are only of what was bad.
  if (r.acted || destroying(rules.ladder, r.rung)) {
    for (const std::uint64_t cookie : open->cookies) r.ordered[cookie] = kNever;
  }
  relink_ = std::move(r);
}

std::optional<RelinkMemory::Open> RelinkLadder::open(const RelinkAppRules& rules,
                                                     const RelinkEndpointRules& endpoint) const {
  if (!relink_ || relink_->over) {
    if (left_alone_.empty()) return std::nullopt;
    RelinkMemory::Open given_up = given_up_;
    given_up.rung = rules.ladder.size();
    given_up.cookies = {left_alone_.begin(), left_alone_.end()};
    if (given_up.cookies.size() > kMostCookies) given_up.cookies.resize(kMostCookies);
    return given_up;
  }
  const Relink& r = *relink_;
  RelinkMemory::Open open;
  open.incident = r.incident;
  open.rung = r.rung;
  open.bad_since = r.bad_since;
  open.acted = r.acted.value_or(MonoTime{});
  std::set<std::uint64_t> cookies;
  for (const auto& [cookie, due] : r.ordered) cookies.insert(cookie);
  if (!r.acted) {
    cookies.insert(r.awaited.begin(), r.awaited.end());
    const RelinkFound found = find_bad(sockets_, endpoint.wrong_node, left_alone_, {});
    for (const auto* list : {&found.dead, &found.wrong}) {
      for (const RelinkSocket* s : *list) cookies.insert(s->cookie);
    }
  }
  open.cookies = {cookies.begin(), cookies.end()};
  if (open.cookies.size() > kMostCookies) open.cookies.resize(kMostCookies);
  return open;
}

}  // namespace relinkd::core
