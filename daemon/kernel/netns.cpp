// SPDX-License-Identifier: Apache-2.0
#include "kernel/netns.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/text.hpp"
#include "kernel/mountinfo.hpp"
#include "kernel/processes.hpp"
#include "kernel/text_file.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

namespace {

constexpr std::size_t kMaxMountinfo = std::size_t{16} << 20;
/// Its own: /proc/self would be that of the first thread.
constexpr const char* kOwn = "/proc/thread-self/ns/net";

std::uint64_t inode_of(const std::string& path) {
  struct stat s {};
  return stat(path.c_str(), &s) == 0 ? s.st_ino : 0;
}

std::string of_process(pid_t pid) { return fmt::format("/proc/{}/ns/net", pid); }

/// "net:[4026531840]", as mountinfo has the root of such a mount.
std::uint64_t parse_root(std::string_view root) {
  constexpr std::string_view kBefore = "net:[";
  if (!root.starts_with(kBefore) || !root.ends_with(']')) return 0;
  root.remove_prefix(kBefore.size());
  root.remove_suffix(1);
  return parse_u64(root).value_or(0);
}

/// A descriptor of the namespace, by whichever way still leads to it.
loop::Fd open_namespace(const NetworkNamespace& where) {
  const auto try_path = [&](const std::string& path) {
    loop::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat s {};
    // Its process may have ended, and another have its pid.
    if (fd && (fstat(fd.get(), &s) != 0 || s.st_ino != where.inode)) fd.reset();
    return fd;
  };
  for (const std::string& mount : where.mounts) {
    if (auto fd = try_path(mount)) return fd;
  }
  for (const pid_t pid : where.processes) {
    if (auto fd = try_path(of_process(pid))) return fd;
  }
  return {};
}

}  // namespace

Result<std::vector<NetworkNamespace>> network_namespaces() {
  const auto pids = all_pids();
  if (!pids) return pids.error();
  const auto mountinfo = read_text("/proc/self/mountinfo", kMaxMountinfo);
  if (!mountinfo) return mountinfo.error();
  std::map<std::uint64_t, NetworkNamespace> by_inode;
  for (const Mount& mount : mounts_of_type(*mountinfo, "nsfs")) {
    if (const std::uint64_t inode = parse_root(mount.root)) {
      auto& points = by_inode[inode].mounts;
      // Mounted twice over itself, as "ip netns" leaves it in a shared /run.
      if (std::find(points.begin(), points.end(), mount.point) == points.end()) {
        points.push_back(mount.point);
      }
    }
  }
  for (const pid_t pid : *pids) {
    // 0: it ended, or is a zombie, which is in none.
    if (const std::uint64_t inode = inode_of(of_process(pid))) {
      by_inode[inode].processes.push_back(pid);
    }
  }
  const std::uint64_t own = inode_of(kOwn);
  std::vector<NetworkNamespace> all;
  for (auto& [inode, found] : by_inode) {
    found.inode = inode;
    found.own = inode == own;
    std::sort(found.processes.begin(), found.processes.end());
    all.push_back(std::move(found));
  }
  std::stable_partition(all.begin(), all.end(), [](const auto& one) { return one.own; });
  return all;
}

Result<void> in_namespace(const NetworkNamespace& where, const std::function<void()>& look) {
  const loop::Fd back(::open(kOwn, O_RDONLY | O_CLOEXEC));
  if (!back) return system_error(errno, fmt::format("cannot open {}", kOwn));
  const loop::Fd there = open_namespace(where);
  if (!there) return Error{"it ended meanwhile", ENOENT};
  if (setns(there.get(), CLONE_NEWNET) != 0) return system_error(errno, "cannot be entered");
  look();
  if (setns(back.get(), CLONE_NEWNET) != 0) std::abort();
  return {};
}

bool has_network() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return true;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> guard(all, freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if ((one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0) return true;
  }
  return false;
}

}  // namespace relinkd::kernel
