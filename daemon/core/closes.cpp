// SPDX-License-Identifier: Apache-2.0
#include "core/closes.hpp"

#include <algorithm>

namespace relinkd::core {

namespace {

/// The answer is about the time after the end: what has happened since counts, too. But an incident
/// or a condition that came with the end must not take the place of what was before.
void bring_up_to_date(Circumstances& then, const Circumstances& now) {
  if (then.incident.empty()) then.incident = now.incident;
  then.maintenance = then.maintenance || now.maintenance;
  if (!then.demoted) then.demoted = now.demoted;
  if (now.server_timeout) then.server_timeout = now.server_timeout;
  if (!then.idle_cut) then.idle_cut = now.idle_cut;
}

}  // namespace

CloseOrders Closes::finish() {
  MonoTime deadline = kNever;
  const auto at = [&](MonoTime t) { deadline = std::min(deadline, t); };
  for (const auto& [which, node] : nodes_) {
    if (node.waiting.empty()) continue;
    at(node.waiting.front().since + kAnswerWithin);
    if (!node.asked) at(node.next);
  }
  for (const auto& [kind, gathered] : gathered_) at(gathered.tell);
  orders_.deadline = deadline;
  return std::exchange(orders_, CloseOrders{});
}

void Closes::on_relink(const std::vector<std::uint64_t>& cookies, const std::string& incident,
                       MonoTime now) {
  std::erase_if(relinked_, [&](const auto& r) { return now - r.second.at > kRelinkKnown; });
  for (const std::uint64_t cookie : cookies) relinked_[cookie] = {incident, now};
}

std::string Closes::relink_of(std::uint64_t cookie) const {
  const auto it = relinked_.find(cookie);
  return it == relinked_.end() ? std::string() : it->second.incident;
}

CloseOrders Closes::on_event(const RelinkTarget& target, const SocketEvent& event,
                             const Circumstances& around, MonoTime now) {
  now_ = now;
  if (event.kind != SocketEvent::Kind::Ended && event.kind != SocketEvent::Kind::ConnectFailed) {
    return finish();
  }
  AppClose close{target, event, around, {}, false};
  if (is_final(event) || waiting_ >= kMostWaiting) {
    decide(std::move(close), {});
    return finish();
  }
  const Place which{target.endpoint, event.remote};
  Node& node = nodes_[which];
  node.waiting.push_back({std::move(close), now});
  ++waiting_;
  ask(which, node);
  return finish();
}

void Closes::ask(const Place& which, Node& node) {
  if (node.asked || node.waiting.empty() || now_ < node.next) return;
  node.asked = now_;
  node.next = now_ + kPace;
  orders_.inquire.push_back({which.first, which.second, now_});
}

CloseOrders Closes::on_told(const CloseOrders::Inquiry& inquiry,
                            const std::optional<Inquired>& told, const Circumstances& around,
                            MonoTime now) {
  now_ = now;
  const auto it = nodes_.find({inquiry.endpoint, inquiry.node});
  if (it == nodes_.end() || it->second.asked != inquiry.asked) return finish();
  Node& node = it->second;
  node.asked.reset();
  // What ended after the question is not in the answer.
  const auto later = std::find_if(node.waiting.begin(), node.waiting.end(),
                                  [&](const Waiting& w) { return w.since > inquiry.asked; });
  for (auto w = node.waiting.begin(); w != later; ++w) {
    bring_up_to_date(w->close.around, around);
    Inquired answer = told.value_or(Inquired{});
    answer.after.later = now - w->since;
    decide(std::move(w->close), answer);
    --waiting_;
  }
  node.waiting.erase(node.waiting.begin(), later);
  ask(it->first, node);
  return finish();
}

CloseOrders Closes::on_deadline(MonoTime now) {
  now_ = now;
  give_up_waiting();
  for (auto& [which, node] : nodes_) ask(which, node);
  std::erase_if(nodes_, [&](const auto& n) {
    return n.second.waiting.empty() && !n.second.asked && now_ >= n.second.next;
  });
  tell();
  return finish();
}

void Closes::give_up_waiting() {
  for (auto& [which, node] : nodes_) {
    const auto still =
        std::find_if(node.waiting.begin(), node.waiting.end(),
                     [&](const Waiting& w) { return now_ - w.since < kAnswerWithin; });
    for (auto w = node.waiting.begin(); w != still; ++w) {
      decide(std::move(w->close), {});
      --waiting_;
    }
    node.waiting.erase(node.waiting.begin(), still);
    if (node.asked && now_ - *node.asked >= kAnswerWithin) node.asked.reset();
  }
}

void Closes::decide(AppClose close, const Inquired& told) {
  const std::string relink = relink_of(close.event.cookie);
  close.why = attribute(close.event, close.around, relink, told);
  close.usual = is_usual(close.event, close.around, close.why, relink);
  std::deque<AppClose>& recent = close.usual ? usual_ : unusual_;
  recent.push_back(close);
  if (recent.size() > kRemembered) recent.pop_front();
  if (!close.usual) gather(close);
  orders_.closed.push_back(std::move(close));
}

void Closes::gather(const AppClose& close) {
  const Kind kind{close.target, close.event.remote, close.why.cause};
  auto it = gathered_.find(kind);
  if (it == gathered_.end()) {
    if (gathered_.size() >= kMostGathered) {
      orders_.news.push_back({close, 1, {}});
      return;
    }
    it = gathered_.emplace(kind, Gathered{std::nullopt, now_ + kGather}).first;
  }
  std::optional<CloseNews>& news = it->second.news;
  if (!news) {
    news = CloseNews{close, 0, {}};
  }
  ++news->count;
  news->over = std::max(news->over, close.event.at - news->first.event.at);
}

void Closes::tell() {
  for (auto it = gathered_.begin(); it != gathered_.end();) {
    Gathered& gathered = it->second;
    if (now_ < gathered.tell) {
      ++it;
    } else if (gathered.news) {
      orders_.news.push_back(*std::exchange(gathered.news, std::nullopt));
      gathered.tell = now_ + kGatherOn;
      ++it;
    } else {
      it = gathered_.erase(it);
    }
  }
}

}  // namespace relinkd::core
