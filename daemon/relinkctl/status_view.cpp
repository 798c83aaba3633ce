// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/status_view.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/failover.hpp"
#include "core/topology.hpp"

namespace relinkd::relinkctl {

namespace {

/// Whether the condition is known, and one in which nobody can use the node.
bool is_trouble(std::string_view condition) {
  const auto known = core::kConditionNames.find(condition);
  return known && *known != core::Condition::Unknown && !core::is_up(*known);
}

/// What the node says of itself, and what it is for the endpoint where that is another matter.
std::string role_text(const control::NodeView& node) {
  if (node.part == "primary" || node.part == node.role) return node.role;
  return fmt::format("{} ({})", node.role, node.part);
}

std::string former_text(const control::FormerView& former, WallTime now) {
  return fmt::format(
      "{} of this host still {} to the former primary {}, demoted {} ago",
      former.sockets == 1 ? "1 connection" : fmt::format("{} connections", former.sockets),
      former.sockets == 1 ? "leads" : "lead", former.node, age(former.since, now));
}

std::string failover_text(const control::FailoverView& failover, WallTime now) {
  const bool same_node = failover.from == failover.to;
  const bool by_name = failover.kind == core::to_string(core::FailoverKind::Dns);
  return fmt::format("last failover {} ago: {} {}, took {}{}", age(failover.time, now),
                     by_name ? "the name was moved" : failover.kind,
                     same_node ? fmt::format("of {}", failover.to)
                               : fmt::format("from {} to {}", failover.from, failover.to),
                     to_text(failover.duration), failover.planned ? ", as announced" : "");
}

/// Nothing where all is as it should be.
void add_topology_notes(Table& table, const control::EndpointView& endpoint, WallTime now) {
  if (!endpoint.confirmed) {
    table.add_note(fmt::format("no majority of the Sentinels confirms the primary{}{}",
                               endpoint.topology_detail.empty() ? "" : ": ",
                               endpoint.topology_detail));
  }
  for (const auto& sentinel : endpoint.sentinels) {
    if (!is_trouble(sentinel.condition)) continue;
    table.add_note(fmt::format("Sentinel {} {}{}{}", sentinel.node, sentinel.condition,
                               sentinel.detail.empty() ? "" : ": ", sentinel.detail));
  }
  if (endpoint.uncovered_slots > 0) {
    table.add_note(fmt::format("{} of {} hash slots are served by no node",
                               endpoint.uncovered_slots, core::kClusterSlots));
  }
  if (!endpoint.maintenance.empty()) {
    table.add_note(fmt::format("maintenance is announced: {}", endpoint.maintenance));
  }
  for (const auto& former : endpoint.former_primaries) {
    if (former.sockets > 0) table.add_note(former_text(former, now));
  }
  if (endpoint.last_failover) table.add_note(failover_text(*endpoint.last_failover, now));
}

void add_endpoint(Table& table, const control::EndpointView& endpoint, WallTime now) {
  // The endpoint's own sentence is often that of one of its nodes.
  bool told = endpoint.condition == "ok" || endpoint.detail.empty();
  for (const auto& node : endpoint.nodes) {
    table.add_row({{endpoint.name},
                   {node.node},
                   {role_text(node)},
                   {node.condition, condition_colour(node.condition)},
                   {node.rtt ? to_text(*node.rtt) : "-"},
                   {age(node.since, now)}});
    if (node.condition != "ok" && !node.detail.empty()) {
      table.add_note(node.detail);
      told = told || node.detail == endpoint.detail;
    }
  }
  if (endpoint.nodes.empty()) {
    table.add_row({{endpoint.name},
                   {"-"},
                   {"-"},
                   {endpoint.condition, condition_colour(endpoint.condition)},
                   {"-"},
                   {age(endpoint.since, now)}});
  }
  if (!told) table.add_note(endpoint.detail);
  add_topology_notes(table, endpoint, now);
  if (!endpoint.incident.empty()) {
    table.add_note(fmt::format("incident {} is open", endpoint.incident));
  }
  if (endpoint.idle_cut > Duration::zero()) {
    table.add_note(
        endpoint.idle_cut_detail.empty()
            ? fmt::format("idle connections are cut after {}", to_text(endpoint.idle_cut))
            : endpoint.idle_cut_detail);
  }
}

}  // namespace

std::string render_status(const control::StatusView& status, WallTime now, const Screen& screen) {
  std::string head = fmt::format("relinkd {}, pid {}, running for {}", clean(status.version),
                                 status.pid, age(status.started, now));
  if (!status.metrics_url.empty()) head += fmt::format(", metrics {}", clean(status.metrics_url));
  std::string out = paragraph(head, screen);
  if (status.paused) out += paused_line(status.paused_until, now, screen);
  out += '\n';
  if (status.endpoints.empty()) return out + "No endpoint is watched.\n";
  Table table({"ENDPOINT", "NODE", "ROLE", "CONDITION", "RTT", "SINCE"});
  for (const auto& endpoint : status.endpoints) add_endpoint(table, endpoint, now);
  return out + table.render(screen);
}

}  // namespace relinkd::relinkctl
