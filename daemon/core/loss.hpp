// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "base/time.hpp"

namespace relinkd::core {

/// How lossy the path to a node was in the last minutes, and how many unanswered transmissions in
/// a row it therefore takes to call a flow dead. A transmission is answered if it and its ACK
/// arrive: n in a row are lost by chance with (1 − (1−p)²)^n.
class LossEstimator {
 public:
  static constexpr int kFewest = 3;
  static constexpr int kMost = 7;
  static constexpr Duration kWindow = 5min;

  /// Data segments sent and retransmitted since the last call; whole, finished episodes only.
  void add(MonoTime now, std::uint32_t segments, std::uint32_t retransmissions);

  /// kFewest on a path without loss, up to kMost on one with. Forgets what is older than kWindow.
  [[nodiscard]] int required_transmissions(MonoTime now) const;

 private:
  static constexpr Duration kBucket = 30s;
  struct Bucket {
    std::int64_t index = -1;
    std::uint64_t segments = 0;
    std::uint64_t retransmissions = 0;
  };
  std::array<Bucket, 10> buckets_{};
};

}  // namespace relinkd::core
