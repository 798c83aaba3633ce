// SPDX-License-Identifier: Apache-2.0
#include "config/wanted_options.hpp"

#include <algorithm>
#include <limits>

namespace relinkd::config {

namespace {

/// TCP_USER_TIMEOUT takes an int of milliseconds (do_tcp_setsockopt in net/ipv4/tcp.c).
constexpr Duration kMaxUserTimeout = std::chrono::milliseconds(std::numeric_limits<int>::max());

}  // namespace

std::optional<core::SocketOptions> wanted_options(const App& app, const Endpoint& endpoint) {
  const Protect& own = app.protect;
  if (!own.wanted) return std::nullopt;
  const Keepalive& watch = endpoint.watch.keepalive;
  const Keepalive both{own.idle.value_or(watch.idle), own.interval.value_or(watch.interval),
                       own.count.value_or(watch.count)};
  return core::SocketOptions{
      true, both.idle, both.interval, both.count,
      std::min(own.user_timeout.value_or(both.user_timeout()), kMaxUserTimeout)};
}

}  // namespace relinkd::config
