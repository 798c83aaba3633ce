// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel/text_file.hpp"

namespace relinkd::kernel {

namespace {

/// Far above any real one; what is longer counts as unreadable rather than as its beginning.
constexpr std::size_t kMaxFile = std::size_t{4} << 20;
/// The kernel's own bound is 2 or 4 KiB (COMMAND_LINE_SIZE).
constexpr std::size_t kMaxCommandLine = std::size_t{64} << 10;

bool is_null_device(const struct stat& s) {
  return S_ISCHR(s.st_mode) && major(s.st_rdev) == 1 && minor(s.st_rdev) == 3;
}

core::SysctlFile read_one(const std::string& path) {
  core::SysctlFile file;
  file.path = path;
  struct stat at {};
  if (lstat(path.c_str(), &at) == 0 && S_ISLNK(at.st_mode)) {
    const std::unique_ptr<char, void (*)(void*)> target(realpath(path.c_str(), nullptr), free);
    if (target) file.target = target.get();
  }
  if (stat(path.c_str(), &at) != 0) {
    // A link to nothing masks as one to /dev/null does.
    if (errno != ENOENT) file.error = system_error(errno, "cannot read " + path).message;
    return file;
  }
  if (is_null_device(at)) return file;
  if (!S_ISREG(at.st_mode)) {
    // systemd-sysctl complains of a folder and goes on without it; it masks all the same.
    if (!S_ISDIR(at.st_mode)) file.error = fmt::format("{} is no regular file", path);
    return file;
  }
  auto text = read_text(path, kMaxFile + 1);
  if (text && text->size() > kMaxFile) {
    file.error = fmt::format("{} has more than {} MiB", path, kMaxFile >> 20);
  } else if (text) {
    file.text = std::move(*text);
  } else {
    file.error = text.error().message;
  }
  return file;
}

void read_folder(const std::string& folder, core::SysctlSources& sources) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
  if (!entries) {
    if (errno == ENOENT) return;
    sources.unread.push_back(system_error(errno, "cannot read " + folder).message);
    return;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own.
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with('.') || !name.ends_with(".conf")) continue;
    sources.files.push_back(read_one(fmt::format("{}/{}", folder, name)));
  }
}

}  // namespace

core::SysctlSources read_sysctl_files() {
  core::SysctlSources sources;
  // /lib is /usr/lib nearly everywhere, and a file masks others, not itself.
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const std::string_view name : core::kSysctlFolders) {
    const std::string folder(name);
    struct stat at {};
    if (stat(folder.c_str(), &at) == 0 && !seen.emplace(at.st_dev, at.st_ino).second) continue;
    read_folder(folder, sources);
  }
  core::SysctlFile conf = read_one(std::string(core::kSysctlConf));
  if (!conf.text.empty() && conf.error.empty()) sources.files.push_back(std::move(conf));
  if (auto line = read_text("/proc/cmdline", kMaxCommandLine)) {
    sources.command_line = std::move(*line);
  }
  return sources;
}

}  // namespace relinkd::kernel
