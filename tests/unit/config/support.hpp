// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace relinkd::config::test {

/// Loads one file, called "f".
inline Loaded load_text(std::string text) { return load({{"f", std::move(text)}}, {}); }

inline std::vector<std::string> to_strings(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  lines.reserve(diagnostics.size());
  for (const Diagnostic& diagnostic : diagnostics) lines.push_back(diagnostic.to_string());
  return lines;
}

/// The errors of one file, called "f", as a person reads them.
inline std::vector<std::string> errors(std::string text) {
  return to_strings(load_text(std::move(text)).diagnostics);
}

inline std::vector<std::string> errors(const std::vector<Source>& sources,
                                       const std::vector<std::string>& urls = {}) {
  return to_strings(load(sources, urls).diagnostics);
}

/// The settings of a file that has no error.
inline Settings settings(std::string text) {
  Loaded loaded = load_text(std::move(text));
  EXPECT_THAT(to_strings(loaded.diagnostics), testing::IsEmpty());
  return std::move(loaded.settings);
}

/// One endpoint's keys, loaded without error. Its URL is redis://h unless it gives one.
inline Endpoint endpoint(const std::string& keys) {
  const bool has_url = keys.find("url") != std::string::npos;
  Settings all = settings("[[endpoint]]\n" + keys + (has_url ? "" : "\nurl = \"redis://h\""));
  EXPECT_EQ(all.endpoints.size(), 1U);
  return all.endpoints.empty() ? Endpoint{} : std::move(all.endpoints.front());
}

/// The errors of one endpoint's keys, which begin in line 2; its URL is redis://h.
inline std::vector<std::string> endpoint_errors(const std::string& keys) {
  return errors("[[endpoint]]\n" + keys + "\nurl = \"redis://h\"");
}

/// A file with one app, whose keys begin in line 2, and its endpoint "e" at redis://h. What an app
/// must have and `keys` do not give is added: name "a", match.unit "a.service", endpoints ["e"].
inline std::string app_text(const std::string& keys) {
  const auto has = [lines = "\n" + keys](const std::string& key) {
    return lines.find("\n" + key) != std::string::npos;
  };
  std::string text = "[[app]]\n" + keys + "\n";
  if (!has("name")) text += "name = \"a\"\n";
  if (!has("match")) text += "match.unit = \"a.service\"\n";
  if (!has("endpoints")) text += "endpoints = [\"e\"]\n";
  return text + "[[endpoint]]\nname = \"e\"\nurl = \"redis://h\"\n";
}

inline App app(const std::string& keys) {
  Settings all = settings(app_text(keys));
  EXPECT_EQ(all.apps.size(), 1U);
  return all.apps.empty() ? App{} : std::move(all.apps.front());
}

inline std::vector<std::string> app_errors(const std::string& keys) {
  return errors(app_text(keys));
}

}  // namespace relinkd::config::test
