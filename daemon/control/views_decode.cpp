// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "control/message.hpp"
#include "control/views.hpp"

namespace relinkd::control {

namespace {

using Json = nlohmann::ordered_json;

// Every getter takes what is missing or of another type as "not given".

Result<Json> parse_object(std::string_view text) {
  Json json = json_depth_within(text, kMaxDepth)
                  ? Json::parse(text, nullptr, /*allow_exceptions=*/false)
                  : Json();
  if (!json.is_object()) return Error{"relinkd's answer is not a JSON object"};
  return json;
}

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(key);
  return at == object.end() ? nullptr : &*at;
}

const Json& array_at(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  const Json* at = member(object, key);
  return at != nullptr && at->is_array() ? *at : kEmpty;
}

std::string text_at(const Json& object, const char* key, std::string otherwise = {}) {
  const Json* at = member(object, key);
  return at != nullptr && at->is_string() ? at->get<std::string>() : std::move(otherwise);
}

bool bool_at(const Json& object, const char* key, bool otherwise = false) {
  const Json* at = member(object, key);
  return at != nullptr && at->is_boolean() ? at->get<bool>() : otherwise;
}

std::uint64_t count_at(const Json& object, const char* key) {
  const Json* at = member(object, key);
  return at != nullptr && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

std::optional<Duration> duration_at(const Json& object, const char* key) {
  const Json* at = member(object, key);
  if (at == nullptr || !at->is_number()) return std::nullopt;
  const double s = at->get<double>();
  // Beyond a Duration's 292 years the conversion would be undefined.
  if (!(std::abs(s) < 9e9)) return std::nullopt;
  return std::chrono::round<Duration>(std::chrono::duration<double>(s));
}

/// The reverse of to_iso8601(): "2026-11-22T10:15:00.123Z".
std::optional<WallTime> parse_iso8601(std::string_view text) {
  static constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (kShape[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != kShape[i]) {
      return std::nullopt;
    }
  }
  const auto part = [&](std::size_t at, std::size_t size) {
    return static_cast<int>(*parse_u64(text.substr(at, size)));
  };
  // No relinkd sends others, and the distance between any two of these fits a Duration.
  const int year = part(0, 4);
  if (year < 1970 || year >= 2200) return std::nullopt;
  std::tm utc{};
  utc.tm_year = year - 1900;
  utc.tm_mon = part(5, 2) - 1;
  utc.tm_mday = part(8, 2);
  utc.tm_hour = part(11, 2);
  utc.tm_min = part(14, 2);
  utc.tm_sec = part(17, 2);
  const auto since_epoch =
      std::chrono::seconds(timegm(&utc)) + std::chrono::milliseconds(part(20, 3));
  return WallTime(since_epoch);
}

std::optional<WallTime> time_at(const Json& object, const char* key) {
  return parse_iso8601(text_at(object, key));
}

WallTime time_or_epoch(const Json& object, const char* key) {
  return time_at(object, key).value_or(WallTime{});
}

std::vector<std::string> texts_at(const Json& object, const char* key) {
  std::vector<std::string> texts;
  for (const auto& text : array_at(object, key)) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::map<std::string, std::uint64_t> counts_at(const Json& object, const char* key) {
  std::map<std::string, std::uint64_t> counts;
  const Json* at = member(object, key);
  if (at == nullptr || !at->is_object()) return counts;
  for (const auto& [name, count] : at->items()) {
    if (count.is_number_unsigned()) counts[name] = count.get<std::uint64_t>();
  }
  return counts;
}

NodeView node_view(const Json& json) {
  return {.node = text_at(json, "node"),
          .part = text_at(json, "part", NodeView{}.part),
          .condition = text_at(json, "condition"),
          .role = text_at(json, "role"),
          .since = time_or_epoch(json, "since"),
          .detail = text_at(json, "detail"),
          .rtt = duration_at(json, "rtt_seconds"),
          .last_reply = time_at(json, "last_reply"),
          .connected_since = time_at(json, "connected_since"),
          .server_version = text_at(json, "server_version")};
}

FormerView former_view(const Json& json) {
  return {.node = text_at(json, "node"),
          .since = time_or_epoch(json, "since"),
          .sockets = count_at(json, "sockets")};
}

std::optional<FailoverView> failover_at(const Json& object, const char* key) {
  const Json* at = member(object, key);
  if (at == nullptr || !at->is_object()) return std::nullopt;
  return FailoverView{.kind = text_at(*at, "kind"),
                      .from = text_at(*at, "from"),
                      .to = text_at(*at, "to"),
                      .time = time_or_epoch(*at, "time"),
                      .duration = duration_at(*at, "duration_seconds").value_or(Duration::zero()),
                      .planned = bool_at(*at, "planned"),
                      .detail = text_at(*at, "detail")};
}

EndpointView endpoint_view(const Json& json) {
  EndpointView view;
  view.name = text_at(json, "name");
  view.url = text_at(json, "url");
  view.expect = text_at(json, "expect");
  view.condition = text_at(json, "condition");
  view.up = bool_at(json, "up");
  view.since = time_or_epoch(json, "since");
  view.detail = text_at(json, "detail");
  view.incident = text_at(json, "incident");
  view.idle_cut = duration_at(json, "idle_cut_seconds").value_or(Duration::zero());
  view.idle_cut_detail = text_at(json, "idle_cut_detail");
  view.topology = text_at(json, "topology", view.topology);
  view.topology_detail = text_at(json, "topology_detail");
  view.confirmed = bool_at(json, "confirmed", view.confirmed);
  for (const auto& node : array_at(json, "nodes")) view.nodes.push_back(node_view(node));
  for (const auto& node : array_at(json, "sentinels")) view.sentinels.push_back(node_view(node));
  for (const auto& former : array_at(json, "former_primaries")) {
    view.former_primaries.push_back(former_view(former));
  }
  view.last_failover = failover_at(json, "last_failover");
  view.uncovered_slots = count_at(json, "uncovered_slots");
  view.maintenance = text_at(json, "maintenance");
  view.addresses = texts_at(json, "addresses");
  view.disconnects = counts_at(json, "disconnects");
  return view;
}

CloseView close_view(const Json& json) {
  CloseView close;
  close.time = time_or_epoch(json, "time");
  close.app = text_at(json, "app");
  close.endpoint = text_at(json, "endpoint");
  close.local = text_at(json, "local");
  close.node = text_at(json, "node");
  close.established = bool_at(json, "established", true);
  close.cause = text_at(json, "cause");
  close.detail = text_at(json, "detail");
  close.usual = bool_at(json, "usual");
  close.age = duration_at(json, "age_seconds");
  close.idle = duration_at(json, "idle_seconds");
  close.rtt = duration_at(json, "rtt_seconds");
  close.sent = count_at(json, "sent_bytes");
  close.received = count_at(json, "received_bytes");
  close.retransmits = count_at(json, "retransmits");
  close.condition = text_at(json, "condition");
  close.maintenance = bool_at(json, "maintenance");
  close.server_timeout = duration_at(json, "server_timeout_seconds");
  close.idle_cut = duration_at(json, "idle_cut_seconds");
  close.incident = text_at(json, "incident");
  return close;
}

EventView event_view(const Json& json) {
  EventView view;
  view.sequence = count_at(json, "sequence");
  view.time = time_or_epoch(json, "time");
  view.event = text_at(json, "event");
  view.message_id = text_at(json, "message_id");
  if (const Json* priority = member(json, "priority")) {
    if (priority->is_number_unsigned() && priority->get<std::uint64_t>() <= 7) {
      view.priority = priority->get<int>();
    }
  }
  view.message = text_at(json, "message");
  view.endpoint = text_at(json, "endpoint");
  view.node = text_at(json, "node");
  view.condition = text_at(json, "condition");
  view.cause = text_at(json, "cause");
  view.incident = text_at(json, "incident");
  view.app = text_at(json, "app");
  view.action = text_at(json, "action");
  view.result = text_at(json, "result");
  return view;
}

AppNodeView app_node_view(const Json& json) {
  return {.node = text_at(json, "node"),
          .sockets = counts_at(json, "sockets"),
          .unprotected = count_at(json, "unprotected"),
          .waiting = count_at(json, "waiting"),
          .hangs_for = duration_at(json, "hangs_seconds").value_or(Duration::zero()),
          .waits_for = duration_at(json, "waits_seconds").value_or(Duration::zero())};
}

AppSocketView app_socket_view(const Json& json) {
  return {.local = text_at(json, "local"),
          .node = text_at(json, "node"),
          .state = text_at(json, "state"),
          .unprotected = bool_at(json, "unprotected"),
          .waiting = bool_at(json, "waiting"),
          .hangs_for = duration_at(json, "hangs_seconds").value_or(Duration::zero()),
          .detail = text_at(json, "detail"),
          .process = text_at(json, "process")};
}

AppEndpointView app_endpoint_view(const Json& json) {
  AppEndpointView view;
  view.endpoint = text_at(json, "endpoint");
  view.sockets = count_at(json, "sockets");
  view.unprotected = count_at(json, "unprotected");
  view.incident = text_at(json, "incident");
  view.last_relink = text_at(json, "last_relink");
  view.last_relink_at = time_at(json, "last_relink_at");
  for (const auto& node : array_at(json, "nodes")) view.nodes.push_back(app_node_view(node));
  for (const auto& socket : array_at(json, "listed")) {
    view.listed.push_back(app_socket_view(socket));
  }
  return view;
}

AppView app_view(const Json& json) {
  AppView view;
  view.name = text_at(json, "name");
  view.match = text_at(json, "match");
  view.mode = text_at(json, "mode");
  view.actions = texts_at(json, "actions");
  view.other_netns = count_at(json, "other_netns");
  view.breaker_open = bool_at(json, "breaker_open");
  view.breaker_detail = text_at(json, "breaker_detail");
  for (const auto& endpoint : array_at(json, "endpoints")) {
    view.endpoints.push_back(app_endpoint_view(endpoint));
  }
  return view;
}

SocketOptionsView options_view(const Json& json) {
  return {.keepalive = bool_at(json, "keepalive"),
          .idle = duration_at(json, "idle_seconds").value_or(Duration::zero()),
          .interval = duration_at(json, "interval_seconds").value_or(Duration::zero()),
          .count = count_at(json, "count"),
          .user_timeout = duration_at(json, "user_timeout_seconds").value_or(Duration::zero())};
}

std::optional<SocketOptionsView> options_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_object()) return std::nullopt;
  return options_view(*at);
}

TuningEndpointView tuning_endpoint_view(const Json& json) {
  TuningEndpointView view;
  view.endpoint = text_at(json, "endpoint");
  view.sockets = count_at(json, "sockets");
  view.strict = count_at(json, "strict");
  view.tuned = count_at(json, "tuned");
  view.loose = count_at(json, "loose");
  view.unseen = count_at(json, "unseen");
  view.wanted = options_at(json, "wanted");
  for (const auto& change : array_at(json, "changes")) {
    view.changes.push_back({.sockets = count_at(change, "sockets"),
                            .done = bool_at(change, "done"),
                            .before = options_at(change, "before").value_or(SocketOptionsView{}),
                            .after = options_at(change, "after").value_or(SocketOptionsView{})});
  }
  return view;
}

}  // namespace

