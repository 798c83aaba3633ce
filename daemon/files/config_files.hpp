// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/load.hpp"

namespace relinkd::files {

/// Where relinkd and relinkctl look for the configuration if --config does not say otherwise.
inline constexpr const char* kDefaultConfigFile = "/etc/relinkd/relinkd.toml";

/// Reads `main_path` and the drop-ins beside it, DIR/conf.d/*.toml in name order (hidden ones are
/// left out), in the order in which config::load() wants them. The file at kDefaultConfigFile may
/// be missing, and so may the folder. The Error is a sentence that begins with the file's path, as
/// a config::Diagnostic does: what cannot be read, is no file, is larger than 1 MB, and more than
/// 256 drop-ins.
Result<std::vector<config::Source>> read_config_files(const std::string& main_path);

}  // namespace relinkd::files
