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
  json.key("incident");
  if (endpoint.incident.empty()) {
    json.null();
  } else {
    json.string(endpoint.incident);
  }
  json.key("idle_cut_seconds").seconds(endpoint.idle_cut);
  json.key("idle_cut_detail").string(endpoint.idle_cut_detail);
  json.key("addresses").open_array();
  for (const auto& address : endpoint.addresses) json.string(address);
  json.close_array();
  json.key("disconnects").open_object();
  for (const auto& [cause, count] : endpoint.disconnects) json.key(cause).count(count);
  json.close_object();
  json.key("nodes").open_array();
  for (const auto& node : endpoint.nodes) write_node(json, node, now);
  json.close_array();
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
