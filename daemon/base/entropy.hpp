// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

namespace relinkd {

/// Randomness for jitter and spread, seeded by the owner, so that tests replay it. Not for secrets.
class Entropy {
 public:
  explicit Entropy(std::uint64_t seed) : engine_(seed) {}
  /// An independent generator, seeded from this one.
  Entropy fork() { return Entropy(engine_() ^ (engine_() >> 32U)); }
  /// Uniform in [0, 1).
  double unit() { return std::uniform_real_distribution<double>(0.0, 1.0)(engine_); }

 private:
  // Knuth's MMIX constants. Eight bytes each, where a Mersenne Twister takes 2.5 KB for each of
  // thousands of connections.
  std::linear_congruential_engine<std::uint64_t, 6364136223846793005U, 1442695040888963407U, 0>
      engine_;
};

}  // namespace relinkd
