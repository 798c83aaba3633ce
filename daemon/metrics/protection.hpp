// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_version.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "metrics/tls.hpp"
#include "metrics/users.hpp"

namespace relinkd::metrics {

/// What stands between the network and the metrics: what the files say that [metrics] names.
struct Protection {
  std::shared_ptr<TlsIdentity> tls;  ///< null: plain HTTP
  std::vector<User> users;           ///< none: no password is asked for
  /// What works and is not as it should be: a sentence each.
  std::vector<std::string> warnings;
  /// Of each file when it was read.
  std::vector<std::pair<std::string, FileVersion>> files;
};

/// The versions of these files now; of one that cannot be looked at an empty one.
std::vector<std::pair<std::string, FileVersion>> look_at_files(const config::Metrics& settings);

/// Reads all of it. The Error names the key, the file and the next step, never a content.
Result<Protection> read_protection(const config::Metrics& settings);

}  // namespace relinkd::metrics
