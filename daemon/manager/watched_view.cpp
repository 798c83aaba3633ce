// SPDX-License-Identifier: Apache-2.0
// What relinkctl is told of an endpoint.
#include "manager/watched.hpp"

namespace relinkd::manager {

namespace {

WallTime wall_of(MonoTime t) { return loop::Loop::wall() - (loop::Loop::clock() - t); }

std::string_view topology_of(const config::Url& url, const watch::Endpoint& endpoint) {
  if (url.scheme == config::Url::Scheme::Sentinel) return "sentinel";
  if (url.scheme == config::Url::Scheme::Cluster) return "cluster";
  return !endpoint.members().empty() && endpoint.members().front()->has_name() ? "name" : "address";
}

}  // namespace

control::NodeView Watched::node_view(const watch::Node& node) const {
  const watch::Link& link = node.link();
  const auto it = states_.find(&node);
  static const NodeState kNothing;
  const NodeState& state = it == states_.end() ? kNothing : it->second;
  control::NodeView n;
  n.node = node.label();
  n.part = watch::kPartNames[node.part()];
  n.condition = core::to_string(state.shown);
  n.role = metrics::kNodeRoleNames[role_of(link)];
  n.since = it == states_.end() ? since_ : state.since;
  // The reason may be another by now while the condition is the same.
  n.detail = link.machine().condition() == state.shown ? link.machine().detail() : state.detail;
  n.rtt = link.machine().smoothed_rtt();
  if (const auto proof = link.machine().last_proof()) n.last_reply = wall_of(*proof);
  if (link.connected()) n.connected_since = wall_of(link.connected_since());
  n.server_version = link.facts().version.value_or("");
  return n;
}

control::SubscriptionView Watched::subscription() const {
  control::SubscriptionView v;
  v.endpoint = name_;
  v.condition = core::to_string(shown_);
  v.up = core::is_up(shown_);
  for (const watch::Node* node : endpoint_->members()) {
    if (node->link().is_proven_primary()) v.primaries.push_back(node->label());
  }
  v.incident = recent_incident();
  if (disturbance_) {
    const auto since = disturbance_->wall.time_since_epoch();
    v.generation = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
    v.reason = disturbance_->why;
  }
  return v;
}

control::EndpointView Watched::view() const {
  const config::Endpoint& settings = endpoint_->settings();
  control::EndpointView v;
  v.name = name_;
  v.url = settings.url.to_string();
  v.expect = config::kExpectNames[settings.expect];
  v.condition = core::to_string(shown_);
  v.up = core::is_up(shown_);
  v.since = since_;
  v.detail = detail_;
  v.incident = incident_;
  v.topology = topology_of(settings.url, *endpoint_);
  v.topology_detail = endpoint_->topology_detail();
  v.confirmed = endpoint_->confirmed();
  v.uncovered_slots = endpoint_->uncovered_slots();
  if (endpoint_->in_maintenance()) v.maintenance = maintenance_;
  v.last_failover = last_failover_;
  for (const watch::Node* node : endpoint_->members()) {
    v.nodes.push_back(node_view(*node));
    for (const Address& a : node->names().last_answer()) v.addresses.push_back(a.to_string());
    if (const auto cut = node->idle_cut()) {
      v.idle_cut = cut->age;
      v.idle_cut_detail = cut->to_string();
    }
  }
  if (v.nodes.size() == 1) v.detail = v.nodes.front().detail;
  for (const watch::Node* node : endpoint_->others()) v.nodes.push_back(node_view(*node));
  for (const watch::Node* node : endpoint_->sentinels()) v.sentinels.push_back(node_view(*node));
  for (const watch::Former& f : endpoint_->formers()) {
    v.former_primaries.push_back({f.address.to_string(), f.demoted, f.sockets});
  }
  for (std::size_t i = 0; i < numbers_.disconnects_total.size(); ++i) {
    if (numbers_.disconnects_total[i] == 0) continue;
    v.disconnects[std::string(core::to_string(static_cast<core::Cause>(i)))] =
        numbers_.disconnects_total[i];
  }
  return v;
}

}  // namespace relinkd::manager
