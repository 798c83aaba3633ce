// SPDX-License-Identifier: Apache-2.0
// The input is a run's files one after another with 0x1e (record separator) in between; a piece
// that begins with "--endpoint " is a URL of the command line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/text.hpp"
#include "config/load.hpp"

namespace {

using namespace relinkd;          // NOLINT(google-build-using-namespace)
using namespace relinkd::config;  // NOLINT(google-build-using-namespace)

constexpr std::string_view kUrl = "--endpoint ";

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

void check_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  const auto place = [](const Diagnostic& d) { return std::tuple(d.file, d.line, d.column); };
  for (std::size_t i = 0; i < diagnostics.size(); ++i) {
    const std::string& message = diagnostics[i].message;
    require(!message.empty() && message.size() < 500);
    require(std::none_of(message.begin(), message.end(), is_control));
    require(i == 0 || place(diagnostics[i - 1]) <= place(diagnostics[i]));
  }
}

void check_watch(const Watch& watch) {
  require(watch.ping_interval >= 50ms && watch.ping_interval <= 1h);
  require(watch.command_timeout >= 200ms && watch.command_timeout <= 1min);
  require(watch.slow_threshold < watch.command_timeout);
  require(watch.backoff.initial <= watch.backoff.max);
  require(watch.keepalive.user_timeout() <= 32767s * 128);
  require((watch.idle_watch.mode == IdleWatch::Mode::Ages) == !watch.idle_watch.ages.empty());
  require(std::is_sorted(watch.idle_watch.ages.begin(), watch.idle_watch.ages.end()));
}

void check_settings(const Loaded& loaded) {
  const Settings& settings = loaded.settings;
  check_watch(settings.watch);
  require(!settings.endpoints.empty());
  std::set<std::string> names;
  for (const Endpoint& endpoint : settings.endpoints) {
    check_watch(endpoint.watch);
    require(!endpoint.name.empty() && names.insert(endpoint.name).second);
    const Url& url = endpoint.url;
    require(url.has_seeds() ? !url.seeds.empty() && url.host.empty() : url.seeds.empty());
    require(url.seeds.size() <= kMaxSeeds);
    require((url.scheme == Url::Scheme::Sentinel) == !url.primary_name.empty());
    const auto again = parse_url(endpoint.url.to_string());
    require(again && *again == endpoint.url);
  }

  std::string written;
  for (const Origin& origin : loaded.origins) {
    require(std::none_of(origin.value.begin(), origin.value.end(), is_control));
    if (!origin.key.starts_with("endpoint.")) written += origin.key + " = " + origin.value + "\n";
  }
  Settings reloaded = load({{"written", written}}, {}).settings;
  reloaded.endpoints = settings.endpoints;
  require(reloaded == settings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  std::vector<Source> sources;
  std::vector<std::string> urls;
  for (const std::string_view piece : split(text, '\x1e')) {
    if (piece.starts_with(kUrl)) {
      urls.emplace_back(piece.substr(kUrl.size()));
    } else {
      // Names that sort in the order of the files, and before "--endpoint".
      sources.push_back({std::string(1 + sources.size(), '!'), std::string(piece)});
    }
  }
  const Loaded loaded = load(sources, urls);
  check_diagnostics(loaded.diagnostics);
  if (loaded.diagnostics.empty()) check_settings(loaded);
  return 0;
}
