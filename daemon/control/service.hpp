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
  std::string condition;
  std::string role;                    ///< "primary", "replica", "unknown"
  WallTime since{};                    ///< when the condition began
  std::string detail;                  ///< the sentence of the last transition
  std::optional<Duration> rtt;         ///< smoothed
  std::optional<WallTime> last_reply;  ///< last proof of life
  std::optional<WallTime> connected_since;
  std::string server_version;  ///< empty: not known
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
  Duration idle_cut{};                 ///< 0: none seen
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
