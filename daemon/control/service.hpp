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

/// What a peer may do: read everything, and order (reload, relink, pause …) too.
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

/// Sockets of an app to one node.
struct AppNodeView {
  std::string node;
  std::map<std::string, std::uint64_t> sockets;  ///< by state (core::kAppSocketStateNames), above 0
  std::uint64_t unprotected = 0;
  std::uint64_t waiting = 0;  ///< of the unprotected ones: AppSocketView::waiting
  Duration hangs_for{};       ///< of those that do not wait: AppSocketView::hangs_for, the longest
  Duration waits_for{};       ///< of those that wait: the longest; 0: for ever, or there are none
};

/// A socket of an app that is unprotected, or in trouble.
struct AppSocketView {
  std::string local, node;
  std::string state;
  bool unprotected = false;
  bool waiting = false;  ///< it waits for a reply
  /// How long the app would hang on it if the path died now and, unless it is waiting, it were
  /// used; 0: not known, or for ever, where it is waiting.
  Duration hangs_for{};
  std::string detail;
  std::string process;  ///< cgroup, or uid where that is not known
};

/// An app's connections to one of its endpoints.
struct AppEndpointView {
  std::string endpoint;
  std::vector<AppNodeView> nodes;
  std::uint64_t sockets = 0, unprotected = 0;
  std::string incident;     ///< of the relink under way; empty: none
  std::string last_relink;  ///< a sentence; empty: none since the start
  std::optional<WallTime> last_relink_at;
  /// The first of them, the bad ones before the unprotected; kMostSockets at most.
  std::vector<AppSocketView> listed;
  static constexpr std::size_t kMostSockets = 100;
};

struct AppView {
  std::string name;
  std::string match;  ///< "unit checkout.service"
  std::string mode;   ///< "act", "observe"
  std::vector<std::string> actions;
  std::vector<AppEndpointView> endpoints;
  std::uint64_t other_netns = 0;  ///< its processes in network namespaces that relinkd does not see
  bool breaker_open = false;
  std::string breaker_detail;
};

struct AppsView {
  std::vector<AppView> apps;
  bool paused = false;
  std::optional<WallTime> paused_until;  ///< StatusView::paused_until
  std::string actuator;                  ///< what it can do here, or why it cannot be reached
  WallTime census{};  ///< when the sockets were looked at last; the epoch: not yet
};

/// The options of a socket that look after it: core::SocketOptions.
struct SocketOptionsView {
  bool keepalive = false;
  Duration idle{}, interval{};
  std::uint64_t count = 0;
  Duration user_timeout{};  ///< 0: none
  friend auto operator<=>(const SocketOptionsView&, const SocketOptionsView&) = default;
};

/// Sockets of which the same was changed, or would be.
struct TuningChangeView {
  std::uint64_t sockets = 0;
  bool done = false;  ///< relinkd's options are in force; else they would be
  SocketOptionsView before, after;
};

/// The options of an app's live sockets to one endpoint, each counted once.
struct TuningEndpointView {
  std::string endpoint;
  std::uint64_t sockets = 0;                ///< established, or closed by the peer
  std::uint64_t strict = 0;                 ///< by the app's own doing as strict as is wanted
  std::uint64_t tuned = 0;                  ///< made so by relinkd
  std::uint64_t loose = 0;                  ///< not so
  std::uint64_t unseen = 0;                 ///< nobody has looked at their options
  std::optional<SocketOptionsView> wanted;  ///< nothing: `protect = false`
  std::vector<TuningChangeView> changes;    ///< the most frequent first, at most kMostChanges
  static constexpr std::size_t kMostChanges = 20;
};

struct TuningAppView {
  std::string name;
  std::string mode;       ///< "act", "observe"
  bool reverted = false;  ///< a person took the protection back
  std::vector<TuningEndpointView> endpoints;
};

struct TuningView {
  bool paused = false;
  std::string unsupported;  ///< why no socket's options can be looked at; empty: they can
  std::vector<TuningAppView> apps;
};

/// A pause that is longer is refused: it would outlive everybody's memory of it.
inline constexpr Duration kLongestPause = 24h * 365;

/// A connection of an app that ended, or could not be opened.
struct CloseView {
  WallTime time{};
  std::string app, endpoint;
  std::string local, node;       ///< "10.0.0.5:51234", "10.0.0.7:6379"
  bool established = true;       ///< else it could not be opened
  std::string cause;             ///< core::Cause
  std::string detail;            ///< why, as a clause with figures
  bool usual = false;            ///< such a one is not worth a line in the log
  std::optional<Duration> age;   ///< nothing: opened before relinkd looked
  std::optional<Duration> idle;  ///< since data went either way
  std::optional<Duration> rtt;
  std::uint64_t sent = 0, received = 0;    ///< bytes
  std::uint64_t retransmits = 0;           ///< segments, in all its life
  std::string condition;                   ///< of the node then, by relinkd's own connection
  bool maintenance = false;                ///< announced, and under way
  std::optional<Duration> server_timeout;  ///< 0: none; nothing: not known
  std::optional<Duration> idle_cut;  ///< the age at which idle connections are cut on the path
  std::string incident;              ///< empty: none
};

struct ClosesView {
  std::vector<CloseView> closes;  ///< oldest first
};

/// What an order of a person led to: sentences.
struct OrderView {
  bool accepted = false;
  std::vector<std::string> lines;
};

/// A local process that asks for its endpoints, as it was when it asked. It is found out once: a
/// pid may be another process's later.
struct Subscriber {
  uid_t uid = 0;
  std::string cgroup;      ///< empty: not known, so that it is a process of no app
  bool reads_all = false;  ///< Access::Read
};

/// How an app should see its endpoint (io.relinkd.Subscribe): enough to decide to reconnect.
struct SubscriptionView {
  std::string app, endpoint;
  std::string condition;
  bool up = false;
  std::vector<std::string> primaries;  ///< proven, "10.0.0.7:6379"
  /// Rises each time that connections made before should be replaced: another primary has proven
  /// itself, or the node was half-open. By how much means nothing. 0: not since relinkd started.
  std::uint64_t generation = 0;
  std::string reason;    ///< of the last rise, as a sentence; empty: none
  std::string incident;  ///< empty: none
};

struct StatusView {
  bool paused = false;
  std::optional<WallTime> paused_until;  ///< nothing: until it is resumed
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
  // Empty: absent.
  std::string endpoint, node, condition, cause, incident, app, action, result;
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

  virtual AppsView apps() = 0;
  virtual ClosesView closes() = 0;
  /// An order that names no app is refused in `lines`, with the nearest known name.
  virtual OrderView relink(const std::string& app, bool dry_run) = 0;
  virtual OrderView reset(const std::string& app) = 0;
  virtual TuningView tuning() = 0;
  /// Protects the live sockets of the app, of all apps where `app` is empty, at once and again; or,
  /// with `revert`, puts back what was changed and leaves them unprotected until then.
  virtual OrderView tune(const std::string& app, bool revert) = 0;
  /// Up to kLongestPause. Zero: until it is resumed.
  virtual OrderView pause(Duration duration) = 0;
  virtual OrderView resume() = 0;
  /// Asked once for each call of Subscribe.
  virtual Subscriber subscriber(const Peer& peer) = 0;
  /// The endpoints of the apps that it is a process of, or, for one who may read everything, of all
  /// apps, in the order of the configuration. Empty: it is none's.
  virtual std::vector<SubscriptionView> subscription(const Subscriber& subscriber) = 0;
};

}  // namespace relinkd::control