Result<StatusView> decode_status(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  StatusView status;
  status.paused = bool_at(*object, "paused");
  status.paused_until = time_at(*object, "paused_until");
  status.version = text_at(*object, "version");
  status.pid = static_cast<std::int64_t>(count_at(*object, "pid"));
  status.started = time_or_epoch(*object, "started");
  status.metrics_url = text_at(*object, "metrics_url");
  status.config_loaded = time_or_epoch(*object, "config_loaded");
  for (const auto& endpoint : array_at(*object, "endpoints")) {
    status.endpoints.push_back(endpoint_view(endpoint));
  }
  return status;
}

Result<AppsView> decode_apps(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  AppsView apps;
  apps.paused = bool_at(*object, "paused");
  apps.paused_until = time_at(*object, "paused_until");
  apps.actuator = text_at(*object, "actuator");
  apps.census = time_or_epoch(*object, "census");
  for (const auto& app : array_at(*object, "apps")) apps.apps.push_back(app_view(app));
  return apps;
}

Result<ClosesView> decode_closes(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  ClosesView closes;
  for (const auto& close : array_at(*object, "closes")) closes.closes.push_back(close_view(close));
  return closes;
}

Result<TuningView> decode_tuning(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  TuningView tuning;
  tuning.paused = bool_at(*object, "paused");
  tuning.unsupported = text_at(*object, "unsupported");
  for (const auto& app : array_at(*object, "apps")) {
    TuningAppView view;
    view.name = text_at(app, "name");
    view.mode = text_at(app, "mode");
    view.reverted = bool_at(app, "reverted");
    for (const auto& endpoint : array_at(app, "endpoints")) {
      view.endpoints.push_back(tuning_endpoint_view(endpoint));
    }
    tuning.apps.push_back(std::move(view));
  }
  return tuning;
}

