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

void write_strings(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).open_array();
  for (const auto& text : texts) json.string(text);
  json.close_array();
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
  json.key("rtt_seconds").optional(node.rtt, &JsonWriter::seconds);
  json.key("last_reply").optional(node.last_reply, &JsonWriter::time);
  json.key("connected_since").optional(node.connected_since, &JsonWriter::time);
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
  json.key("maintenance").string_or_null(endpoint.maintenance);
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
  json.key("incident").string_or_null(endpoint.incident);
  json.key("idle_cut_seconds").seconds(endpoint.idle_cut);
  json.key("idle_cut_detail").string(endpoint.idle_cut_detail);
  write_strings(json, "addresses", endpoint.addresses);
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
  add("app", event.app);
  add("action", event.action);
  add("result", event.result);
  json.close_object();
}

/// Null for zero: it is not known, or for ever, or there is none.
void write_hang(JsonWriter& json, const char* key, Duration hangs_for) {
  json.key(key).optional(hangs_for > Duration::zero() ? std::optional(hangs_for) : std::nullopt,
                         &JsonWriter::seconds);
}

void write_app_node(JsonWriter& json, const AppNodeView& node) {
  json.open_object();
  json.key("node").string(node.node);
  json.key("sockets").open_object();
  for (const auto& [state, count] : node.sockets) json.key(state).count(count);
  json.close_object();
  json.key("unprotected").count(node.unprotected);
  json.key("waiting").count(node.waiting);
  write_hang(json, "hangs_seconds", node.hangs_for);
  write_hang(json, "waits_seconds", node.waits_for);
  json.close_object();
}

void write_app_socket(JsonWriter& json, const AppSocketView& socket) {
  json.open_object();
  json.key("local").string(socket.local);
  json.key("node").string(socket.node);
  json.key("state").string(socket.state);
  json.key("unprotected").boolean(socket.unprotected);
  json.key("waiting").boolean(socket.waiting);
  write_hang(json, "hangs_seconds", socket.hangs_for);
  json.key("detail").string(socket.detail);
  json.key("process").string(socket.process);
  json.close_object();
}

void write_app_endpoint(JsonWriter& json, const AppEndpointView& endpoint) {
  json.open_object();
  json.key("endpoint").string(endpoint.endpoint);
  json.key("sockets").count(endpoint.sockets);
  json.key("unprotected").count(endpoint.unprotected);
  json.key("incident").string_or_null(endpoint.incident);
  json.key("last_relink").string_or_null(endpoint.last_relink);
  json.key("last_relink_at").optional(endpoint.last_relink_at, &JsonWriter::time);
  json.key("nodes").open_array();
  for (const auto& node : endpoint.nodes) write_app_node(json, node);
  json.close_array();
  json.key("listed").open_array();
  for (const auto& socket : endpoint.listed) write_app_socket(json, socket);
  json.close_array();
  json.close_object();
}

void write_app(JsonWriter& json, const AppView& app) {
  json.open_object();
  json.key("name").string(app.name);
  json.key("match").string(app.match);
  json.key("mode").string(app.mode);
  write_strings(json, "actions", app.actions);
  json.key("other_netns").count(app.other_netns);
  json.key("breaker_open").boolean(app.breaker_open);
  json.key("breaker_detail").string(app.breaker_detail);
  json.key("endpoints").open_array();
  for (const auto& endpoint : app.endpoints) write_app_endpoint(json, endpoint);
  json.close_array();
  json.close_object();
}

void write_close(JsonWriter& json, const CloseView& close) {
  json.open_object();
  json.key("time").time(close.time);
  json.key("app").string(close.app);
  json.key("endpoint").string(close.endpoint);
  json.key("local").string(close.local);
  json.key("node").string(close.node);
  json.key("established").boolean(close.established);
  json.key("cause").string(close.cause);
  json.key("detail").string(close.detail);
  json.key("usual").boolean(close.usual);
  json.key("age_seconds").optional(close.age, &JsonWriter::seconds);
  json.key("idle_seconds").optional(close.idle, &JsonWriter::seconds);
  json.key("rtt_seconds").optional(close.rtt, &JsonWriter::seconds);
  json.key("sent_bytes").count(close.sent);
  json.key("received_bytes").count(close.received);
  json.key("retransmits").count(close.retransmits);
  json.key("condition").string(close.condition);
  json.key("maintenance").boolean(close.maintenance);
  json.key("server_timeout_seconds").optional(close.server_timeout, &JsonWriter::seconds);
  json.key("idle_cut_seconds").optional(close.idle_cut, &JsonWriter::seconds);
  json.key("incident").string_or_null(close.incident);
  json.close_object();
}

