// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "control/client.hpp"
#include "control/views.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/names.hpp"

namespace relinkd::relinkctl {

/// What a method of io.relinkd with a list of apps answers, as it stands and decoded.
template <typename View>
struct AppList {
  std::string json;
  View view;
};

/// Asks for it; of `apps` only, all where that is empty. An Error where one of them is not
/// configured, too.
template <typename View>
Result<AppList<View>> ask_for_apps(const GlobalOptions& global, const std::string& method,
                                   const std::vector<std::string>& apps,
                                   Result<View> (*decode)(std::string_view json)) {
  auto json = control::call(find_socket(global), method, "{}", kAnswerTimeout);
  if (!json) return json.error();
  auto view = decode(*json);
  if (!view) return view.error();
  if (apps.empty()) return AppList<View>{*std::move(json), *std::move(view)};
  std::vector<std::string_view> names;
  for (const auto& app : view->apps) names.push_back(app.name);
  if (const auto known = all_known(apps, "app", names); !known) return known.error();
  auto selected = control::select_named(*json, "apps", apps);
  if (!selected) return selected.error();
  auto those = decode(*selected);
  if (!those) return those.error();
  return AppList<View>{*std::move(selected), *std::move(those)};
}

}  // namespace relinkd::relinkctl
