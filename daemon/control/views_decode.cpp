// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <ctime>
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
  for (const auto& address : array_at(json, "addresses")) {
    if (address.is_string()) view.addresses.push_back(address.get<std::string>());
  }
  if (const Json* disconnects = member(json, "disconnects")) {
    if (disconnects->is_object()) {
      for (const auto& [cause, n] : disconnects->items()) {
        if (n.is_number_unsigned()) view.disconnects[cause] = n.get<std::uint64_t>();
      }
    }
  }
  return view;
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
  return view;
}

}  // namespace

Result<StatusView> decode_status(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) return object.error();
  StatusView status;
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

Result<std::string> select_endpoints(std::string_view json, const std::vector<std::string>& names) {
  auto object = parse_object(json);
  if (!object) return object.error();
  Json selected = Json::array();
  for (const auto& endpoint : array_at(*object, "endpoints")) {
    const std::string name = text_at(endpoint, "name");
    if (std::find(names.begin(), names.end(), name) != names.end()) selected.push_back(endpoint);
  }
  (*object)["endpoints"] = std::move(selected);
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
  for (const auto& error : array_at(*object, "errors")) {
    if (error.is_string()) reload.errors.push_back(error.get<std::string>());
  }
  reload.endpoints_kept = count_at(*object, "endpoints_kept");
  reload.endpoints_changed = count_at(*object, "endpoints_changed");
  reload.endpoints_added = count_at(*object, "endpoints_added");
  reload.endpoints_removed = count_at(*object, "endpoints_removed");
  return reload;
}

}  // namespace relinkd::control
