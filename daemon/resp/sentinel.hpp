// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "core/topology.hpp"
#include "resp/reply.hpp"

namespace relinkd::resp {

/// Sentinels that relinkd takes note of for one primary; an answer that lists more is cut.
inline constexpr std::size_t kMaxSentinels = 32;

/// From SENTINEL MASTER name (field and value in turn). The Error says what is missing or
/// malformed.
Result<core::SentinelReport> parse_sentinel_master(const Reply& reply);

/// From SENTINEL SENTINELS name: the other Sentinels of that primary. Entries without a valid
/// runid, ip or port are left out. Those that are down stay in: a Sentinel forgets another only
/// when it is told to (SENTINEL RESET), and until then a majority is counted with it.
Result<std::vector<core::SentinelPeer>> parse_sentinel_sentinels(const Reply& reply);

/// From SENTINEL MYID: 40 hex digits.
Result<std::string> parse_sentinel_myid(const Reply& reply);

/// From what a Sentinel published on `channel` (redis docs, "Sentinel: Pub/Sub messages"). Nothing
/// for channels that are not in core::kSentinelEventNames; an Error for a payload that has not the
/// form of its channel. Extra words at the end are ignored ("#quorum 2/2" of +odown).
Result<std::optional<core::SentinelEvent>> parse_sentinel_event(std::string_view channel,
                                                                std::string_view payload);

}  // namespace relinkd::resp
