// SPDX-License-Identifier: Apache-2.0
#include "scale.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace relinkd::sim {

double scale() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* text = std::getenv("RELINKD_SIM_SCALE");
  const double value = text != nullptr ? std::strtod(text, nullptr) : 1;
  return value > 0 ? value : 1;
}

int scaled(int count, int least) {
  return std::max(least, static_cast<int>(std::lround(count * scale())));
}

}  // namespace relinkd::sim
