// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/app_ending.hpp"
#include "core/cause.hpp"
#include "core/condition.hpp"
#include "core/failover.hpp"
#include "core/relink_planner.hpp"
#include "core/topology.hpp"

namespace relinkd::metrics {

/// A histogram as plain numbers: counts for each bound and one for what lies above all of them.
template <std::size_t N>
struct Histogram {
  const std::array<double, N>* bounds;  ///< seconds, rising; static
  std::array<std::uint64_t, N + 1> counts{};
  double sum = 0;

  explicit Histogram(const std::array<double, N>& b) : bounds(&b) {}
  void observe(Duration d) {
    const double s = to_seconds(d);
    std::size_t i = 0;
    while (i < N && s > (*bounds)[i]) ++i;
    ++counts[i];
    sum += s;
  }
};

/// From a local socket's round trip to command_timeout.
inline constexpr std::array<double, 10> kRttBounds{0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                   0.025,  0.05,  0.1,    0.5,   2.0};
/// From detection within a probe to outages of minutes.
inline constexpr std::array<double, 12> kOutageBounds{0.1, 0.25, 0.5, 1,  1.5, 2.5,
                                                      5,   10,   30,  60, 300, 900};

enum class NodeRole : std::uint8_t { Unknown, Primary, Replica };
inline constexpr auto kNodeRoleNames = enum_names<NodeRole>("unknown", "primary", "replica");

struct NodeNumbers {
  std::string node;  ///< "10.0.0.7:6380"
  bool up = false;
  NodeRole role = NodeRole::Unknown;
};

/// Everything that Prometheus is told of one endpoint. Plain numbers: the series are built from
/// them at scrape time.
struct EndpointNumbers {
  std::string endpoint;
  bool up = false;
  core::Condition condition = core::Condition::Unknown;
  std::array<std::uint64_t, core::kConditionNames.size()> conditions_total{};
  std::vector<NodeNumbers> nodes;
  Histogram<kRttBounds.size()> ping_rtt_seconds{kRttBounds};
  std::array<std::uint64_t, core::kCauseNames.size()> disconnects_total{};
  std::array<std::uint64_t, core::kConnectResultNames.size()> reconnects_total{};
  std::array<std::uint64_t, core::kFailoverKindNames.size()> failovers_total{};
  WallTime last_failover{};  ///< 0 while there was none
  Duration last_failover_duration{};
  std::uint64_t dns_changes_total = 0;
  std::array<std::uint64_t, core::kAnnouncementNames.size()> maintenance_events_total{};
  Duration idle_cut{};            ///< 0 while none is seen
  WallTime certificate_expiry{};  ///< 0: not TLS, or not seen yet; then no series
  std::uint64_t incidents_open = 0;
};

struct SysctlNumbers {
  std::string key;
  double value = 0;
  double wanted = 0;
  bool readable = false;  ///< else sysctl_value has no series and ok is 0
  bool ok = false;
  std::optional<bool> persistent{};  ///< nothing: not known, and no series
};

/// An app's connections to one of its endpoints.
struct AppEndpointNumbers {
  std::string endpoint;
  std::array<std::uint64_t, core::kAppSocketStateNames.size()> sockets{};  ///< now, by state
  std::uint64_t unprotected = 0;
  std::uint64_t tuned = 0;
  /// What the kernel told of them at once; without BPF they stay 0.
  std::array<std::uint64_t, core::kAppConnectResultNames.size()> connects_total{};
  std::array<std::uint64_t, core::kCauseNames.size()> disconnects_total{};
};

struct AppNumbers {
  std::string app;
  std::vector<AppEndpointNumbers> endpoints;
  std::uint64_t other_netns = 0;
  /// By verb and result.
  std::array<std::array<std::uint64_t, core::kRelinkResultNames.size()>,
             core::kRelinkVerbNames.size()>
      relinks_total{};
  std::array<std::uint64_t, core::kRelinkHoldNames.size()> suppressed_total{};
  bool breaker_open = false;
  Histogram<kOutageBounds.size()> relink_seconds{kOutageBounds};
};

/// All numbers of the daemon. Owned by manager/, read by the HTTP port on the same thread.
struct Numbers {
  std::vector<const EndpointNumbers*> endpoints;  ///< in configuration order
  std::vector<const AppNumbers*> apps;            ///< likewise
  std::vector<Histogram<kOutageBounds.size()>> detection_seconds{
      core::kConditionNames.size(), Histogram<kOutageBounds.size()>{kOutageBounds}};
  Histogram<kOutageBounds.size()> reconnect_seconds{kOutageBounds};
  std::vector<Histogram<kOutageBounds.size()>> failover_seconds{
      core::kFailoverKindNames.size(), Histogram<kOutageBounds.size()>{kOutageBounds}};
  std::vector<SysctlNumbers> sysctls;
  bool trace_active = false;  ///< the kernel tells of apps' connections
  std::uint64_t trace_events_lost_total = 0;
  Duration tcp_give_up{};  ///< 0: tcp_retries2 cannot be read; then no series
  bool last_reload_ok = true;
  WallTime last_reload_success{};
  std::string version;
};

}  // namespace relinkd::metrics
