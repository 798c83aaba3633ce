// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "core/topology.hpp"
#include "resp/reply.hpp"

namespace relinkd::resp {

// What a node says of its cluster (redis docs, CLUSTER NODES, SHARDS, SLOTS, INFO). A malformed
// node or slot makes the whole answer an Error: half a view would look like shards that went away.
// Node ids are 40 hex digits, slots are in range, and an answer has at most kMaxClusterNodes nodes
// and core::kClusterSlots ranges.

/// Nodes that relinkd takes note of for one cluster; an answer that lists more is an Error.
inline constexpr std::size_t kMaxClusterNodes = 2000;

/// From CLUSTER NODES (text, one line a node): ids, parts, epochs, slots; host names where
/// announced ("ip:port@cport,hostname") are not used, since only SHARDS and SLOTS say which form
/// clients should take. A node that is only suspected ("fail?") has not failed; slots on the move
/// are their present owner's.
Result<core::ClusterNodes> parse_cluster_nodes(const Reply& reply);

/// From CLUSTER SHARDS (7.0). `tls`: take tls-port; where none is told, port, since it may be the
/// only one that the server knows (before 7.2 without tls-cluster). Without `tls`, a node that
/// tells no port is not usable. Slots are given to the shard's primary; of two, to one that has not
/// failed. Endpoints as in parse_cluster_slots().
Result<core::ClusterNodes> parse_cluster_shards(const Reply& reply, bool tls);

/// From CLUSTER SLOTS: the first node of each range is its primary. An endpoint that is NULL or
/// empty gives an empty host: that of the node asked. "?" says that the node should announce a host
/// name and has none, so that it may be another than the node asked: its ip where that is told with
/// it, else an empty host that is not usable.
Result<core::ClusterNodes> parse_cluster_slots(const Reply& reply);

/// From CLUSTER INFO. The Error says which field is missing or malformed.
Result<core::ClusterHealth> parse_cluster_info(const Reply& reply);

}  // namespace relinkd::resp
