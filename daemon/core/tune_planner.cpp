// SPDX-License-Identifier: Apache-2.0
#include "core/tune_planner.hpp"

#include <algorithm>
#include <utility>

namespace relinkd::core {

TunePlan TunePlanner::configure(std::map<RelinkTarget, TuneRules> rules, MonoTime now) {
  for (auto& [cookie, socket] : sockets_) {
    const auto before = rules_.find(socket.tuning.target);
    const auto after = rules.find(socket.tuning.target);
    const bool same =
        before != rules_.end() && after != rules.end() && before->second == after->second;
    if (!same) socket.asked.reset();
  }
  for (auto& [target, told] : told_) {
    const auto before = rules_.find(target);
    const auto after = rules.find(target);
    if (before == rules_.end() || after == rules.end() || before->second != after->second) {
      told.kinds.clear();
    }
  }
  rules_ = std::move(rules);
  std::erase_if(told_, [this](const auto& one) {
    return one.second.under_way == 0 && !rules_.contains(one.first);
  });
  std::erase_if(reverted_, [this](const std::string& app) {
    return std::none_of(rules_.begin(), rules_.end(),
                        [&](const auto& rule) { return rule.first.app == app; });
  });
  unsupported_.reset();
  return plan(now);
}

TunePlan TunePlanner::on_looked(const std::vector<Seen>& sockets, MonoTime now) {
  std::unordered_map<std::uint64_t, Socket> kept;
  kept.reserve(sockets.size());
  for (const Seen& seen : sockets) {
    if (!rules_.contains(seen.target)) continue;
    const auto it = sockets_.find(seen.cookie);
    if (it != sockets_.end() && it->second.tuning.target == seen.target) {
      kept.insert(sockets_.extract(it));
    } else {
      kept[seen.cookie].tuning.target = seen.target;
    }
  }
  sockets_ = std::move(kept);
  return plan(now);
}

TunePlan TunePlanner::pause(bool paused, MonoTime now) {
  paused_ = paused;
  return plan(now);
}

TunePlan TunePlanner::apply(const std::string& app, MonoTime now) {
  reverted_.erase(app);
  unsupported_.reset();
  not_before_.reset();
  ask_anew(app);
  return plan(now);
}

TunePlan TunePlanner::revert(const std::string& app, MonoTime now) {
  reverted_.insert(app);
  unsupported_.reset();
  not_before_.reset();
  ask_anew(app);
  return plan(now);
}

void TunePlanner::ask_anew(const std::string& app) {
  for (auto& [cookie, socket] : sockets_) {
    if (socket.tuning.target.app == app) socket.asked.reset();
  }
  for (auto& [target, told] : told_) {
    if (target.app == app) told.kinds.clear();
  }
}

Tuning TunePlanner::tuning_of(const RelinkTarget& target) const {
  if (reverted_.contains(target.app)) return Tuning::Revert;
  const TuneRules* r = rules(target);
  return r != nullptr && r->acts && r->wanted && !paused_ ? Tuning::Apply : Tuning::Look;
}

bool TunePlanner::is_due(const Socket& socket, Tuning tuning, MonoTime now) const {
  if (socket.under_way) return false;
  if (!socket.asked || now - socket.asked_at >= kAgain) return true;
  return socket.asked != tuning && tuning != Tuning::Look;
}

TunePlan TunePlanner::plan(MonoTime now) {
  TunePlan plan;
  if (unsupported_ || (not_before_ && now < *not_before_)) return plan;
  std::map<RelinkTarget, TuneOrder> filling;
  for (const auto& [cookie, socket] : sockets_) {
    if (under_way_.size() + filling.size() > kMostUnderWay) break;
    const RelinkTarget& target = socket.tuning.target;
    const Tuning tuning = tuning_of(target);
    if (!is_due(socket, tuning, now)) continue;
    TuneOrder& order = filling[target];
    order.target = target;
    order.tuning = tuning;
    order.cookies.push_back(cookie);
    if (order.cookies.size() < kBatch) continue;
    begin(std::move(order), now, plan);
    filling.erase(target);
  }
  for (auto& [target, order] : filling) {
    if (under_way_.size() < kMostUnderWay) begin(std::move(order), now, plan);
  }
  return plan;
}

void TunePlanner::begin(TuneOrder order, MonoTime now, TunePlan& plan) {
  order.id = next_id_++;
  for (const std::uint64_t cookie : order.cookies) {
    Socket& socket = sockets_.at(cookie);
    socket.asked = order.tuning;
    socket.asked_at = now;
    socket.under_way = true;
  }
  ++told_[order.target].under_way;
  plan.orders.push_back(order);
  under_way_.emplace(order.id, std::move(order));
}

TunePlan TunePlanner::on_result(std::uint64_t id, TuneOutcome outcome,
                                const std::vector<TunedSocket>& tuned, const std::string& detail,
                                MonoTime now) {
  const auto node = under_way_.extract(id);
  if (node.empty()) return {};
  const TuneOrder& order = node.mapped();
  Told& told = told_[order.target];
  --told.under_way;
  for (const std::uint64_t cookie : order.cookies) {
    const auto it = sockets_.find(cookie);
    if (it == sockets_.end()) continue;
    it->second.under_way = false;
    // Nobody has looked: the next who can is asked at once.
    if (outcome == TuneOutcome::Lost || outcome == TuneOutcome::Unsupported) {
      it->second.asked.reset();
    }
  }
  std::vector<TuneNews> news;
  switch (outcome) {
    case TuneOutcome::Done: take(order, tuned); break;
    case TuneOutcome::NotDone:
      take(order, tuned);
      told.failed = true;
      if (told.kinds.insert(TuneNews::Kind::NotDone).second) {
        news.push_back({TuneNews::Kind::NotDone, order.target, order.cookies.size(), {}, detail});
      }
      break;
    case TuneOutcome::Unsupported: unsupported_ = detail; break;
    case TuneOutcome::Lost: not_before_ = now + kWait; break;
  }
  if (told.under_way == 0) {
    const bool failed = std::exchange(told.failed, false);
    if (!failed && outcome == TuneOutcome::Done) told.kinds.erase(TuneNews::Kind::NotDone);
  }
  TunePlan next = plan(now);
  next.news = std::move(news);
  tell(order.target, next);
  return next;
}

void TunePlanner::take(const TuneOrder& order, const std::vector<TunedSocket>& tuned) {
  for (const TunedSocket& one : tuned) {
    const auto it = sockets_.find(one.cookie);
    if (it == sockets_.end() ||
        std::find(order.cookies.begin(), order.cookies.end(), one.cookie) == order.cookies.end()) {
      continue;
    }
    SocketTuning& known = it->second.tuning;
    if (order.tuning == Tuning::Revert) {
      if (known.before && !one.before) ++told_[order.target].put_back;
      known.before = one.before;
    } else if (one.before) {
      known.before = one.before;
    } else if (known.now != one.now) {
      known.before.reset();  // the app has set its own since
    }
    known.now = one.now;
  }
}

void TunePlanner::tell(const RelinkTarget& target, TunePlan& plan) {
  Told& told = told_[target];
  const TuneRules* r = rules(target);
  if (told.under_way > 0 || r == nullptr) return;
  if (told.put_back > 0) {
    plan.news.push_back(
        {TuneNews::Kind::Reverted, target, std::exchange(told.put_back, 0), {}, {}});
  }
  if (!r->wanted || reverted_.contains(target.app)) return;
  const auto kind = r->acts ? TuneNews::Kind::Protected : TuneNews::Kind::Would;
  if (told.kinds.contains(kind)) return;
  std::size_t count = 0;
  for (const SocketTuning* known : sockets(target)) {
    if (!known->now) continue;
    const bool loose = protect(*known->now, *r->wanted) != *known->now;
    if (r->acts ? known->before.has_value() : loose) ++count;
  }
  if (count == 0) return;
  told.kinds.insert(kind);
  plan.news.push_back({kind, target, count, *r->wanted, {}});
}

const SocketTuning* TunePlanner::find(std::uint64_t cookie) const {
  const auto it = sockets_.find(cookie);
  return it == sockets_.end() ? nullptr : &it->second.tuning;
}

std::vector<const SocketTuning*> TunePlanner::sockets(const RelinkTarget& target) const {
  std::vector<const SocketTuning*> all;
  for (const auto& [cookie, socket] : sockets_) {
    if (socket.tuning.target == target) all.push_back(&socket.tuning);
  }
  return all;
}

const TuneRules* TunePlanner::rules(const RelinkTarget& target) const {
  const auto it = rules_.find(target);
  return it == rules_.end() ? nullptr : &it->second;
}

}  // namespace relinkd::core
