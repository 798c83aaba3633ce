// SPDX-License-Identifier: Apache-2.0
#include "core/local_fault.hpp"

#include <algorithm>

namespace relinkd::core {

void LocalFaultJudge::became_unreachable(const std::string& endpoint, const std::string& host,
                                         MonoTime now) {
  lost_.try_emplace(endpoint, Lost{host, now});
}

void LocalFaultJudge::no_longer_unreachable(const std::string& endpoint) { lost_.erase(endpoint); }

bool LocalFaultJudge::is_local(const std::string& endpoint) const {
  const auto self = lost_.find(endpoint);
  if (self == lost_.end() || self->second.since <= last_answer_) return false;
  return std::any_of(lost_.begin(), lost_.end(), [&](const auto& entry) {
    const Lost& other = entry.second;
    const auto [first, last] = std::minmax(other.since, self->second.since);
    return other.host != self->second.host && other.since > last_answer_ &&
           last - first <= kTogether;
  });
}

}  // namespace relinkd::core
