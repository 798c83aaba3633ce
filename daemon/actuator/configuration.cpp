// SPDX-License-Identifier: Apache-2.0
#include "actuator/configuration.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/load.hpp"
#include "files/config_files.hpp"

namespace relinkd::actuator {

namespace {

std::optional<FileVersion> version_of(const std::string& path) {
  struct stat at {};
  if (stat(path.c_str(), &at) != 0) return std::nullopt;
  return FileVersion::of(at);
}

Result<void> check_chain(std::filesystem::path path) {
  for (;; path = path.parent_path()) {
    struct stat at {};
    if (stat(path.c_str(), &at) != 0) {
      return system_error(errno, fmt::format("{}: cannot be looked at", path.string()));
    }
    if (at.st_uid != 0) {
      return Error{fmt::format("{}: belongs to uid {}, and must be root's: chown root it",
                               path.string(), at.st_uid)};
    }
    const bool sticky_folder = S_ISDIR(at.st_mode) && (at.st_mode & S_ISVTX) != 0;
    if ((at.st_mode & 022U) != 0 && !sticky_folder) {
      return Error{fmt::format("{}: others than root may write to it (mode {:04o}): chmod go-w it",
                               path.string(), at.st_mode & 07777U)};
    }
    if (!path.has_relative_path()) return {};
  }
}

}  // namespace

Result<void> only_root_writes(const std::string& path) {
  std::error_code code;
  const auto named = std::filesystem::absolute(path, code);
  const auto real = code ? named : std::filesystem::canonical(named, code);
  if (code) return system_error(code.value(), fmt::format("{}: cannot be looked at", path));
  if (auto checked = check_chain(named); !checked) return checked;
  return check_chain(real);
}

bool Configuration::refresh() {
  const auto changed = [](const auto& file) { return version_of(file.first) != file.second; };
  if (!known_.empty() && std::none_of(known_.begin(), known_.end(), changed)) return false;
  read();
  return true;
}

void Configuration::read() {
  // Read twice: the versions are of before the second time, so that a change at any moment after it
  // is noticed later.
  const auto first = files::read_config_files(main_path_);
  const auto folder = std::filesystem::path(main_path_).parent_path();
  known_.clear();
  for (const std::string& path :
       {main_path_, folder.empty() ? "." : folder.string(), (folder / "conf.d").string()}) {
    known_.emplace_back(path, version_of(path));
  }
  if (first) {
    for (const auto& source : *first) known_.emplace_back(source.path, version_of(source.path));
  }
  const auto sources = files::read_config_files(main_path_);

  errors_.clear();
  if (!sources) {
    errors_.push_back(sources.error().message);
  } else {
    for (const auto& source : *sources) {
      const auto checked = geteuid() == 0 ? only_root_writes(source.path) : Result<void>{};
      if (!checked) errors_.push_back(checked.error().message);
    }
  }
  if (errors_.empty()) {
    auto loaded = config::load(*sources, {});
    for (const auto& diagnostic : loaded.diagnostics) errors_.push_back(diagnostic.to_string());
    if (errors_.empty()) gate_ = Gate(std::move(loaded.settings));
  }
  if (errors_.empty()) return;
  const auto more = errors_.size() - 1;
  gate_ = Error{fmt::format("the configuration is bad, and nothing is done until it is good: {}{}",
                            errors_.front(), more == 0 ? "" : fmt::format(" (and {} more)", more))};
}

}  // namespace relinkd::actuator
