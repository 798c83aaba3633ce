// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/find_socket.hpp"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

Result<config::Loaded> read_config(const std::string& file) {
  const auto sources = files::read_config_files(file);
  if (!sources) return sources.error();
  config::Loaded loaded = config::load(*sources, {});
  if (loaded.diagnostics.empty()) return loaded;
  std::string lines;
  for (const auto& diagnostic : loaded.diagnostics) {
    if (!lines.empty()) lines += '\n';
    lines += diagnostic.to_string();
  }
  return Error{std::move(lines)};
}

FoundSocket look_for_socket(const GlobalOptions& global) {
  if (!global.socket.empty()) return {global.socket, {}};
  const auto config = read_config(global.config_file);
  if (config) return {config->settings.control.socket, {}};
  std::string socket = config::Control().socket;
  std::string warning = fmt::format("{}\nrelinkctl: so the default control socket is used: {}",
                                    config.error().message, socket);
  return {std::move(socket), std::move(warning)};
}

std::string find_socket(const GlobalOptions& global) {
  FoundSocket found = look_for_socket(global);
  if (!found.warning.empty()) complain(found.warning);
  return std::move(found.path);
}

int not_answered(const Error& error) {
  complain(error.message);
  // Where relinkd answers that it refuses, there is no errno but EPERM.
  return error.code == 0 || error.code == EPERM ? kFailed : kNotAsked;
}

}  // namespace relinkd::relinkctl
