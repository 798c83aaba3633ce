// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/entropy.hpp"
#include "base/enum_names.hpp"
#include "base/time.hpp"
#include "core/app_socket.hpp"
#include "core/relink_verb.hpp"

namespace relinkd::core {

/// An app's connections to one endpoint: what is made to reconnect together.
struct RelinkTarget {
  std::string app;
  std::string endpoint;
  friend auto operator<=>(const RelinkTarget&, const RelinkTarget&) = default;
};

/// The label `result` of metrics: one for each action of the ladder that was decided.
enum class RelinkResult : std::uint8_t { Recovered, NotRecovered, Failed, Would, NoActuator };
inline constexpr auto kRelinkResultNames =
    enum_names<RelinkResult>("recovered", "not_recovered", "failed", "would", "no_actuator");

/// Why what would have been done is not; the label `reason` of metrics. Counted once for each
/// relink and reason.
enum class RelinkHold : std::uint8_t {
  Starting,     ///< no full census yet, or the endpoint has proven nothing since the start
  Paused,       ///< by `relinkctl pause`
  Breaker,      ///< too many relinks in an hour, or replacements that die
  Unhealthy,    ///< the target does not answer now, or does not say that it is the primary
  Unconfirmed,  ///< no majority of the Sentinels stands behind the primary
  MinInterval,  ///< the last one is too recent
  MaxParallel,  ///< as many other apps are being made to reconnect to the endpoint
  Rate,         ///< reconnect_rate
};
inline constexpr auto kRelinkHoldNames =
    enum_names<RelinkHold>("starting", "paused", "breaker", "unhealthy", "unconfirmed",
                           "min_interval", "max_parallel", "rate");

/// What the configuration says of an app, as far as decisions go.
struct RelinkAppRules {
  bool observe = false;           ///< decide everything, do nothing
  bool endpoint_trigger = false;  ///< its sockets cannot be seen
  std::vector<RelinkVerb> ladder = {RelinkVerb::DestroySockets};
  bool idle_siblings = true;
  bool expect_connections = false;
  Duration spread = 2s;
  Duration restart_spread = 60s;
  Duration min_interval = 60s;
  Duration error_threshold = 30s;
  Duration verify_within = 10s;
  int max_relinks_per_hour = 20;
  std::set<std::string> endpoints;
  friend bool operator==(const RelinkAppRules&, const RelinkAppRules&) = default;
};

/// And of an endpoint.
struct RelinkEndpointRules {
  int reconnect_rate = 100;  ///< sockets destroyed a second
  int max_parallel = 4;
  bool wrong_node = true;  ///< act on it; false for a cluster without cluster_relink
  friend bool operator==(const RelinkEndpointRules&, const RelinkEndpointRules&) = default;
};

/// What the watch says of an endpoint now.
struct RelinkEndpointHealth {
  bool proven =
      false;  ///< since the start its primary (or, where none is expected, a node) answered
  bool healthy = false;   ///< its condition is ok now, and where a primary is expected, it says so
  bool confirmed = true;  ///< a majority of the known Sentinels agrees
  std::set<std::string> healthy_nodes;  ///< labels of nodes that answer their PINGs now (ok)
  /// For apps whose sockets cannot be seen: when it last became half-open, or another primary
  /// proved itself.
  std::optional<MonoTime> disturbed;
  std::string incident;  ///< its open incident, or the one that ended within the last minute
};

/// One socket of an app in a census.
struct RelinkSocket {
  std::uint64_t cookie = 0;
  std::string node;  ///< label of the node that it leads to
  AppSocketState state = AppSocketState::Ok;
  MonoTime first_seen{};
  MonoTime since{};  ///< when the first sign of this state was seen
  MonoTime last_ack{};
  /// A keepalive timer asks it within a minute: whether it lives is found out without us, so it is
  /// nobody's sibling.
  bool looked_after = false;
};

/// Something to be done. The answer is on_result() with the same id.
struct RelinkOrder {
  std::uint64_t id = 0;
  RelinkTarget target;
  std::string incident;
  std::size_t rung = 0;  ///< of the ladder: which action
  RelinkVerb verb = RelinkVerb::DestroySockets;
  std::vector<std::uint64_t> cookies;  ///< of DestroySockets
};

/// What the actuator answered.
enum class RelinkOutcome : std::uint8_t {
  Done,
  Failed,      ///< refused, or the job failed; not caught, of a signal
  NoActuator,  ///< nobody listens, or it went away before it answered
};

/// Something to be told, counted and logged by the one door for it.
struct RelinkNews {
  enum class Kind : std::uint8_t {
    Decided,    ///< a relink begins: what was found, and what will be done
    Held,       ///< what would be done is not, for `hold`; once for each relink and reason
    Ended,      ///< an action of the ladder ended with `result`
    Recovered,  ///< verified: the relink is over; `lasted` since the bad state was first seen
    GaveUp,     ///< the ladder is at its end, and nothing helped
    BreakerOpened,
    BreakerClosed,
  };
  Kind kind = Kind::Decided;
  RelinkTarget target;  ///< of the breaker: the app alone
  std::string incident;
  RelinkVerb verb = RelinkVerb::DestroySockets;
  std::size_t rung = 0;
  std::optional<RelinkResult> result;
  std::optional<RelinkHold> hold;
  std::uint64_t black_holed = 0;  ///< sockets in these states, or destroyed as such
  std::uint64_t wrong_node = 0;
  std::uint64_t siblings = 0;
  std::string node;  ///< that most of them lead to
  Duration lasted{};
  std::string detail;  ///< a half sentence for the line: "3 replacements died within a minute"
};

struct RelinkPlan {
  std::vector<RelinkOrder> orders;
  std::vector<RelinkNews> news;
};

/// What outlives a restart of the daemon: so that no incident is acted on twice, and no limit is
/// forgotten. Plain data; times of the monotonic clock, which the shell turns into wall time.
struct RelinkMemory {
  struct Breaker {
    std::vector<MonoTime> relinks;  ///< of the last hour, oldest first; at most 1,000
    std::optional<MonoTime> open_until;
    std::string why;
  };
  struct Open {  ///< a relink under way
    std::string incident;
    std::size_t rung = 0;  ///< that of the ladder's end: it was given up
    MonoTime bad_since{};
    MonoTime acted{};  ///< the last order of this rung; MonoTime{}: none was given
    /// Ordered to end; while nothing was ordered in this rung, the bad ones too. At most 1,000.
    std::vector<std::uint64_t> cookies;
  };
  std::map<std::string, Breaker> breakers;  ///< by app
  std::map<RelinkTarget, MonoTime>
      last_disturbed;  ///< the last action that min_interval counts from
  std::map<RelinkTarget, Open> open;
  std::optional<MonoTime> paused_until;  ///< kNever: until it is resumed
};

/// Decides when applications are made to reconnect, by which action, and whether it helped
/// (docs/ARCHITECTURE.md, "How it decides to relink"). Pure: what is seen + now → orders, news and
/// one deadline. The rules:
///
/// - An order rests on an app socket's own state, black_holed or wrong_node; what the watch says of
///   a node only forbids.
/// - Only toward health. A dead socket goes while its own node answers (another shard of a cluster
///   may be down, and no Sentinel is asked: it is proven dead). What may disturb the living needs
///   the endpoint healthy and confirmed. Nothing before the first full census and a proof of the
///   endpoint.
/// - Dead sockets go at once, bound by reconnect_rate alone (a token bucket of the endpoint, for
///   all apps); neither spread nor min_interval holds them. With idle_siblings the app's idle
///   sockets to the same node whose last ACK is older than the newest of a dead one go too, as what
///   may disturb the living; those that a keepalive timer looks after stay. The relink is over
///   without them: they are swept when their turn comes, and not if something forbids it by then.
/// - What may disturb the living (wrong_node, siblings, and every verb but DestroySockets) waits a
///   random part of spread (Restart: of restart_spread), for min_interval since the target's last
///   relink that disturbed, for a full census after that wait, and for its turn among max_parallel,
///   in the order of asking. When the endpoint has become healthy again, the wait begins anew,
///   since all hosts see that at the same moment. The turn ends with the relink, and earlier when
///   it cannot be used: paused, breaker open, no actuator.
/// - A relink is what happens from the first bad socket to verified recovery; while it lasts, and
///   for min_interval after it began to act, further dead sockets are the same one for the breaker.
///   One that never acts does not count.
/// - Verified: no bad socket is left (with expect_connections: and a living one leads to a right
///   node) within verify_within of the last order's answer; each destroyed socket has its own time.
///   An idle pool without any socket is recovered. Not verified, by a full census after that time:
///   the next rung. While the endpoint is not healthy nothing is verified, and the time begins anew
///   afterwards. Sockets that die during a later rung are still destroyed at once, if the ladder
///   has come by DestroySockets, and a second DestroySockets of it is passed over. After the last
///   rung: GaveUp, and no further action for these sockets, until reset() or order().
/// - Replacements (sockets first seen after the first order of a relink, to the same node, which
///   count for two minutes after its last order) that are black-holed within a minute of being
///   first seen: at the third the breaker opens, and that one is left as it is.
/// - The breaker opens at the relink that exceeds max_relinks_per_hour. It closes by reset(), or
///   when an hour has passed.
/// - An action that fails, or a signal that nobody catches, is followed by the next rung at once,
///   but that Restart has waited its spread. Where one of several orders of an action fails,
///   verification tells.
/// - Without an actuator: told once for an action, which is tried again after 1 s, doubled up to 60
///   s, while the sockets stay bad. What is more than to destroy sockets may have been carried out
///   all the same, so it has verify_within to show first.
/// - Observe: everything is decided and counted, the result is Would, and nothing is ordered.
/// - An app with endpoint_trigger: error_threshold after the endpoint was disturbed, if the
/// endpoint
///   is healthy then, the ladder is gone through as if a bad socket had been seen. What was done
///   counts as recovered if the endpoint is healthy verify_within later. A disturbance that was due
///   min_interval and more before the target was known is old news.
/// - After a restart a relink goes on at its rung. Whether its action was carried out is not known,
///   so it is not repeated, and verify_within begins with the first full census and proof.
class RelinkPlanner {
 public:
  /// `new_incident` names an incident of a target for which the endpoint has none.
  RelinkPlanner(Entropy entropy, std::function<std::string(const RelinkTarget&)> new_incident);
  ~RelinkPlanner();
  RelinkPlanner(const RelinkPlanner&) = delete;
  RelinkPlanner& operator=(const RelinkPlanner&) = delete;

