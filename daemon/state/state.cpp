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

/// How deep arrays and objects may be nested; the state needs 5.
constexpr std::size_t kMaxDepth = 16;

std::int64_t encode_time(WallTime t) {
  return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

std::optional<WallTime> decode_time(const Json& json) {
  constexpr auto kMost = std::chrono::duration_cast<milliseconds>(Duration::max()).count();
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{kMost}) {
    return std::nullopt;
  }
  const auto ms = json.get<std::int64_t>();
  if (ms > kMost || ms < -kMost) return std::nullopt;
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
  const auto too_many = std::max(endpoint.formers.size(), kMaxFormers) - kMaxFormers;
  endpoint.formers.erase(endpoint.formers.begin(),
                         endpoint.formers.begin() + static_cast<std::ptrdiff_t>(too_many));
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

}  // namespace

std::string encode(const State& state) {
  Json endpoints = Json::object();
  for (const auto& [name, endpoint] : state.endpoints) endpoints[name] = encode_endpoint(endpoint);
  const Json json{{"version", kVersion}, {"endpoints", std::move(endpoints)}};
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
  return state;
}

}  // namespace relinkd::state
