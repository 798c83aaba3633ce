// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "control/client.hpp"
#include "control/views.hpp"
#include "relinkctl/closes_view.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/names.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

/// Whether all these apps are configured. One that has lost no connection is, too.
Result<void> known(const std::string& socket, const std::vector<std::string>& wanted) {
  const auto json = control::call(socket, "io.relinkd.GetApps", "{}", kAnswerTimeout);
  if (!json) return json.error();
  const auto apps = control::decode_apps(*json);
  if (!apps) return apps.error();
  std::vector<std::string_view> names;
  for (const auto& app : apps->apps) names.push_back(app.name);
  return all_known(wanted, "app", names);
}

Result<std::string> closes_text(const GlobalOptions& global, const ClosesOptions& options) {
  const std::string socket = find_socket(global);
  if (!options.apps.empty()) {
    if (const auto all = known(socket, options.apps); !all) return all.error();
  }
  const auto json = control::call(socket, "io.relinkd.GetCloses", "{}", kAnswerTimeout);
  if (!json) return json.error();
  auto closes = control::decode_closes(*json);
  if (!closes) return closes.error();
  std::erase_if(closes->closes, [&](const control::CloseView& close) {
    return !options.apps.empty() &&
           std::find(options.apps.begin(), options.apps.end(), close.app) == options.apps.end();
  });
  if (!options.json) return render_closes(closes->closes, options.all, screen());
  std::string out;
  for (const auto& close : closes->closes) {
    if (options.all || !close.usual) out += control::encode_close(close) + '\n';
  }
  return out;
}

}  // namespace

int run_closes(const GlobalOptions& global, const ClosesOptions& options) {
  const auto text = closes_text(global, options);
  if (!text) return not_answered(text.error());
  print(*text);
  return kDone;
}

}  // namespace relinkd::relinkctl
