// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "control/client.hpp"
#include "control/views.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

/// Reading files, resolving nothing: only a very busy host needs more than a moment.
constexpr Duration kReloadTimeout = 60s;

/// The values in force; where relinkd is not running, those that it would start with.
Result<std::vector<control::OriginView>> values(const GlobalOptions& global) {
  const auto json =
      control::call(find_socket(global), "io.relinkd.GetConfig", "{}", kAnswerTimeout);
  if (json) return control::decode_config(*json);
  const int code = json.error().code;
  if (code != ENOENT && code != ECONNREFUSED) return json.error();
  const auto config = read_config(global.config_file);
  if (!config) return config.error();
  complain("relinkd is not running; this is what it would start with");
  std::vector<control::OriginView> out;
  for (const auto& origin : config->origins) {
    out.push_back({origin.key, origin.value, origin.place});
  }
  return out;
}

/// A table; where that does not fit, "key = value" with the places below.
std::string render_config(const std::vector<control::OriginView>& values, const Screen& screen) {
  Table table({"KEY", "FROM", "VALUE"});
  for (const auto& v : values) {
    table.add_row(
        {{v.key}, {v.place, v.place == "default" ? Colour::Dim : Colour::Plain}, {v.value}});
  }
  if (table.fits(screen)) return table.render(screen);
  std::string out;
  for (const auto& v : values) {
    const bool set = v.place != "default";
    out += paragraph(clean(fmt::format("{} = {}{}", v.key, v.value, set ? "" : "  # default")),
                     screen);
    if (set) out += fmt::format("  # {}\n", clean(v.place));
  }
  return out;
}

}  // namespace

int run_config_check(const GlobalOptions& global, const std::string& file) {
  const std::string& main_file = file.empty() ? global.config_file : file;
  const auto sources = files::read_config_files(main_file);
  if (!sources) {
    complain(sources.error().message);
    return kFailed;
  }
  const config::Loaded loaded = config::load(*sources, {});
  for (const auto& diagnostic : loaded.diagnostics) {
    print(clean(diagnostic.to_string()) + '\n');
  }
  if (!loaded.diagnostics.empty()) {
    complain(plural(loaded.diagnostics.size(), "error"));
    return kFailed;
  }
  std::string read;
  for (const auto& source : *sources) read += (read.empty() ? "" : ", ") + source.path;
  print(fmt::format("No errors: {} watched. Read: {}.\n",
                    plural(loaded.settings.endpoints.size(), "endpoint"),
                    read.empty() ? "no file, all defaults" : clean(read)));
  return kDone;
}

int run_config_show(const GlobalOptions& global, bool json) {
  const auto all = values(global);
  if (!all) return not_answered(all.error());
  if (json) {
    print(control::encode_config(*all) + '\n');
    return kDone;
  }
  print(render_config(*all, screen()));
  return kDone;
}

int run_reload(const GlobalOptions& global) {
  // Errors of the files are what relinkd answers with: once is enough.
  const FoundSocket socket = look_for_socket(global);
  const auto json = control::call(socket.path, "io.relinkd.Reload", "{}", kReloadTimeout);
  const auto verdict =
      json ? control::decode_reload(*json) : Result<control::ReloadView>(json.error());
  if (!verdict) {
    if (!socket.warning.empty()) complain(socket.warning);
    return not_answered(verdict.error());
  }
  if (!verdict->accepted) {
    for (const auto& error : verdict->errors) complain(clean(error));
    complain("the new configuration is refused; the one in force stays");
    return kFailed;
  }
  print(fmt::format("Reloaded: {} kept, {} changed, {} added, {} removed.\n",
                    plural(verdict->endpoints_kept, "endpoint"), verdict->endpoints_changed,
                    verdict->endpoints_added, verdict->endpoints_removed));
  return kDone;
}

}  // namespace relinkd::relinkctl
