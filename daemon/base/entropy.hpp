// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

namespace relinkd {

/// Randomness for jitter and spread, seeded by the owner: tests replay it. Not for secrets.
class Entropy {
 public:
  explicit Entropy(std::uint64_t seed) : engine_(seed) {}
  /// Uniform in [0, 1).
  double unit() { return std::uniform_real_distribution<double>(0.0, 1.0)(engine_); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace relinkd
