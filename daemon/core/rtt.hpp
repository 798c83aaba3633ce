// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/time.hpp"

namespace relinkd::core {

/// Smoothed round-trip time and variance of one node (RFC 6298, section 2), and the probe deadline
/// that follows from them.
class RttEstimator {
 public:
  /// Never less: below it a delayed ACK or a busy scheduler would count as late.
  static constexpr Duration kFloor = 200ms;
  /// RFC 6298, 2.1: before a first sample.
  static constexpr Duration kInitial = 1s;

  /// A sample above twice the present deadline counts as just that: one stall of the process must
  /// not blind the next minute, while a path that truly became longer is followed within a few
  /// samples.
  void sample(Duration rtt, Duration ceiling);

  /// SRTT + 4 × RTTVAR, at least kFloor, at most `ceiling`.
  [[nodiscard]] Duration deadline(Duration ceiling) const;

  /// SRTT + 4 × RTTVAR without floor: how long an answer may take on this path; 0 without samples.
  [[nodiscard]] Duration spread() const { return srtt_ ? *srtt_ + 4 * rttvar_ : Duration::zero(); }
  [[nodiscard]] std::optional<Duration> smoothed() const { return srtt_; }

 private:
  std::optional<Duration> srtt_;
  Duration rttvar_{};
};

}  // namespace relinkd::core
