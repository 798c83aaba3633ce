// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/entropy.hpp"
#include "base/time.hpp"

namespace relinkd::core {

/// Exponential back-off with full jitter: uniform in [0, min(max, initial × 2^failures)). Full
/// jitter spreads the clients of a server that comes back better than any fixed share would.
/// `failures`: attempts that have failed in a row; 0 gives the spread of a first attempt.
Duration full_jitter(Duration initial, Duration max, unsigned failures, Entropy& entropy);

}  // namespace relinkd::core
