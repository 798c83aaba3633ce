// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/enum_names.hpp"
#include "base/time.hpp"

namespace relinkd::journal {

/// Syslog's severities, as far as relinkd uses them (syslog(3)).
enum class Priority : std::uint8_t { Error = 3, Warning = 4, Notice = 5, Info = 6, Debug = 7 };

/// The kinds of event that relinkd reports. Each has a stable MESSAGE_ID and a catalog text.
/// The first ones are the conditions, in their order, so that a condition is its own event.
enum class Event : std::uint8_t {
  ConditionUnknown,
  ConditionLocalFault,
  ConditionDnsFailed,
  ConditionRefused,
  ConditionUnreachable,
  ConditionHalfOpen,
  ConditionPeerClosed,
  ConditionReset,
  ConditionTlsFailed,
  ConditionNotRedis,
  ConditionAuthFailed,
  ConditionStalled,
  ConditionMasterDown,
  ConditionLoading,
  ConditionBusy,
  ConditionReadOnly,
  ConditionSlow,
  ConditionOk,
  Started,              ///< the daemon runs
  Stopped,              ///< the daemon ends in order
  ConfigReloaded,       ///< a new configuration is in force
  ConfigRefused,        ///< a new configuration has errors; the old one stays
  Disconnected,         ///< a connection ended, with its cause
  ServerRestarted,      ///< run_id changed at the same address
  DnsChanged,           ///< the name has other addresses now
  DnsFailing,           ///< the name does not resolve; the last addresses stay watched
  IdleCut,              ///< idle connections are cut at some age on this path
  IdleCutGone,          ///< they survive that age again
  CertificateExpiring,  ///< the server's certificate ends soon
  Failover,             ///< a new primary has proven itself; the whole story in figures
  PrimaryNamed,         ///< Sentinels, cluster or another node name another primary
  TopologyUnconfirmed,  ///< no majority of the known Sentinels agrees who the primary is
  TopologyConfirmed,    ///< a majority agrees again
  SentinelEvent,        ///< a Sentinel published +sdown, +odown, +tilt, their end, +switch-master
  ClusterFailing,       ///< cluster_state is fail, or slots are served by no node
  ClusterFine,          ///< all slots are served again
  ClusterChanged,       ///< nodes came or went, or slots moved
  ServerReplaced,       ///< another server has taken over the address
  Maintenance,          ///< planned maintenance was announced, has begun, or is over
  FormerLeft,           ///< the last connection of this host to a former primary is gone
  SysctlNotApplied,     ///< a wanted sysctl has another value
  SysctlApplied,        ///< it has the wanted value (again)
  RelinkDecided,        ///< an app is to be made to reconnect: what was found, what will be done
  RelinkHeld,           ///< and is not, for a reason
  RelinkActed,          ///< an action was carried out, with its result
  RelinkRecovered,      ///< verified: the app has reconnected
  RelinkFailed,         ///< the ladder is at its end, or an action failed
  BreakerOpened,        ///< an app is not made to reconnect any more until a person resets it
  BreakerClosed,
  Paused,  ///< a person stopped all actions
  Resumed,
  ActuatorLost,  ///< the actuator cannot be reached, or cannot do a part of its work
  ActuatorBack,
  AppOutOfSight,     ///< processes of an app are in another network namespace
  AppDisconnected,   ///< connections of an app ended unusually, with their cause
  AppNotConnected,   ///< an app's attempts to connect failed
  SocketsProtected,  ///< live connections of an app were given keepalive and a user timeout
  SocketsReverted,   ///< their own options were put back
  Degraded,          ///< relinkd cannot do a part of its work (a port, a socket, a permission)
  Repeated,          ///< lines that were held back by the rate limit, counted
};
inline constexpr auto kEventNames = enum_names<Event>(
    "unknown", "local_fault", "dns_failed", "refused", "unreachable", "half_open", "peer_closed",
    "reset", "tls_failed", "not_redis", "auth_failed", "stalled", "master_down", "loading", "busy",
    "read_only", "slow", "ok", "started", "stopped", "config_reloaded", "config_refused",
    "disconnected", "server_restarted", "dns_changed", "dns_failing", "idle_cut", "idle_cut_gone",
    "certificate_expiring", "failover", "primary_named", "topology_unconfirmed",
    "topology_confirmed", "sentinel_event", "cluster_failing", "cluster_fine", "cluster_changed",
    "server_replaced", "maintenance", "former_left", "sysctl_not_applied", "sysctl_applied",
    "relink_decided", "relink_held", "relink_acted", "relink_recovered", "relink_failed",
    "breaker_opened", "breaker_closed", "paused", "resumed", "actuator_lost", "actuator_back",
    "app_out_of_sight", "app_disconnected", "app_not_connected", "sockets_protected",
    "sockets_reverted", "degraded", "repeated");

/// One line of the log. Empty fields are left out.
struct Entry {
  Event event = Event::Started;
  Priority priority = Priority::Info;
  std::string message;    ///< a sentence with figures, one line
  std::string endpoint;   ///< RELINKD_ENDPOINT
  std::string node;       ///< RELINKD_NODE
  std::string condition;  ///< RELINKD_CONDITION
  std::string cause;      ///< RELINKD_CAUSE
  std::string incident;   ///< RELINKD_INCIDENT
  std::string app;        ///< RELINKD_APP
  std::string action;     ///< RELINKD_ACTION
  std::string result;     ///< RELINKD_RESULT
};

/// Where lines go: the journal, with MESSAGE_ID and fields, where standard error is connected to it
/// (JOURNAL_STREAM, systemd.exec(5)); else standard error, with time and level. Lines of one
/// event, endpoint and app that come in a burst are held back, counted, and told in one line.
///
/// Writing never blocks and never ends the program: lines that are not taken at once wait (up to
/// 1 MiB of them), and those lost beyond that are counted and told. For this the journal is spoken
/// to directly (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), since sd_journal_send() blocks its
/// caller for as long as a stuck journald leaves its queue full (measured: from the 12th line on,
/// with the kernel's default net.unix.max_dgram_qlen), which is just when a watcher is needed.
class Journal {
 public:
  enum class Target : std::uint8_t { Auto, Journal, StandardError };
  static constexpr std::string_view kSocket = "/run/systemd/journal/socket";

  /// Makes the process ignore SIGPIPE: a reader of standard error that goes away must not end it.
  /// `socket`: where journald listens. `program`: SYSLOG_IDENTIFIER, which journalctl shows before
  /// each message.
  explicit Journal(Target target = Target::Auto, std::string_view socket = kSocket,
                   std::string_view program = "relinkd");
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Writes the line, or counts it if its event, endpoint and app had too many lately. `now` and
  /// `wall` are the present. Line breaks, other control characters and what is not UTF-8 become
  /// '.'. Event::Stopped tells all that is held back first.
  void write(const Entry& entry, MonoTime now, WallTime wall);

  /// Tells what was held back and is due to be told, and sends what waits. Call it once a second
  /// or so.
  void flush_held_back(MonoTime now, WallTime wall);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::journal
