// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "core/topology.hpp"
#include "resp/reply.hpp"

namespace relinkd::resp {

/// A message of a subscribed channel.
struct Message {
  std::string channel;
  std::string payload;
};

/// What arrives on a RESP2 connection that has subscribed: a message, or (nothing) the confirmation
/// of a SUBSCRIBE or the reply to a PING. An Error for anything else, error replies included.
Result<std::optional<Message>> parse_push(const Reply& reply);

/// From the payload of Azure's channel AzureRedisEvents (AzureCacheForRedis, AzureRedisEvents.md):
/// "key|value|key|value…", in any order, keys in both published spellings (StartTimeInUTC,
/// StartTimeUtc; IPAddress, IpAddress). Unknown keys and a key without a value at the end are
/// ignored, values that are malformed count as not told; of a key given twice, the first counts.
/// An Error where no NotificationType is given.
Result<core::Announcement> parse_azure_event(std::string_view payload);

}  // namespace relinkd::resp
