// SPDX-License-Identifier: Apache-2.0
#include "core/relink_found.hpp"

#include <algorithm>
#include <cstddef>

namespace relinkd::core {

namespace {

bool is_idle(const RelinkSocket& s) {
  return s.state == AppSocketState::Ok || s.state == AppSocketState::Unproven;
}

}  // namespace

MonoTime RelinkFound::since(MonoTime now) const {
  MonoTime first = now;
  for (const auto* list : {&dead, &wrong}) {
    for (const RelinkSocket* s : *list) first = std::min(first, s->since);
  }
  return first;
}

std::string RelinkFound::node() const {
  std::map<std::string, std::size_t> counts;
  for (const auto* list : {&dead, &wrong}) {
    for (const RelinkSocket* s : *list) ++counts[s->node];
  }
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::string{} : most->first;
}

std::uint64_t RelinkFound::wrong_nodes() const {
  return static_cast<std::uint64_t>(std::count_if(wrong.begin(), wrong.end(), [](const auto* s) {
    return s->state == AppSocketState::WrongNode;
  }));
}

void RelinkFound::tell(RelinkNews& news) const {
  news.black_holed = dead.size();
  news.wrong_node = wrong_nodes();
  news.siblings = siblings.size();
  news.node = node();
}

RelinkFound find_bad(const std::vector<RelinkSocket>& sockets, bool wrong_node,
                     const std::set<std::uint64_t>& left_alone,
                     const std::set<std::uint64_t>& by_hand) {
  RelinkFound found;
  for (const RelinkSocket& s : sockets) {
    const bool wanted_gone = by_hand.contains(s.cookie);
    if (is_idle(s) && !wanted_gone) found.living = true;
    if (left_alone.contains(s.cookie)) continue;
    if (s.state == AppSocketState::BlackHoled) {
      found.dead.push_back(&s);
    } else if (wanted_gone || (wrong_node && s.state == AppSocketState::WrongNode)) {
      found.wrong.push_back(&s);
    }
  }
  return found;
}

void find_siblings(RelinkFound& found, const std::vector<RelinkSocket>& sockets,
                   const DeadAcks& dead_acks, const std::set<std::uint64_t>& left_alone) {
  if (dead_acks.empty()) return;
  const std::set<const RelinkSocket*> wrong(found.wrong.begin(), found.wrong.end());
  for (const RelinkSocket& s : sockets) {
    if (!is_idle(s) || s.looked_after || left_alone.contains(s.cookie)) continue;
    const auto ack = dead_acks.find(s.node);
    if (ack == dead_acks.end() || s.last_ack >= ack->second || wrong.contains(&s)) continue;
    found.siblings.push_back(&s);
  }
}

}  // namespace relinkd::core
