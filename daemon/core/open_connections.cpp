// SPDX-License-Identifier: Apache-2.0
#include "core/open_connections.hpp"

#include <algorithm>
#include <utility>

namespace relinkd::core {

const RelinkTarget* OpenConnections::find(std::uint64_t cookie) const {
  for (const ByCookie* all : {&open_, &missed_}) {
    if (const auto it = all->find(cookie); it != all->end()) return &it->second.target;
  }
  return nullptr;
}

void OpenConnections::on_ended(std::uint64_t cookie) {
  open_.erase(cookie);
  missed_.erase(cookie);
}

void OpenConnections::forget() {
  open_.clear();
  missed_.clear();
}

std::uint64_t OpenConnections::on_looked(ByCookie open,
                                         const std::unordered_set<std::uint64_t>& ended,
                                         const std::function<bool(const Address&)>& watched) {
  if (std::exchange(some_lost_, false)) forget();
  const auto untold = std::count_if(missed_.begin(), missed_.end(),
                                    [&](const auto& one) { return !open.contains(one.first); });
  missed_ = std::exchange(open_, std::move(open));
  std::erase_if(missed_, [&](const auto& one) {
    return open_.contains(one.first) || !watched(one.second.remote);
  });
  std::erase_if(open_, [&](const auto& one) { return ended.contains(one.first); });
  return static_cast<std::uint64_t>(untold);
}

}  // namespace relinkd::core
