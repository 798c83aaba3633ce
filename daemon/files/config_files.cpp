// SPDX-License-Identifier: Apache-2.0
#include "files/config_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace relinkd::files {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
constexpr std::size_t kMaxDropIns = 256;

Result<config::Source> read_file(const std::string& path) {
  struct stat at {};
  if (stat(path.c_str(), &at) != 0) {
    return system_error(errno, fmt::format("{}: cannot be read", path));
  }
  // Opening a pipe would wait for a writer. /dev/null is a configuration, an empty one.
  if (!S_ISREG(at.st_mode) && !S_ISCHR(at.st_mode)) {
    return Error{fmt::format("{}: is not a file", path), EINVAL};
  }
  const auto close = [](std::FILE* f) { (void)std::fclose(f); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "re"), close);
  if (!file) return system_error(errno, fmt::format("{}: cannot be read", path));
  // One byte more than allowed tells a file that is too large.
  std::string text(kMaxBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return system_error(errno, fmt::format("{}: cannot be read", path));
  }
  if (text.size() > kMaxBytes) {
    return Error{fmt::format("{}: is larger than {} bytes, the most allowed", path, kMaxBytes),
                 EFBIG};
  }
  return config::Source{path, std::move(text)};
}

Result<std::vector<std::string>> drop_ins(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  std::error_code code;
  std::filesystem::directory_iterator at(folder, code);
  if (code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory) {
    return paths;
  }
  while (!code && at != std::filesystem::directory_iterator()) {
    const auto& path = at->path();
    if (path.extension() == ".toml" && path.filename().string().front() != '.') {
      paths.push_back(path.string());
    }
    at.increment(code);
  }
  if (code) return system_error(code.value(), fmt::format("{}: cannot be read", folder.string()));
  if (paths.size() > kMaxDropIns) {
    return Error{fmt::format("{}: has {} drop-ins, more than the {} allowed", folder.string(),
                             paths.size(), kMaxDropIns),
                 EFBIG};
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<std::vector<config::Source>> read_config_files(const std::string& main_path) {
  std::vector<config::Source> sources;
  auto main_file = read_file(main_path);
  if (main_file) {
    sources.push_back(*std::move(main_file));
  } else if (main_file.error().code != ENOENT || main_path != kDefaultConfigFile) {
    return main_file.error();
  }
  const auto paths = drop_ins(std::filesystem::path(main_path).parent_path() / "conf.d");
  if (!paths) return paths.error();
  for (const auto& path : *paths) {
    auto file = read_file(path);
    if (!file) return file.error();
    sources.push_back(*std::move(file));
  }
  return sources;
}

}  // namespace relinkd::files
