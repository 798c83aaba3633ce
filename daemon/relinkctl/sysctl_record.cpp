// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/sysctl_record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace relinkd::relinkctl {

namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

}  // namespace

std::string encode(const SysctlRecord& record) {
  Json values = Json::object();
  for (const auto& [key, value] : record.values) {
    values[key] = {{"before", value.before}, {"set", value.set}};
  }
  const Json json{{"version", kVersion},
                  {"file_before",
                   {{"kind", SysctlFileState::kNames[record.file_before.kind]},
                    {"content", record.file_before.content}}},
                  {"file_text", record.file_text},
                  {"values", values}};
  return json.dump(2) + '\n';
}

Result<SysctlRecord> decode_sysctl_record(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error{"it is no JSON object"};
  if (json.value("version", Json()) != kVersion) {
    return Error{fmt::format("it is not of version {}", kVersion)};
  }
  try {
    SysctlRecord record;
    const Json& file = json.at("file_before");
    const auto kind = SysctlFileState::kNames.find(file.at("kind").get<std::string>());
    if (!kind) return Error{"its \"kind\" is unknown"};
    record.file_before = {*kind, file.at("content").get<std::string>()};
    record.file_text = json.at("file_text").get<std::string>();
    for (const auto& [key, value] : json.at("values").items()) {
      record.values[key] = {value.at("before").get<std::string>(),
                            value.at("set").get<std::int64_t>()};
    }
    return record;
  } catch (const Json::exception& e) {
    return Error{fmt::format("it is malformed: {}", e.what())};
  }
}

}  // namespace relinkd::relinkctl
