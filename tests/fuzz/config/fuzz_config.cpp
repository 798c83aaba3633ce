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
#include "support/config_text.hpp"

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

void check_app(const App& app, const std::set<std::string>& endpoints) {
  const Match& match = app.match;
  require(!match.unit.empty() || !match.cgroup.empty() || !match.user.empty());
  require(match.cgroup.empty() || match.cgroup.front() == '/');
  require(match.unit.find('/') == std::string::npos && match.unit.size() <= 255);
  require(!app.endpoints.empty());
  for (const std::string& name : app.endpoints) require(endpoints.contains(name));
  require(!app.actions.empty() && app.actions.size() <= 8);
  for (const Action& action : app.actions) {
    using core::RelinkVerb;
    const bool needs_argument =
        action.verb == RelinkVerb::Signal || action.verb == RelinkVerb::Start;
    require(needs_argument == !action.argument.empty());
    require(action.verb != RelinkVerb::DestroySockets || app.trigger == App::Trigger::Sockets);
    const bool needs_unit = action.verb == RelinkVerb::Reload || action.verb == RelinkVerb::Restart;
    require(!needs_unit || match.unit.ends_with(".service"));
  }
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
    require((url.scheme == Url::Scheme::Unix) == endpoint.node_ports.empty());
    const auto again = parse_url(endpoint.url.to_string());
    require(again && *again == endpoint.url);
  }

  std::set<std::string> apps;
  for (const App& app : settings.apps) {
    require(!app.name.empty() && apps.insert(app.name).second);
    check_app(app, names);
  }

  for (const Origin& origin : loaded.origins) {
    require(std::none_of(origin.value.begin(), origin.value.end(), is_control));
  }
  const Loaded reloaded = load({{"written", relinkd::test::as_toml(loaded)}}, {});
  require(reloaded.diagnostics.empty());
  require(reloaded.settings == relinkd::test::without_empty_tls(settings));
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
