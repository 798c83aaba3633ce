// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace relinkd::core {

/// The kernel's TCP_RTO_MIN, on which it bases the give-up time whatever a connection's own
/// retransmission timeout is.
constexpr Duration kRtoBase = 200ms;
/// TCP_RTO_MAX, which net.ipv4.tcp_rto_max_ms changes on kernels from 6.15 on.
constexpr Duration kRtoMax = 120s;

/// What net.ipv4.tcp_retries2 means in time, the kernel's model: `retries2` + 1 steps that double
/// from `rto` and end at `rto_max` each. 15: 924.6 s, 5: 12.6 s. A connection whose data nobody
/// acknowledges lives at least that long; it ends at the first retransmission timeout after it.
/// `retries2`: 0 to 255, as the kernel takes it; `rto` > 0.
Duration give_up_time(int retries2, Duration rto = kRtoBase, Duration rto_max = kRtoMax);

/// By when such a connection has ended: the latest retransmission timeout that can be the first
/// after the model's time. `rto` is the connection's own at the beginning, 200 ms or more
/// (RFC 6298 begins at 1 s). Measured lifetimes lie between the two.
Duration give_up_latest(int retries2, Duration rto = kRtoBase, Duration rto_max = kRtoMax);

/// When the kernel ends a connection whose data nobody acknowledges.
struct GiveUp {
  Duration earliest{};
  Duration latest{};
};

/// By the two sysctls: net.ipv4.tcp_retries2, and net.ipv4.tcp_rto_max_ms where the kernel has it
/// (what is outside of its range, 1 s to 120 s, counts as absent). Nothing where `retries2` is
/// outside of the kernel's range.
std::optional<GiveUp> give_up(std::int64_t retries2, std::optional<std::int64_t> rto_max_ms);

/// TCP_RTO_MAX by the same sysctl.
Duration rto_max(std::optional<std::int64_t> rto_max_ms);

}  // namespace relinkd::core
