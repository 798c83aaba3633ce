// SPDX-License-Identifier: Apache-2.0
#include "core/give_up.hpp"

#include <algorithm>

namespace relinkd::core {

Duration give_up_time(int retries2, Duration rto, Duration rto_max) {
  Duration total{};
  Duration step = rto;
  for (int i = 0; i <= retries2; ++i) {
    step = std::min(step, rto_max);
    total += step;
    step *= 2;
  }
  return total;
}

Duration give_up_latest(int retries2, Duration rto, Duration rto_max) {
  // A timeout just before the model's time is followed by one that is twice its step away at most:
  // the steps up to it add up to less than the time, so doubled they reach 2 × time + rto.
  const Duration model = give_up_time(retries2, kRtoBase, rto_max);
  const Duration next = std::min(2 * model + rto, model + rto_max);
  // The kernel's timer wheel fires up to an eighth of the time late (kernel/time/timer.c: from 64
  // ticks on, a level's granularity is an eighth of the shortest time that it holds).
  return next + next / 8;
}

Duration rto_max(std::optional<std::int64_t> rto_max_ms) {
  const bool known = rto_max_ms && *rto_max_ms >= 1'000 && *rto_max_ms <= 120'000;
  return known ? Duration(std::chrono::milliseconds(*rto_max_ms)) : kRtoMax;
}

std::optional<GiveUp> give_up(std::int64_t retries2, std::optional<std::int64_t> rto_max_ms) {
  if (retries2 < 0 || retries2 > 255) return std::nullopt;
  const int count = static_cast<int>(retries2);
  const Duration most = rto_max(rto_max_ms);
  return GiveUp{give_up_time(count, kRtoBase, most), give_up_latest(count, kRtoBase, most)};
}

}  // namespace relinkd::core
