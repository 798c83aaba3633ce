// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.hpp"

#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/output.hpp"
#include "relinkctl/sysctl_report.hpp"

namespace relinkd::relinkctl {

int run_sysctl_check(const GlobalOptions& global, bool json) {
  const auto config = read_config(global.config_file);
  if (!config) {
    // Standard output: what a monitoring system shows.
    print("Unknown: the configuration cannot be used.\n" + config.error().message + '\n');
    return kPluginUnknown;
  }
  const auto report = report_sysctls(config->settings.sysctl.want, kernel::read_sysctl);
  print(json ? sysctls_json(report) : render_sysctls(report, screen()));
  return exit_code(report.verdict());
}

}  // namespace relinkd::relinkctl
