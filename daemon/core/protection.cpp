// SPDX-License-Identifier: Apache-2.0
#include "core/protection.hpp"

#include <algorithm>

namespace relinkd::core {

namespace {

/// Of two user timeouts; 0 is none.
Duration shorter(Duration a, Duration b) {
  if (a <= 0ns) return b;
  return b <= 0ns ? a : std::min(a, b);
}

/// A sysctl may be 0; the kernel's timer is later than now in any case.
Duration between_probes(const SocketOptions& options) {
  return std::max<Duration>(options.interval, 1ms);
}

}  // namespace

SocketOptions protect(const SocketOptions& now, const SocketOptions& wanted) {
  SocketOptions both{true, std::min(now.idle, wanted.idle), std::min(now.interval, wanted.interval),
                     std::min(now.count, wanted.count),
                     shorter(now.user_timeout, wanted.user_timeout)};
  for (const SocketOptions* one : {&now, &wanted}) {
    const auto limit = noticed_when_idle(*one);
    if (!limit || *noticed_when_idle(both) <= *limit) continue;
    // A user timeout makes the kernel count no probes, and ends the socket only when one is due.
    const Duration step = between_probes(both);
    both.user_timeout = both.idle + step * ((*limit - both.idle) / step);
  }
  return both;
}

SocketOptions no_later_than(SocketOptions wanted, Duration give_up) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(give_up);
  if (wanted.user_timeout > 0ns) wanted.user_timeout = shorter(wanted.user_timeout, whole);
  return wanted;
}

std::optional<Duration> noticed_when_idle(const SocketOptions& options) {
  if (!options.keepalive) return std::nullopt;
  const Duration step = between_probes(options);
  if (options.user_timeout <= 0ns) return options.idle + step * std::max(options.count, 1);
  // The first probe is never the one that finds the timeout over: none is out before it.
  const Duration after_first = std::max<Duration>(options.user_timeout - options.idle, 1ns);
  return options.idle + step * ((after_first + step - 1ns) / step);
}

bool looked_after(const SocketOptions& options) {
  const auto noticed = noticed_when_idle(options);
  return noticed && *noticed <= kSoonEnough;
}

Duration noticed_in_flight(const SocketOptions& options, Duration give_up) {
  return options.user_timeout > 0ns ? options.user_timeout : give_up;
}

}  // namespace relinkd::core
