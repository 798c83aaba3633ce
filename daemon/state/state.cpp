// SPDX-License-Identifier: Apache-2.0
#include "state/state.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace relinkd::state {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint64_t kVersion = 1;

/// How deep arrays and objects may be nested; the state needs 7.
constexpr std::size_t kMaxDepth = 16;

/// The last time that can be told, which stands for never.
constexpr auto kMost = std::chrono::duration_cast<milliseconds>(Duration::max()).count();

std::int64_t encode_time(WallTime t) {
  return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

std::optional<WallTime> decode_time(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{kMost}) {
    return std::nullopt;
  }
  const auto ms = json.get<std::int64_t>();
  if (ms > kMost || ms < -kMost) return std::nullopt;
  if (ms == kMost) return WallTime::max();
  return WallTime(milliseconds(ms));
}

// Each of these leaves `value` as it is where the key is absent, and is false where what stands
// there has another type.

bool take(const Json& object, const char* key, std::string& value) {
  const auto at = object.find(key);
  if (at == object.end()) return true;
  if (at->is_string()) value = at->get<std::string>();
  return at->is_string();
}

bool take(const Json& object, const char* key, bool& value) {
  const auto at = object.find(key);
  if (at == object.end()) return true;
  if (at->is_boolean()) value = at->get<bool>();
  return at->is_boolean();
}

bool take(const Json& object, const char* key, std::uint64_t& value) {
  const auto at = object.find(key);
  if (at == object.end()) return true;
  if (at->is_number_unsigned()) value = at->get<std::uint64_t>();
  return at->is_number_unsigned();
}

bool take(const Json& object, const char* key, WallTime& value) {
  const auto at = object.find(key);
  if (at == object.end()) return true;
  const auto time = decode_time(*at);
  value = time.value_or(value);
  return time.has_value();
}

bool take(const Json& object, const char* key, std::optional<WallTime>& value) {
  const auto at = object.find(key);
  if (at == object.end()) return true;
  const auto time = decode_time(*at);
  if (!time || *time < WallTime{}) return false;
  value = time;
  return true;
}

bool take(const Json& object, const char* key, std::vector<std::uint64_t>& cookies) {
  const auto at = object.find(key);
  if (at == object.end()) return true;
  if (!at->is_array()) return false;
  for (const Json& entry : *at) {
    if (cookies.size() == kMaxCookies) break;
    if (entry.is_number_unsigned()) cookies.push_back(entry.get<std::uint64_t>());
  }
  return true;
}

/// Leaves the last `most`.
template <typename T>
void keep_newest(std::vector<T>& values, std::size_t most) {
  const auto too_many = std::max(values.size(), most) - most;
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(too_many));
}

std::optional<FormerPrimary> decode_former(const Json& json) {
  FormerPrimary former;
  if (!json.is_object() || !json.contains("demoted_unix_ms") || !take(json, "node", former.node) ||
      former.node.empty() || !take(json, "demoted_unix_ms", former.demoted)) {
    return std::nullopt;
  }
  return former;
}

std::optional<EndpointState> decode_endpoint(const Json& json) {
  EndpointState endpoint;
  if (!json.is_object() || !take(json, "url", endpoint.url) || endpoint.url.empty() ||
      !take(json, "primary", endpoint.primary) ||
      !take(json, "last_proof_unix_ms", endpoint.last_proof) ||
      !take(json, "believed", endpoint.believed) || !take(json, "epoch", endpoint.epoch)) {
    return std::nullopt;
  }
  const auto formers = json.find("formers");
  if (formers == json.end()) return endpoint;
  if (!formers->is_array()) return std::nullopt;
  for (const Json& entry : *formers) {
    if (auto former = decode_former(entry)) endpoint.formers.push_back(*std::move(former));
  }
  keep_newest(endpoint.formers, kMaxFormers);
  return endpoint;
}

Json encode_endpoint(const EndpointState& endpoint) {
  Json formers = Json::array();
  for (const FormerPrimary& former : endpoint.formers) {
    formers.push_back({{"node", former.node}, {"demoted_unix_ms", encode_time(former.demoted)}});
  }
  return {{"url", endpoint.url},
          {"primary", endpoint.primary},
          {"last_proof_unix_ms", encode_time(endpoint.last_proof)},
          {"believed", endpoint.believed},
          {"epoch", endpoint.epoch},
          {"formers", std::move(formers)}};
}

std::optional<AppState::Open> decode_open(const Json& json) {
  AppState::Open open;
  std::optional<WallTime> bad_since;
  std::optional<WallTime> acted;
  if (!json.is_object() || !take(json, "incident", open.incident) || open.incident.empty() ||
      !take(json, "rung", open.rung) || !take(json, "bad_since_unix_ms", bad_since) || !bad_since ||
      !take(json, "acted_unix_ms", acted) || !acted || !take(json, "cookies", open.cookies)) {
    return std::nullopt;
  }
  open.bad_since = *bad_since;
  open.acted = *acted;
  return open;
}

