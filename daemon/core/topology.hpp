// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.hpp"
#include "base/host_port.hpp"
#include "base/time.hpp"

namespace relinkd::core {

// What servers say of who plays which part. Facts as they were told; resp/ reads them off replies.

/// What one Sentinel says of the primary that it watches (SENTINEL MASTER).
struct SentinelReport {
  HostPort primary;
  std::uint64_t epoch = 0;  ///< config-epoch: rises with each failover that a majority agreed on
  bool subjectively_down = false;
  bool objectively_down = false;
  bool failover_under_way = false;
};

/// Another Sentinel of the same primary (SENTINEL SENTINELS).
struct SentinelPeer {
  std::string id;  ///< 40 hex digits (SENTINEL MYID of that one)
  HostPort where;
};

/// What a Sentinel publishes, as far as relinkd tells it on.
struct SentinelEvent {
  enum class Kind : std::uint8_t {
    SwitchMaster,  ///< +switch-master
    SDown,         ///< +sdown
    SDownGone,     ///< -sdown
    ODown,
    ODownGone,
    Tilt,
    TiltGone,
  };
  enum class Subject : std::uint8_t { Primary, Replica, Sentinel, None };  ///< None: tilt
  Kind kind = Kind::SwitchMaster;
  Subject subject = Subject::None;
  std::string primary_name;         ///< of the primary that it is about; empty for tilt
  HostPort where;                   ///< the subject; of SwitchMaster the old primary
  std::optional<HostPort> primary;  ///< of SwitchMaster: the new primary
};
inline constexpr auto kSentinelEventNames = enum_names<SentinelEvent::Kind>(
    "+switch-master", "+sdown", "-sdown", "+odown", "-odown", "+tilt", "-tilt");

inline constexpr unsigned kClusterSlots = 16384;

struct SlotRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  ///< inclusive, >= first, below kClusterSlots
  friend auto operator<=>(const SlotRange&, const SlotRange&) = default;
};

inline unsigned count_slots(const std::vector<SlotRange>& ranges) {
  unsigned count = 0;
  for (const SlotRange& r : ranges) count += r.last - r.first + 1U;
  return count;
}

/// One node as a cluster's member describes it.
struct ClusterNode {
  std::string id;  ///< 40 hex digits; may be empty where only addresses are told
  HostPort where;  ///< for clients, host names honoured; host empty: that of the node asked
  bool primary = false;
  std::string primary_id;        ///< of a replica
  std::vector<SlotRange> slots;  ///< of a primary
  std::uint64_t epoch = 0;       ///< config-epoch; 0 where it is not told
  bool failed = false;           ///< the cluster agrees that it is down
  bool usable = true;            ///< neither handshaking nor without an address
  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};
using ClusterNodes = std::vector<ClusterNode>;

/// CLUSTER INFO.
struct ClusterHealth {
  bool ok = false;  ///< cluster_state
  std::uint64_t slots_assigned = 0;
  std::uint64_t known_nodes = 0;
  std::uint64_t size = 0;  ///< primaries with slots
  std::uint64_t current_epoch = 0;
  friend bool operator==(const ClusterHealth&, const ClusterHealth&) = default;
};

/// A notice of planned maintenance (the channel AzureRedisEvents).
struct Announcement {
  enum class Type : std::uint8_t {
    Scheduled,
    Starting,
    Start,
    FailoverComplete,
    Ended,
    ScaleComplete,
    Other,
  };
  Type type = Type::Other;
  std::string raw_type;            ///< NotificationType as sent, printable
  std::optional<WallTime> starts;  ///< StartTimeInUTC
  std::optional<bool> is_replica;  ///< whether the node concerned is a replica
  std::string node;                ///< IPAddress as sent, printable; may be empty
  std::uint16_t tls_port = 0;      ///< 0: not told
  std::uint16_t port = 0;          ///< 0: not told
};
/// The label `type` of maintenance_events_total.
inline constexpr auto kAnnouncementNames = enum_names<Announcement::Type>(
    "scheduled", "starting", "start", "failover_complete", "ended", "scale_complete", "other");

}  // namespace relinkd::core
