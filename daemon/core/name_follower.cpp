// SPDX-License-Identifier: Apache-2.0
#include "core/name_follower.hpp"

#include <algorithm>

namespace relinkd::core {

NameFollower::Change NameFollower::on_answer(MonoTime now, const std::vector<Address>& addresses,
                                             Duration ttl, const std::optional<Address>& in_use) {
  failing_ = false;
  Change change;
  const auto contains = [](const std::vector<Address>& list, const Address& a) {
    return std::find(list.begin(), list.end(), a) != list.end();
  };
  const bool first = last_.empty();
  for (const Address& a : addresses) {
    if (!first && !contains(last_, a)) {
      change.changed = true;
      rotates_ = rotates_ || seen_.contains(a);
    }
    seen_[a] = now;
  }
  for (const Address& a : last_) change.changed = change.changed || !contains(addresses, a);
  last_ = addresses;

  turn_ = std::max(3 * ttl, Duration(10s));
  change.move = in_use && !belongs(*in_use, now);
  // Rotation shows within minutes; a name that served hundreds of addresses is not remembered
  // whole.
  std::erase_if(seen_, [&](const auto& entry) { return now - entry.second > Duration(1h); });
  while (seen_.size() > kRemembered) {
    seen_.erase(std::min_element(seen_.begin(), seen_.end(),
                                 [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  return change;
}

bool NameFollower::belongs(const Address& address, MonoTime now) const {
  if (std::find(last_.begin(), last_.end(), address) != last_.end()) return true;
  return rotates_ && seen_.contains(address) && !long_gone(address, now);
}

bool NameFollower::long_gone(const Address& address, MonoTime now) const {
  const auto it = seen_.find(address);
  return it == seen_.end() || now - it->second >= turn_;
}

std::vector<Address> NameFollower::candidates(const std::optional<Address>& preferred) const {
  std::vector<Address> list = last_;
  if (preferred) {
    const auto it = std::find(list.begin(), list.end(), *preferred);
    if (it != list.end()) std::rotate(list.begin(), it, it + 1);
  }
  return list;
}

}  // namespace relinkd::core