Result<OrderView> decode_order(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  return OrderView{bool_at(*object, "accepted"), texts_at(*object, "lines")};
}

Result<std::string> select_named(std::string_view json, const char* list,
                                 const std::vector<std::string>& names) {
  auto object = parse_object(json);
  if (!object) return object.error();
  Json selected = Json::array();
  for (const auto& one : array_at(*object, list)) {
    const std::string name = text_at(one, "name");
    if (std::find(names.begin(), names.end(), name) != names.end()) selected.push_back(one);
  }
  (*object)[list] = std::move(selected);
  return object->dump();
}

Result<std::vector<EventView>> decode_events(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  std::vector<EventView> events;
  for (const auto& event : array_at(*object, "events")) events.push_back(event_view(event));
  return events;
}

Result<std::vector<OriginView>> decode_config(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  std::vector<OriginView> values;
  for (const auto& v : array_at(*object, "values")) {
    values.push_back({text_at(v, "key"), text_at(v, "value"), text_at(v, "place")});
  }
  return values;
}

Result<ReloadView> decode_reload(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  ReloadView reload;
  reload.accepted = bool_at(*object, "accepted");
  reload.errors = texts_at(*object, "errors");
  reload.endpoints_kept = count_at(*object, "endpoints_kept");
  reload.endpoints_changed = count_at(*object, "endpoints_changed");
  reload.endpoints_added = count_at(*object, "endpoints_added");
  reload.endpoints_removed = count_at(*object, "endpoints_removed");
  return reload;
}

}  // namespace relinkd::control
