// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "control/json_writer.hpp"
#include "control/views.hpp"

namespace relinkd::control {

namespace {

Duration since(WallTime begin, WallTime now) {
  // The clock may have been set back.
  return std::max(now - begin, Duration::zero());
}

/// Null for an empty text: there is no such thing at present.
void write_optional(JsonWriter& json, std::string_view key, const std::string& text) {
  json.key(key);
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void write_optional(JsonWriter& json, std::string_view key, const std::optional<WallTime>& time) {
  json.key(key);
  if (time) {
    json.time(*time);
  } else {
    json.null();
  }
}

void write_node(JsonWriter& json, const NodeView& node, WallTime now) {
  json.open_object();
  json.key("node").string(node.node);
  json.key("part").string(node.part);
  json.key("condition").string(node.condition);
  json.key("role").string(node.role);
  json.key("since").time(node.since);
  json.key("since_seconds").seconds(since(node.since, now));
  json.key("detail").string(node.detail);
  json.key("rtt_seconds");
  if (node.rtt) {
    json.seconds(*node.rtt);
  } else {
    json.null();
  }
  write_optional(json, "last_reply", node.last_reply);
  write_optional(json, "connected_since", node.connected_since);
  json.key("server_version").string(node.server_version);
  json.close_object();
}

void write_nodes(JsonWriter& json, std::string_view key, const std::vector<NodeView>& nodes,
                 WallTime now) {
  json.key(key).open_array();
  for (const auto& node : nodes) write_node(json, node, now);
  json.close_array();
}

void write_former(JsonWriter& json, const FormerView& former, WallTime now) {
  json.open_object();
  json.key("node").string(former.node);
  json.key("since").time(former.since);
  json.key("since_seconds").seconds(since(former.since, now));
  json.key("sockets").count(former.sockets);
  json.close_object();
}

void write_failover(JsonWriter& json, const FailoverView& failover) {
  json.open_object();
  json.key("kind").string(failover.kind);
  json.key("from").string(failover.from);
  json.key("to").string(failover.to);
  json.key("time").time(failover.time);
  json.key("duration_seconds").seconds(failover.duration);
  json.key("planned").boolean(failover.planned);
  json.key("detail").string(failover.detail);
  json.close_object();
}

/// Who plays which part, and how that is known.
void write_topology(JsonWriter& json, const EndpointView& endpoint, WallTime now) {
  json.key("topology").string(endpoint.topology);
  json.key("topology_detail").string(endpoint.topology_detail);
  json.key("confirmed").boolean(endpoint.confirmed);
  write_nodes(json, "nodes", endpoint.nodes, now);
  write_nodes(json, "sentinels", endpoint.sentinels, now);
  json.key("former_primaries").open_array();
  for (const auto& former : endpoint.former_primaries) write_former(json, former, now);
  json.close_array();
  json.key("last_failover");
  if (endpoint.last_failover) {
    write_failover(json, *endpoint.last_failover);
  } else {
    json.null();
  }
  json.key("uncovered_slots").count(endpoint.uncovered_slots);
  write_optional(json, "maintenance", endpoint.maintenance);
}

void write_endpoint(JsonWriter& json, const EndpointView& endpoint, WallTime now) {
  json.open_object();
  json.key("name").string(endpoint.name);
  json.key("url").string(endpoint.url);
  json.key("expect").string(endpoint.expect);
  json.key("condition").string(endpoint.condition);
  json.key("up").boolean(endpoint.up);
  json.key("since").time(endpoint.since);
  json.key("since_seconds").seconds(since(endpoint.since, now));
  json.key("detail").string(endpoint.detail);
  write_optional(json, "incident", endpoint.incident);
  json.key("idle_cut_seconds").seconds(endpoint.idle_cut);
  json.key("idle_cut_detail").string(endpoint.idle_cut_detail);
  json.key("addresses").open_array();
  for (const auto& address : endpoint.addresses) json.string(address);
  json.close_array();
  json.key("disconnects").open_object();
  for (const auto& [cause, count] : endpoint.disconnects) json.key(cause).count(count);
  json.close_object();
  write_topology(json, endpoint, now);
  json.close_object();
}

void write_event(JsonWriter& json, const EventView& event) {
  json.open_object();
  json.key("sequence").count(event.sequence);
  json.key("time").time(event.time);
  json.key("event").string(event.event);
  json.key("message_id").string(event.message_id);
  json.key("priority").integer(event.priority);
  json.key("message").string(event.message);
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) json.key(key).string(value);
  };
  add("endpoint", event.endpoint);
  add("node", event.node);
  add("condition", event.condition);
  add("cause", event.cause);
  add("incident", event.incident);
  json.close_object();
}

}  // namespace

std::string encode_status(const StatusView& status, WallTime now) {
  JsonWriter json;
  json.open_object();
  json.key("version").string(status.version);
  json.key("pid").integer(status.pid);
  json.key("started").time(status.started);
  json.key("metrics_url").string(status.metrics_url);
  json.key("config_loaded").time(status.config_loaded);
  json.key("endpoints").open_array();
  for (const auto& endpoint : status.endpoints) write_endpoint(json, endpoint, now);
  return json.close_array().close_object().take();
}

std::string encode_events(const std::vector<EventView>& events) {
  JsonWriter json;
  json.open_object().key("events").open_array();
  for (const auto& event : events) write_event(json, event);
  return json.close_array().close_object().take();
}

std::string encode_event(const EventView& event) {
  JsonWriter json;
  write_event(json, event);
  return json.take();
}

std::string encode_config(const std::vector<OriginView>& values) {
  JsonWriter json;
  json.open_object().key("values").open_array();
  for (const auto& v : values) {
    json.open_object();
    json.key("key").string(v.key);
    json.key("value").string(v.value);
    json.key("place").string(v.place);
    json.close_object();
  }
  return json.close_array().close_object().take();
}

std::string encode_reload(const ReloadView& reload) {
  JsonWriter json;
  json.open_object();
  json.key("accepted").boolean(reload.accepted);
  json.key("errors").open_array();
  for (const auto& error : reload.errors) json.string(error);
  json.close_array();
  json.key("endpoints_kept").count(reload.endpoints_kept);
  json.key("endpoints_changed").count(reload.endpoints_changed);
  json.key("endpoints_added").count(reload.endpoints_added);
  json.key("endpoints_removed").count(reload.endpoints_removed);
  return json.close_object().take();
}

}  // namespace relinkd::control
