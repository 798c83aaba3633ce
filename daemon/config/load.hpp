// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace relinkd::config {

/// The text of one file. This folder reads no files: the program hands them over.
struct Source {
  std::string path;
  std::string text;
};

/// One error, with its place. to_string(): "FILE:LINE:COLUMN: message", or without line and column
/// where they are 0 (command line, whole file).
struct Diagnostic {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Where a value of the effective configuration came from, for `relinkctl config show`.
struct Origin {
  std::string key;    ///< "watch.ping_interval", "endpoint.sessions.url", "app.shop.match.unit"
  std::string value;  ///< as TOML would write it
  std::string place;  ///< "FILE:LINE", or "default"
};

struct Loaded {
  Settings settings;                    ///< meaningful only if diagnostics is empty
  std::vector<Diagnostic> diagnostics;  ///< every error of the run, in file and line order
  /// Every key in the order of settings.hpp, those that are not set left out; none if there are
  /// diagnostics. An endpoint's watch keys are listed with it, inherited ones too.
  std::vector<Origin> origins;
};

/// Reads the configuration, its files in the order given: the main file first, then the drop-ins in
/// name order. Tables merge key by key, a later file winning; [[endpoint]] and [[app]] accumulate,
/// and a name given twice is an error. Of syntax errors the first of each file is reported, of all
/// others every one. Messages are one line of printable text and repeat no password. `extra_urls`
/// come from --endpoint. With neither an [[endpoint]] nor a URL, the endpoint
/// redis://127.0.0.1:6379 is watched.
Loaded load(const std::vector<Source>& sources, const std::vector<std::string>& extra_urls);

/// Parses an endpoint's URL. The error names the scheme where relinkd does not know it, and the
/// way to give a password where the URL holds one; it never repeats that password.
Result<Url> parse_url(std::string_view text);

}  // namespace relinkd::config
