// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/load.hpp"
#include "relinkctl/commands.hpp"

namespace relinkd::relinkctl {

/// A living relinkd answers within milliseconds.
inline constexpr Duration kAnswerTimeout = 5s;

/// The configuration in the files, with every diagnostic as a line of its own in the Error.
Result<config::Loaded> read_config(const std::string& file);

struct FoundSocket {
  std::string path;
  std::string warning;  ///< why it is the default one; empty: it is as the configuration has it
};
FoundSocket look_for_socket(const GlobalOptions& global);

/// The control socket: --socket, else [control] socket of the configuration. Where that cannot be
/// read, the default one, with a warning on standard error: relinkd may run all the same.
std::string find_socket(const GlobalOptions& global);

/// Tells an Error of control/client on standard error and returns the exit code for it: kFailed
/// where relinkd has answered, else kNotAsked.
int not_answered(const Error& error);

}  // namespace relinkd::relinkctl
