// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.hpp"
#include "base/host_port.hpp"
#include "base/time.hpp"
#include "core/relink_verb.hpp"

namespace relinkd::config {

/// Where a secret is read from, when it is needed. Never the secret itself.
struct SecretSource {
  enum class Kind : std::uint8_t { File, Credential };
  Kind kind = Kind::File;
  std::string name;  ///< a path, or a name below $CREDENTIALS_DIRECTORY
  friend bool operator==(const SecretSource&, const SecretSource&) = default;
};

/// The kernel's, in net/tcp.h: MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL; MAX_TCP_KEEPCNT.
inline constexpr Duration kMaxKeepalive = 32767s;
inline constexpr int kMaxKeepaliveCount = 127;

/// TCP keepalive (tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
struct Keepalive {
  Duration idle = 5s;      ///< 1 s to kMaxKeepalive, whole seconds
  Duration interval = 1s;  ///< 1 s to kMaxKeepalive, whole seconds
  int count = 3;           ///< 1 to kMaxKeepaliveCount
  /// TCP_USER_TIMEOUT that agrees with it: idle + interval × count.
  [[nodiscard]] Duration user_timeout() const { return idle + interval * count; }
  friend bool operator==(const Keepalive&, const Keepalive&) = default;
};

/// Exponential back-off with full jitter.
struct Backoff {
  Duration initial = 100ms;  ///< 10 ms to 1 h
  Duration max = 10s;        ///< initial to 1 h
  friend bool operator==(const Backoff&, const Backoff&) = default;
};

/// The idle watch: a second connection that lives as an idle pooled connection would.
struct IdleWatch {
  enum class Mode : std::uint8_t { Off, Keepalive, Ages };
  Mode mode = Mode::Ages;
  std::vector<Duration> ages = {1min, 5min, 10min, 1h};  ///< rising, 1 s to 1 d each, 1 to 16
  friend bool operator==(const IdleWatch&, const IdleWatch&) = default;
};

/// How an endpoint is watched: [watch], and any key of it again in an [[endpoint]].
struct Watch {
  Duration ping_interval = 1s;      ///< 50 ms to 1 h
  Duration command_timeout = 2s;    ///< 200 ms to 1 min; ceiling of the adaptive probe deadline
  Duration connect_timeout = 5s;    ///< 100 ms to 5 min
  Duration slow_threshold = 100ms;  ///< 1 ms to 1 min, below command_timeout
  Duration topology_interval = 5s;  ///< 1 s to 1 h
  Keepalive keepalive;
  Backoff backoff;
  IdleWatch idle_watch;
  /// Replicas too, where who they are is learnt: from Sentinels, a cluster, or a primary's ROLE.
  bool watch_replicas = false;
  friend bool operator==(const Watch&, const Watch&) = default;
};

/// A parsed endpoint URL: redis://, rediss:// or unix:// name one server; redis-sentinel:// and
/// redis-cluster:// name whom to ask for the servers.
struct Url {
  enum class Scheme : std::uint8_t { Redis, Rediss, Unix, Sentinel, Cluster };
  Scheme scheme = Scheme::Redis;
  std::string user;           ///< of the nodes; empty: the default user
  std::string host;           ///< a name or an IP literal without brackets; empty if not Redis(s)
  std::uint16_t port = 6379;  ///< 0 if not Redis(s)
  std::string path;           ///< the socket's path, for Unix
  /// Of Sentinel and Cluster: 1 to 32 Sentinels or nodes of the cluster, all different.
  std::vector<HostPort> seeds;
  std::string primary_name;  ///< of Sentinel: what the Sentinels call it; 1 to 255 bytes

