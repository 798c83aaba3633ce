// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "base/time.hpp"

namespace relinkd::control {

/// Who is on the other end of the control socket (SO_PEERCRED, unix(7)).
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;  ///< supplementary (SO_PEERGROUPS)
};

/// What a peer may do: read everything, and order (reload) too.
enum class Access : std::uint8_t { None, Read, Order };

struct NodeView {
  std::string node;
  /// "primary": its condition counts for the endpoint. "replica". "former": it was the primary, and
  /// is watched as long as connections of this host lead to it. "candidate": it is asked whether it
  /// is the primary now. "sentinel".
  std::string part = "primary";
  std::string condition;
  std::string role;                    ///< "primary", "replica", "unknown"
  WallTime since{};                    ///< when the condition began
  std::string detail;                  ///< the sentence of the last transition
  std::optional<Duration> rtt;         ///< smoothed
  std::optional<WallTime> last_reply;  ///< last proof of life
  std::optional<WallTime> connected_since;
  std::string server_version;  ///< empty: not known
};

/// A node that was the endpoint's primary before.
struct FormerView {
  std::string node;
  WallTime since{};           ///< when it ceased to be
  std::uint64_t sockets = 0;  ///< TCP connections that processes of this host still hold to it
};

/// The last change of the endpoint's primary.
struct FailoverView {
  std::string kind;  ///< core::kFailoverKindNames
  std::string from, to;
  WallTime time{};       ///< when the new primary proved itself
  Duration duration{};   ///< from the last proof of the old one
  bool planned = false;  ///< maintenance was announced
  std::string detail;    ///< the story as a sentence
};

struct EndpointView {
  std::string name;
  std::string url;
  std::string expect;
  std::string condition;
  bool up = false;
  WallTime since{};
  std::string detail;
  std::string incident;  ///< id; empty: none open
  std::vector<NodeView> nodes;
  std::vector<std::string> addresses;  ///< what the name resolves to
  std::string topology = "address";    ///< how nodes are learnt: also "name", "sentinel", "cluster"
  std::string topology_detail;  ///< "3 of 3 Sentinels name 10.0.0.7:6379, epoch 2"; may be empty
  bool confirmed = true;        ///< a majority of the known Sentinels agrees; always, without them
  std::vector<NodeView> sentinels;
  std::vector<FormerView> former_primaries;
  std::optional<FailoverView> last_failover;
  std::uint64_t uncovered_slots = 0;  ///< of a cluster: hash slots that no node serves
  std::string maintenance;            ///< the announcement, as a sentence; empty: none
  Duration idle_cut{};                ///< 0: none seen
  std::string idle_cut_detail;
  std::map<std::string, std::uint64_t> disconnects;  ///< by cause, those above 0
};

struct StatusView {
  std::string version;
  std::int64_t pid = 0;
  WallTime started{};
  std::string metrics_url;  ///< empty: off
  WallTime config_loaded{};
  std::vector<EndpointView> endpoints;
};

struct EventView {
  std::uint64_t sequence = 0;
  WallTime time{};
  std::string event;  ///< journal::kEventNames
  std::string message_id;
  int priority = 6;
  std::string message;
  std::string endpoint, node, condition, cause, incident;  ///< empty: absent
};

struct OriginView {
  std::string key, value, place;
};

struct ReloadView {
  bool accepted = false;
  std::vector<std::string> errors;  ///< "FILE:LINE:COLUMN: message"
  std::uint64_t endpoints_kept = 0, endpoints_changed = 0, endpoints_added = 0,
                endpoints_removed = 0;
};

/// What the daemon offers on its control socket; manager/ implements it. Called on the loop.
class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  virtual Access access(const Peer& peer) = 0;
  virtual StatusView status() = 0;
  /// The last events, oldest first.
  virtual std::vector<EventView> recent_events() = 0;
  virtual std::vector<OriginView> config() = 0;
  virtual ReloadView reload() = 0;
};

}  // namespace relinkd::control