std::optional<AppState::Endpoint> decode_app_endpoint(const Json& json) {
  AppState::Endpoint endpoint;
  if (!json.is_object() || !take(json, "last_disturbed_unix_ms", endpoint.last_disturbed) ||
      !take(json, "opened_to_primary", endpoint.opened_to_primary)) {
    return std::nullopt;
  }
  const auto open = json.find("open");
  if (open == json.end()) return endpoint;
  endpoint.open = decode_open(*open);
  return endpoint.open ? std::optional(std::move(endpoint)) : std::nullopt;
}

std::optional<AppState> decode_app(const Json& json) {
  AppState app;
  if (!json.is_object() || !take(json, "breaker_why", app.breaker_why) ||
      !take(json, "unprotected", app.unprotected) ||
      !take(json, "breaker_open_until_unix_ms", app.breaker_open_until)) {
    return std::nullopt;
  }
  if (const auto relinks = json.find("relinks_unix_ms"); relinks != json.end()) {
    if (!relinks->is_array()) return std::nullopt;
    for (const Json& entry : *relinks) {
      const auto time = decode_time(entry);
      if (time && *time >= WallTime{}) app.relinks.push_back(*time);
    }
    keep_newest(app.relinks, kMaxRelinks);
  }
  const auto endpoints = json.find("endpoints");
  if (endpoints == json.end()) return app;
  if (!endpoints->is_object()) return std::nullopt;
  for (const auto& [name, entry] : endpoints->items()) {
    if (auto endpoint = decode_app_endpoint(entry)) app.endpoints[name] = *std::move(endpoint);
  }
  return app;
}

Json encode_app_endpoint(const AppState::Endpoint& endpoint) {
  Json json = Json::object();
  if (endpoint.last_disturbed)
    json["last_disturbed_unix_ms"] = encode_time(*endpoint.last_disturbed);
  if (const auto& open = endpoint.open) {
    json["open"] = {{"incident", open->incident},
                    {"rung", open->rung},
                    {"bad_since_unix_ms", encode_time(open->bad_since)},
                    {"acted_unix_ms", encode_time(open->acted)},
                    {"cookies", open->cookies}};
  }
  if (!endpoint.opened_to_primary.empty()) json["opened_to_primary"] = endpoint.opened_to_primary;
  return json;
}

Json encode_app(const AppState& app) {
  Json json = Json::object();
  if (!app.relinks.empty()) {
    Json relinks = Json::array();
    for (const WallTime t : app.relinks) relinks.push_back(encode_time(t));
    json["relinks_unix_ms"] = std::move(relinks);
  }
  if (app.breaker_open_until) {
    json["breaker_open_until_unix_ms"] = encode_time(*app.breaker_open_until);
  }
  if (!app.breaker_why.empty()) json["breaker_why"] = app.breaker_why;
  if (app.unprotected) json["unprotected"] = true;
  Json endpoints = Json::object();
  for (const auto& [name, endpoint] : app.endpoints)
    endpoints[name] = encode_app_endpoint(endpoint);
  json["endpoints"] = std::move(endpoints);
  return json;
}

}  // namespace

std::string encode(const State& state) {
  Json endpoints = Json::object();
  for (const auto& [name, endpoint] : state.endpoints) endpoints[name] = encode_endpoint(endpoint);
  Json json{{"version", kVersion}, {"endpoints", std::move(endpoints)}};
  for (const auto& [name, app] : state.apps) json["apps"][name] = encode_app(app);
  if (!state.boot_id.empty()) json["boot_id"] = state.boot_id;
  if (state.paused_until) json["paused_until_unix_ms"] = encode_time(*state.paused_until);
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Result<State> decode(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Error{fmt::format("the state is larger than {} bytes, the most allowed", kMaxBytes),
                 EFBIG};
  }
  if (!json_depth_within(text, kMaxDepth)) {
    return Error{fmt::format("the state is nested deeper than {} levels", kMaxDepth)};
  }
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error{"the state is not a JSON object"};
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_unsigned()) {
    return Error{"the state has no version"};
  }
  if (version->get<std::uint64_t>() != kVersion) {
    return Error{fmt::format("the state is of version {}; this relinkd knows version {}",
                             version->get<std::uint64_t>(), kVersion)};
  }
  const auto endpoints = json.find("endpoints");
  if (endpoints == json.end() || !endpoints->is_object()) {
    return Error{R"(the state has no "endpoints" that are an object)"};
  }
  State state;
  for (const auto& [name, entry] : endpoints->items()) {
    if (auto endpoint = decode_endpoint(entry)) state.endpoints[name] = *std::move(endpoint);
  }
  if (const auto apps = json.find("apps"); apps != json.end() && apps->is_object()) {
    for (const auto& [name, entry] : apps->items()) {
      if (auto app = decode_app(entry)) state.apps[name] = *std::move(app);
    }
  }
  // Of another type they are left out.
  (void)take(json, "boot_id", state.boot_id);
  (void)take(json, "paused_until_unix_ms", state.paused_until);
  return state;
}

}  // namespace relinkd::state
