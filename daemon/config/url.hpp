// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace relinkd::config {

/// Longest path of a Unix socket: sun_path of unix(7) without the NUL.
inline constexpr std::size_t kMaxSocketPath = 107;

/// A host name (RFC 1123, underscores allowed, a dot at the end too) or an IPv4 literal. A name
/// that ends in a number and is no IPv4 literal, such as "10.0.0.300", is neither.
bool is_host(std::string_view text);

/// Whether the URL leads to a service that announces planned maintenance to its clients: a host of
/// it is below one of Azure Cache for Redis' domains
/// (https://github.com/Azure/AzureCacheForRedis/blob/main/AzureRedisEvents.md).
bool announces_maintenance(const Url& url);

/// Where the endpoint's nodes are to be expected: the URL's port, 6379 for Sentinel, the seeds' for
/// a cluster, each once; none for a Unix socket.
std::vector<std::uint16_t> default_node_ports(const Url& url);

}  // namespace relinkd::config