void write_subscription(JsonWriter& json, const SubscriptionView& subscription) {
  json.open_object();
  json.key("app").string(subscription.app);
  json.key("endpoint").string(subscription.endpoint);
  json.key("condition").string(subscription.condition);
  json.key("up").boolean(subscription.up);
  write_strings(json, "primaries", subscription.primaries);
  json.key("generation").count(subscription.generation);
  json.key("reason").string_or_null(subscription.reason);
  json.key("incident").string_or_null(subscription.incident);
  json.close_object();
}

void write_options(JsonWriter& json, const SocketOptionsView& options) {
  json.open_object();
  json.key("keepalive").boolean(options.keepalive);
  json.key("idle_seconds").seconds(options.idle);
  json.key("interval_seconds").seconds(options.interval);
  json.key("count").count(options.count);
  write_hang(json, "user_timeout_seconds", options.user_timeout);
  json.close_object();
}

void write_tuning(JsonWriter& json, const TuningEndpointView& endpoint) {
  json.open_object();
  json.key("endpoint").string(endpoint.endpoint);
  json.key("sockets").count(endpoint.sockets);
  json.key("strict").count(endpoint.strict);
  json.key("tuned").count(endpoint.tuned);
  json.key("loose").count(endpoint.loose);
  json.key("unseen").count(endpoint.unseen);
  json.key("wanted");
  if (endpoint.wanted) {
    write_options(json, *endpoint.wanted);
  } else {
    json.null();
  }
  json.key("changes").open_array();
  for (const TuningChangeView& change : endpoint.changes) {
    json.open_object();
    json.key("sockets").count(change.sockets);
    json.key("done").boolean(change.done);
    json.key("before");
    write_options(json, change.before);
    json.key("after");
    write_options(json, change.after);
    json.close_object();
  }
  json.close_array();
  json.close_object();
}

}  // namespace

std::string encode_status(const StatusView& status, WallTime now) {
  JsonWriter json;
  json.open_object();
  json.key("paused").boolean(status.paused);
  json.key("paused_until").optional(status.paused_until, &JsonWriter::time);
  json.key("version").string(status.version);
  json.key("pid").integer(status.pid);
  json.key("started").time(status.started);
  json.key("metrics_url").string(status.metrics_url);
  json.key("config_loaded").time(status.config_loaded);
  json.key("endpoints").open_array();
  for (const auto& endpoint : status.endpoints) write_endpoint(json, endpoint, now);
  return json.close_array().close_object().take();
}

std::string encode_apps(const AppsView& apps) {
  JsonWriter json;
  json.open_object();
  json.key("paused").boolean(apps.paused);
  json.key("paused_until").optional(apps.paused_until, &JsonWriter::time);
  json.key("actuator").string(apps.actuator);
  json.key("census").optional(apps.census == WallTime{} ? std::nullopt : std::optional(apps.census),
                              &JsonWriter::time);
  json.key("apps").open_array();
  for (const auto& app : apps.apps) write_app(json, app);
  return json.close_array().close_object().take();
}

std::string encode_closes(const ClosesView& closes) {
  JsonWriter json;
  json.open_object().key("closes").open_array();
  for (const auto& close : closes.closes) write_close(json, close);
  return json.close_array().close_object().take();
}

std::string encode_close(const CloseView& close) {
  JsonWriter json;
  write_close(json, close);
  return json.take();
}

std::string encode_tuning(const TuningView& tuning) {
  JsonWriter json;
  json.open_object();
  json.key("paused").boolean(tuning.paused);
  json.key("unsupported").string_or_null(tuning.unsupported);
  json.key("apps").open_array();
  for (const TuningAppView& app : tuning.apps) {
    json.open_object();
    json.key("name").string(app.name);
    json.key("mode").string(app.mode);
    json.key("reverted").boolean(app.reverted);
    json.key("endpoints").open_array();
    for (const TuningEndpointView& endpoint : app.endpoints) write_tuning(json, endpoint);
    json.close_array();
    json.close_object();
  }
  json.close_array();
  json.close_object();
  return json.take();
}

std::string encode_order(const OrderView& order) {
  JsonWriter json;
  json.open_object();
  json.key("accepted").boolean(order.accepted);
  write_strings(json, "lines", order.lines);
  return json.close_object().take();
}

std::string encode_subscription(const std::vector<SubscriptionView>& subscription) {
  JsonWriter json;
  json.open_object().key("subscriptions").open_array();
  for (const auto& one : subscription) write_subscription(json, one);
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
  write_strings(json, "errors", reload.errors);
  json.key("endpoints_kept").count(reload.endpoints_kept);
  json.key("endpoints_changed").count(reload.endpoints_changed);
  json.key("endpoints_added").count(reload.endpoints_added);
  json.key("endpoints_removed").count(reload.endpoints_removed);
  return json.close_object().take();
}

}  // namespace relinkd::control