  /// To be called before anything else, if at all.
  void restore(const RelinkMemory& memory);
  [[nodiscard]] RelinkMemory memory() const;

  /// The configuration in force; what is gone from it is forgotten, the rest goes on.
  void configure(const std::map<std::string, RelinkAppRules>& apps,
                 const std::map<std::string, RelinkEndpointRules>& endpoints);

  RelinkPlan on_health(const std::string& endpoint, const RelinkEndpointHealth& health,
                       MonoTime now);
  /// All sockets of an app to an endpoint. `full`: each of them was looked at in one census; else
  /// some were looked at again, and `sockets` has the others as they were.
  RelinkPlan on_census(const RelinkTarget& target, const std::vector<RelinkSocket>& sockets,
                       bool full, MonoTime now);
  RelinkPlan on_result(std::uint64_t order, RelinkOutcome outcome, const std::string& detail,
                       MonoTime now);
  RelinkPlan on_deadline(MonoTime now);

  /// A person orders it: the whole ladder for all sockets of the app (but those that are being
  /// ended already, so that to say it twice is to do it once), without spread, min_interval and
  /// breaker, but only toward health, and not while paused. What forbids it is told (Held), and it
  /// does not come later; max_parallel and reconnect_rate only make it wait. The breaker does not
  /// count it, but replacements that die end it. `dry_run`: only the news of what would be done.
  RelinkPlan order(const std::string& app, bool dry_run, MonoTime now);
  /// Closes the breaker, if it is open, and tries again what was given up.
  RelinkPlan reset(const std::string& app, MonoTime now);
  /// Stops all actions until then (kNever: until resume()); what was done before may still turn out
  /// to have helped.
  RelinkPlan pause(MonoTime until, MonoTime now);
  RelinkPlan resume(MonoTime now);

  [[nodiscard]] bool paused(MonoTime now) const;
  [[nodiscard]] std::optional<MonoTime> paused_until() const;
  [[nodiscard]] bool breaker_open(const std::string& app) const;
  /// The incident of the relink under way; empty: none is.
  [[nodiscard]] std::string incident(const RelinkTarget& target) const;
  /// When on_deadline() is to be called; kNever: not before something happens.
  [[nodiscard]] MonoTime deadline() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::core
