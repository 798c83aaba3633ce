// SPDX-License-Identifier: Apache-2.0
#include "control/views.hpp"
#include "loop/loop.hpp"
#include "relinkctl/app_list.hpp"
#include "relinkctl/apps_view.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/output.hpp"
#include "relinkctl/tune_view.hpp"

namespace relinkd::relinkctl {

int run_apps(const GlobalOptions& global, const AppsOptions& options) {
  const auto apps = ask_for_apps(global, "io.relinkd.GetApps", options.apps, control::decode_apps);
  if (!apps) return not_answered(apps.error());
  print(options.json ? apps->json + '\n' : render_apps(apps->view, loop::Loop::wall(), screen()));
  return kDone;
}

int run_tune_show(const GlobalOptions& global, const AppsOptions& options) {
  const auto tuning =
      ask_for_apps(global, "io.relinkd.GetTuning", options.apps, control::decode_tuning);
  if (!tuning) return not_answered(tuning.error());
  print(options.json ? tuning->json + '\n' : render_tuning(tuning->view, screen()));
  return kDone;
}

}  // namespace relinkd::relinkctl
