// SPDX-License-Identifier: Apache-2.0
#include "core/backoff.hpp"

#include <algorithm>

namespace relinkd::core {

Duration full_jitter(Duration initial, Duration max, unsigned failures, Entropy& entropy) {
  Duration ceiling = initial;
  for (unsigned i = 0; i < failures && ceiling < max; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, max);
  return from_seconds(to_seconds(ceiling) * entropy.unit());
}

}  // namespace relinkd::core
