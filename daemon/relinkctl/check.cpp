// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/commands.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

int run_check(const CheckOptions& options) {
  complain("check is not built into this relinkctl: " + options.url);
  return kPluginUnknown;
}

}  // namespace relinkd::relinkctl