  /// Whether the nodes are told by others, and no host stands in the URL itself.
  [[nodiscard]] bool has_seeds() const {
    return scheme == Scheme::Sentinel || scheme == Scheme::Cluster;
  }
  /// Without a password, which a URL here never holds: "rediss://relinkd@host:6380".
  [[nodiscard]] std::string to_string() const;
  /// "host:port" ("[::1]:6379"), the path, "first-sentinel:26379#name", or the cluster's first
  /// seed: an endpoint's name where none is given.
  [[nodiscard]] std::string host_port() const;
  friend bool operator==(const Url&, const Url&) = default;
};
/// The most seeds that a URL may have.
inline constexpr std::size_t kMaxSeeds = 32;

struct Tls {
  std::string ca_file;    ///< empty: the system's trust store
  std::string cert_file;  ///< client certificate (PEM chain); with key_file or not at all
  std::string key_file;
  std::string server_name;  ///< for SNI and verification; empty: the URL's host
  bool verify = true;
  friend bool operator==(const Tls&, const Tls&) = default;
};

/// How the Sentinels of a redis-sentinel:// URL are spoken to. Their users are not the nodes'.
struct Sentinel {
  std::string user;  ///< empty: the default user
  std::optional<SecretSource> password;
  bool tls = true;  ///< whether the Sentinels speak TLS where the nodes do
  friend bool operator==(const Sentinel&, const Sentinel&) = default;
};

/// The role that an endpoint's node must have.
enum class Expect : std::uint8_t { Primary, Replica, Any };
inline constexpr auto kExpectNames = enum_names<Expect>("primary", "replica", "any");

struct Endpoint {
  std::string name;  ///< 1 to 63 of [A-Za-z0-9_.:-], or the URL's host_port()
  Url url;
  Expect expect = Expect::Primary;
  std::optional<SecretSource> password;
  Tls tls;
  bool tls_given = false;  ///< there is a tls table, though it may be empty
  Sentinel sentinel;
  /// Listen for the planned maintenance that managed services announce (AzureRedisEvents), over one
  /// more connection. Where the key is not given: whether the URL leads to such a service.
  bool announcements = false;
  /// The ports at which its nodes may be: nothing elsewhere is ever destroyed. 1 to kMaxSeeds, each
  /// 1 to 65535. Where the key is not given: the URL's port, 6379 for Sentinel, the seeds' for a
  /// cluster. None for a Unix socket.
  std::vector<std::uint16_t> node_ports;
  int reconnect_rate = 100;     ///< sockets to it destroyed a second, 1 to 10,000
  int max_parallel = 4;         ///< apps made to reconnect to it at a time, 1 to 1,000
  bool cluster_relink = false;  ///< of a cluster: act on wrong_node, too (its clients have MOVED)
  Watch watch;

  /// Whether connections to the nodes are encrypted: rediss:// always, Sentinel and Cluster URLs
  /// where a tls table is given.
  [[nodiscard]] bool uses_tls() const {
    return url.scheme == Url::Scheme::Rediss || (url.has_seeds() && tls_given);
  }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Whether relinkd does what it decides, or only says it.
enum class Mode : std::uint8_t { Act, Observe };
inline constexpr auto kModeNames = enum_names<Mode>("act", "observe");

/// Which processes are an app's. All that is given must fit; at least one is.
struct Match {
  /// A systemd unit that holds processes, with its suffix: .service, .scope or .slice.
  std::string unit;
  /// A glob on the path below the cgroup2 mount, from '/': "*", "?" and "[…]" as in glob(7), none
  /// of which matches a '/'; a backslash is just that, since names of units have them. What it
  /// matches is the app's with all below: "/batch/*" means each cgroup right in /batch, and those
  /// within. "/" means all.
  std::string cgroup;
  std::string user;  ///< a name, or if all digits a uid
  friend bool operator==(const Match&, const Match&) = default;
};

/// The signals that an action may send: those that a process can catch, and that mean something to
/// people. SIGKILL and SIGSTOP are none of them.
inline constexpr std::array<std::string_view, 9> kSignalNames{"SIGHUP",  "SIGINT",   "SIGQUIT",
                                                              "SIGUSR1", "SIGUSR2",  "SIGTERM",
                                                              "SIGCONT", "SIGWINCH", "SIGURG"};

/// A way to make an app reconnect.
struct Action {
  core::RelinkVerb verb = core::RelinkVerb::DestroySockets;
  /// Of Signal: one of kSignalNames; of Start: a .service, .socket, .target or .timer unit.
  std::string argument;
  /// As the configuration has it: "signal:SIGUSR1".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Action&, const Action&) = default;
};

/// What an app's live connections are given: `protect = true`, `false`, or a table. What the table
/// does not give is the endpoint's `keepalive`; see wanted_options().
struct Protect {
  bool wanted = true;
  std::optional<Duration> idle;          ///< as in Keepalive
  std::optional<Duration> interval;      ///< as in Keepalive
  std::optional<int> count;              ///< as in Keepalive
  std::optional<Duration> user_timeout;  ///< 1 s to 1 d
  friend bool operator==(const Protect&, const Protect&) = default;
};

/// A configured set of processes on this host that are made to reconnect.
struct App {
  /// What an action waits for: the state of the app's own sockets, or, where these cannot be seen
  /// (another network namespace), the condition of the endpoint.
  enum class Trigger : std::uint8_t { Sockets, Endpoint };

