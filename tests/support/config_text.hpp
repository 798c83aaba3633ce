// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace relinkd::test {

/// The origins of a configuration as a file with the same settings.
inline std::string as_toml(const config::Loaded& loaded) {
  const auto& [settings, diagnostics, origins] = loaded;
  std::string top;
  std::string tables;
  // The keys of one endpoint or app come together, its name first. A name may have any character.
  std::string prefix;
  const auto begin = [&](std::string_view kind, const auto& list, const std::string& key) {
    for (const auto& one : list) {
      const std::string start = std::string(kind) + "." + one.name + ".";
      if (key != start + "name") continue;
      prefix = start;
      tables += "[[" + std::string(kind) + "]]\n";
    }
  };
  for (const config::Origin& origin : origins) {
    begin("endpoint", settings.endpoints, origin.key);
    begin("app", settings.apps, origin.key);
    const bool inside = origin.key.starts_with("endpoint.") || origin.key.starts_with("app.");
    const std::string key = inside ? origin.key.substr(prefix.size()) : origin.key;
    // A name that follows from the URL may be one that the key does not take.
    if (inside && key == "name" && origin.place == "default") continue;
    (inside ? tables : top) += key + " = " + origin.value + "\n";
  }
  return top + tables;
}

/// What such a file cannot tell apart: a tls table that says nothing where TLS is used anyway.
inline config::Settings without_empty_tls(config::Settings settings) {
  for (config::Endpoint& endpoint : settings.endpoints) endpoint.tls_given = endpoint.uses_tls();
  return settings;
}

}  // namespace relinkd::test
