// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "control/client.hpp"
#include "control/views.hpp"
#include "loop/loop.hpp"
#include "relinkctl/apps_view.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/names.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

Result<std::string> apps_text(const GlobalOptions& global, const AppsOptions& options) {
  auto json = control::call(find_socket(global), "io.relinkd.GetApps", "{}", kAnswerTimeout);
  if (!json) return json.error();
  auto apps = control::decode_apps(*json);
  if (!apps) return apps.error();
  if (!options.apps.empty()) {
    std::vector<std::string_view> names;
    for (const auto& app : apps->apps) names.push_back(app.name);
    if (const auto known = all_known(options.apps, "app", names); !known) return known.error();
    json = control::select_named(*json, "apps", options.apps);
    if (!json) return json.error();
    apps = control::decode_apps(*json);
    if (!apps) return apps.error();
  }
  if (options.json) return *json + '\n';
  return render_apps(*apps, loop::Loop::wall(), screen());
}

}  // namespace

int run_apps(const GlobalOptions& global, const AppsOptions& options) {
  const auto text = apps_text(global, options);
  if (!text) return not_answered(text.error());
  print(*text);
  return kDone;
}

}  // namespace relinkd::relinkctl
