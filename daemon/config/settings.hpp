// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.hpp"
#include "base/host_port.hpp"
#include "base/time.hpp"

namespace relinkd::config {

/// Where a secret is read from, when it is needed. Never the secret itself.
struct SecretSource {
  enum class Kind : std::uint8_t { File, Credential };
  Kind kind = Kind::File;
  std::string name;  ///< a path, or a name below $CREDENTIALS_DIRECTORY
  friend bool operator==(const SecretSource&, const SecretSource&) = default;
};

/// TCP keepalive (tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
struct Keepalive {
  Duration idle = 5s;      ///< 1 s to 32767 s (kernel: MAX_TCP_KEEPIDLE), whole seconds
  Duration interval = 1s;  ///< 1 s to 32767 s, whole seconds
  int count = 3;           ///< 1 to 127 (MAX_TCP_KEEPCNT)
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
  Watch watch;

  /// Whether connections to the nodes are encrypted: rediss:// always, Sentinel and Cluster URLs
  /// where a tls table is given.
  [[nodiscard]] bool uses_tls() const {
    return url.scheme == Url::Scheme::Rediss || (url.has_seeds() && tls_given);
  }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Metrics {
  std::string listen = "127.0.0.1:10121";  ///< IP:port; empty turns the port off
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
  friend bool operator==(const Sysctl&, const Sysctl&) = default;
};

/// The whole configuration, every default filled in.
struct Settings {
  Metrics metrics;
  Control control;
  Watch watch;  ///< the defaults that [watch] sets; each endpoint holds its own copy
  std::vector<Endpoint> endpoints;
  Sysctl sysctl;
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace relinkd::config
