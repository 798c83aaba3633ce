// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroups.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/text.hpp"
#include "kernel/mountinfo.hpp"
#include "kernel/text_file.hpp"

namespace relinkd::kernel {

namespace {

/// Hosts with many containers have some thousand mounts.
constexpr std::size_t kMaxMountinfo = std::size_t{16} * 1024 * 1024;

/// Calls `visit(path, id)` for the cgroup `path` and those below it, parents first, until it
/// returns false. Those that vanish meanwhile are passed over. The Error: there is no cgroup
/// `path`.
template <typename Visit>
Result<void> walk(const std::string& mount, const std::string& path, Visit&& visit) {
  std::vector<std::string> left{path};
  while (!left.empty()) {
    const std::string at = std::move(left.back());
    left.pop_back();
    const std::string folder = mount + at;
    struct stat status {};
    const int error = lstat(folder.c_str(), &status) != 0 ? errno
                      : S_ISDIR(status.st_mode)           ? 0
                                                          : ENOTDIR;
    if (error != 0 && at == path) return system_error(error, "there is no cgroup " + printable(at));
    if (error != 0) continue;
    if (!visit(at, status.st_ino)) return {};
    // A folder counts one link for each below it, and two of its own. Most have none, and reading
    // their dozens of files takes ten times as long as this.
    if (status.st_nlink == 2) continue;
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
    if (!entries) continue;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own.
    while (const dirent* entry = readdir(entries.get())) {
      const std::string_view name = entry->d_name;
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      left.push_back(fmt::format("{}/{}", at == "/" ? "" : at, name));
    }
  }
  return {};
}

}  // namespace

Result<Cgroups> Cgroups::open() {
  const auto mountinfo = read_text("/proc/self/mountinfo", kMaxMountinfo);
  if (!mountinfo) return mountinfo.error();
  const auto mounts = mounts_of_type(*mountinfo, "cgroup2");
  for (const Mount& mount : mounts) {
    // Another mount may lie over this one.
    struct statfs status {};
    const bool there = statfs(mount.point.c_str(), &status) == 0 &&
                       static_cast<std::uint64_t>(status.f_type) == CGROUP2_SUPER_MAGIC;
    if (mount.root == "/" && there) return Cgroups(mount.point);
  }
  if (mounts.empty()) return Error{"no cgroup2 filesystem is mounted"};
  return Error{fmt::format("the cgroup2 filesystem at {} shows only the cgroups below {}",
                           mounts.front().point, mounts.front().root)};
}

std::optional<std::string> Cgroups::path(std::uint64_t id, MonoTime now) {
  auto found = known_.find(id);
  if (found == known_.end()) {
    const bool just_read = read_at_ && now == *read_at_;
    if (!just_read && read_at_ && now - *read_at_ < kReread) return std::nullopt;
    if (!just_read) read(now);
    // What has an id was there before it was looked for: what is not found now never will be.
    found = known_.try_emplace(id, Entry{std::nullopt, now}).first;
  }
  return found->second.path;
}

void Cgroups::read(MonoTime now) {
  read_at_ = now;
  std::unordered_map<std::uint64_t, Entry> there;
  (void)walk(mount_, "/", [&](const std::string& path, std::uint64_t id) {
    there.try_emplace(id, Entry{path, std::nullopt});
    return there.size() < kMost;
  });
  for (auto& [id, entry] : known_) {
    if (there.size() >= 2 * kMost) break;
    if (!entry.gone) entry.gone = now;
    if (now - *entry.gone < kKeep) there.try_emplace(id, std::move(entry));
  }
  known_ = std::move(there);
}

bool is_within(std::string_view path, std::string_view cgroup) {
  if (cgroup.empty() || !path.starts_with(cgroup)) return false;
  return cgroup == "/" || path.size() == cgroup.size() || path[cgroup.size()] == '/';
}

Result<std::vector<pid_t>> pids_of(const std::string& mount, const std::string& path,
                                   std::size_t most) {
  const auto parts = split(path, '/');
  if (!path.starts_with('/') || std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return Error{fmt::format("\"{}\" is not the path of a cgroup", printable(path)), EINVAL};
  }
  // A pid takes seven digits at most, and a newline.
  const std::size_t longest = most * 8;
  std::vector<pid_t> pids;
  const auto walked = walk(mount, path, [&](const std::string& at, std::uint64_t) {
    // Of a threaded cgroup it cannot be read (EOPNOTSUPP): the processes are its ancestor's.
    auto text = read_text(mount + at + "/cgroup.procs", longest);
    if (!text) return true;
    // The last of them may have been cut: half of it would be another's.
    text->resize(text->rfind('\n') + 1);
    for (const std::string_view line : split(*text, '\n')) {
      const auto pid = parse_u64(line);
      if (!pid || *pid == 0) continue;
      if (pids.size() == most) return false;
      pids.push_back(static_cast<pid_t>(*pid));
    }
    return true;
  });
  if (!walked) return walked.error();
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

}  // namespace relinkd::kernel