  std::string name;  ///< 1 to 63 of [A-Za-z0-9_.:-]
  Match match;
  /// Names of endpoints of the same files (relinkd-actuator does not know those of the command
  /// line), 1 to 256, each once.
  std::vector<std::string> endpoints;
  Trigger trigger = Trigger::Sockets;
  /// The ladder, in the order in which they are tried; 1 to 8, each once. Reload and Restart need a
  /// service as match.unit, Signal needs match.unit or match.cgroup, and DestroySockets needs
  /// sockets that are seen: with trigger "endpoint" it is an error.
  std::vector<Action> actions = {Action{}};
  bool idle_siblings = true;
  bool expect_connections = false;
  Protect protect;
  Duration spread = 2s;            ///< 0 to 1 h
  Duration restart_spread = 60s;   ///< 0 to 1 h
  Duration min_interval = 60s;     ///< 1 s to 1 d
  Duration error_threshold = 30s;  ///< 0 to 1 h
  Duration verify_within = 10s;    ///< 1 s to 1 h
  int max_relinks_per_hour = 20;   ///< 1 to 1,000
  std::optional<Mode> mode;        ///< nothing: Settings::mode
  friend bool operator==(const App&, const App&) = default;
};
inline constexpr auto kTriggerNames = enum_names<App::Trigger>("sockets", "endpoint");

/// The privileged helper, which carries out what may not be done without privileges.
struct Actuator {
  std::string socket = "/run/relinkd/actuator.sock";  ///< absolute, at most 107 bytes
  std::string user = "relinkd";     ///< whom it obeys, besides root; a name or a number
  int max_orders_per_minute = 600;  ///< 1 to 100,000
  friend bool operator==(const Actuator&, const Actuator&) = default;
};

/// How the metrics port is encrypted. Nothing is where all of it is empty; else certificate and key
/// are both given.
struct MetricsTls {
  std::string cert_file;       ///< PEM, the server's own first, then those that lead to its CA
  std::string key_file;        ///< PEM, without a passphrase
  std::string client_ca_file;  ///< PEM; given: clients need a certificate that it signed
  [[nodiscard]] bool is_given() const { return !cert_file.empty(); }
  friend bool operator==(const MetricsTls&, const MetricsTls&) = default;
};

struct Metrics {
  std::string listen = "127.0.0.1:10121";  ///< IP:port; empty turns the port off
  MetricsTls tls;
  /// Lines "name:hash" as crypt(5) has hashes; given: a scrape needs one of these names and its
  /// password. Only with tls, or on a loopback address.
  std::string users_file;
  friend bool operator==(const Metrics&, const Metrics&) = default;
};

struct Control {
  std::string socket = "/run/relinkd/control.sock";  ///< absolute, at most 107 bytes (unix(7))
  std::vector<std::string> operators;                ///< groups that may order, besides root
  friend bool operator==(const Control&, const Control&) = default;
};

struct Sysctl {
  Duration check_interval = 60s;  ///< 1 s to 1 d
  /// Keys in dotted form with the wanted number.
  std::map<std::string, std::int64_t> want = {{"net.ipv4.tcp_retries2", 5}};
  bool enforce = false;  ///< a value that drifted is put back
  friend bool operator==(const Sysctl&, const Sysctl&) = default;
};

/// The whole configuration, every default filled in.
struct Settings {
  Mode mode = Mode::Act;
  Metrics metrics;
  Control control;
  Actuator actuator;
  Watch watch;  ///< the defaults that [watch] sets; each endpoint holds its own copy
  std::vector<Endpoint> endpoints;
  std::vector<App> apps;
  Sysctl sysctl;
  /// The app's own, where it has one.
  [[nodiscard]] Mode mode_of(const App& app) const { return app.mode.value_or(mode); }
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace relinkd::config
