// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "control/client.hpp"
#include "control/views.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/names.hpp"
#include "relinkctl/output.hpp"
#include "relinkctl/tune_view.hpp"

namespace relinkd::relinkctl {

namespace {

Result<std::string> tuning_text(const GlobalOptions& global, const AppsOptions& options) {
  auto json = control::call(find_socket(global), "io.relinkd.GetTuning", "{}", kAnswerTimeout);
  if (!json) return json.error();
  auto tuning = control::decode_tuning(*json);
  if (!tuning) return tuning.error();
  if (!options.apps.empty()) {
    std::vector<std::string_view> names;
    for (const auto& app : tuning->apps) names.push_back(app.name);
    if (const auto known = all_known(options.apps, "app", names); !known) return known.error();
    json = control::select_named(*json, "apps", options.apps);
    if (!json) return json.error();
    tuning = control::decode_tuning(*json);
    if (!tuning) return tuning.error();
  }
  if (options.json) return *json + '\n';
  return render_tuning(*tuning, screen());
}

}  // namespace

int run_tune_show(const GlobalOptions& global, const AppsOptions& options) {
  const auto text = tuning_text(global, options);
  if (!text) return not_answered(text.error());
  print(*text);
  return kDone;
}

}  // namespace relinkd::relinkctl
