// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/status_view.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace relinkd::relinkctl {

namespace {

std::string age(WallTime since, WallTime now) {
  return to_text(std::max(std::chrono::floor<std::chrono::seconds>(now - since), 0s));
}

void add_endpoint(Table& table, const control::EndpointView& endpoint, WallTime now) {
  // The endpoint's own sentence is often that of one of its nodes.
  bool told = endpoint.condition == "ok" || endpoint.detail.empty();
  for (const auto& node : endpoint.nodes) {
    table.add_row({{endpoint.name},
                   {node.node},
                   {node.role},
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
  std::string out = fmt::format("relinkd {}, pid {}, running for {}", clean(status.version),
                                status.pid, age(status.started, now));
  if (!status.metrics_url.empty()) out += fmt::format(", metrics {}", clean(status.metrics_url));
  out += "\n\n";
  if (status.endpoints.empty()) return out + "No endpoint is watched.\n";
  Table table({"ENDPOINT", "NODE", "ROLE", "CONDITION", "RTT", "SINCE"});
  for (const auto& endpoint : status.endpoints) add_endpoint(table, endpoint, now);
  return out + table.render(screen);
}

}  // namespace relinkd::relinkctl
