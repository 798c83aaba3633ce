// SPDX-License-Identifier: Apache-2.0
#include "core/loss.hpp"

#include <algorithm>
#include <cmath>

namespace relinkd::core {

void LossEstimator::add(MonoTime now, std::uint32_t segments, std::uint32_t retransmissions) {
  const std::int64_t index = now.time_since_epoch() / kBucket;
  Bucket& bucket = buckets_[static_cast<std::size_t>(index) % buckets_.size()];
  if (bucket.index != index) bucket = Bucket{index, 0, 0};
  bucket.segments += segments;
  bucket.retransmissions += retransmissions;
}

int LossEstimator::required_transmissions(MonoTime now) const {
  // By chance at most once in ten million probes: less than once in three months at one a second.
  constexpr double kFalseAlarm = 1e-7;
  const std::int64_t index = now.time_since_epoch() / kBucket;
  double segments = 0;
  double lost = 0;
  for (const Bucket& b : buckets_) {
    if (b.index < 0 || index - b.index >= static_cast<std::int64_t>(buckets_.size())) continue;
    segments += static_cast<double>(b.segments);
    lost += static_cast<double>(b.retransmissions);
  }
  if (lost == 0) return kFewest;
  // Twice what was seen: a few minutes of probes are a small sample. A retransmission stands for
  // the loss of a segment or of its ACK, which is just the 1 − (1−p)² of the rule.
  const double q = std::min(0.99, 2 * lost / std::max(segments, 1.0));
  const double n = std::ceil(std::log(kFalseAlarm) / std::log(q));
  return static_cast<int>(std::clamp<double>(n, kFewest, kMost));
}

}  // namespace relinkd::core
