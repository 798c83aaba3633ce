// SPDX-License-Identifier: Apache-2.0
#include "core/rtt.hpp"

#include <algorithm>

namespace relinkd::core {

void RttEstimator::sample(Duration rtt, Duration ceiling) {
  const Duration r = std::min(rtt, 2 * deadline(ceiling));
  if (!srtt_) {
    srtt_ = r;
    rttvar_ = r / 2;
    return;
  }
  const Duration error = *srtt_ > r ? *srtt_ - r : r - *srtt_;
  rttvar_ = (3 * rttvar_ + error) / 4;
  srtt_ = (7 * *srtt_ + r) / 8;
}

Duration RttEstimator::deadline(Duration ceiling) const {
  const Duration wanted = srtt_ ? std::max(kFloor, spread()) : kInitial;
  return std::min(wanted, ceiling);
}

}  // namespace relinkd::core
