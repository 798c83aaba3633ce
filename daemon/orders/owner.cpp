// SPDX-License-Identifier: Apache-2.0
#include "orders/owner.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fnmatch.h>
#include <pwd.h>

#include "base/text.hpp"

namespace relinkd::orders {

namespace {

/// Far above what any entry needs: an entry of NSS is bounded by nothing else.
constexpr std::size_t kMaxPasswdEntry = std::size_t{1} << 20;

/// A folder's name of which systemd is the author: it puts a '_' before the names of units that
/// would look like a file of the kernel's ("_memory.service"), or begin with one themselves.
std::string_view unescaped(std::string_view folder) {
  return folder.starts_with('_') ? folder.substr(1) : folder;
}

bool unit_fits(std::string_view unit, std::string_view cgroup) {
  const auto folders = split(cgroup, '/');
  return std::any_of(folders.begin(), folders.end(),
                     [unit](std::string_view folder) { return unescaped(folder) == unit; });
}

/// The first folders of a path, as many as the glob has; empty if there are fewer.
std::string first_folders(std::string_view path, std::string_view glob) {
  auto left = std::count(glob.begin(), glob.end(), '/');
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/' && left-- == 0) return std::string(path.substr(0, i));
  }
  return left == 0 ? std::string(path) : std::string();
}

bool glob_fits(const std::string& glob, std::string_view cgroup) {
  if (glob == "/") return !cgroup.empty();
  // Each '/' of the glob stands for one of the path, so only a path of that many can match.
  const std::string top = first_folders(cgroup, glob);
  // Unescaped names of units have backslashes ("dev\x2dsrv.service"), which are meant as such.
  return !top.empty() && fnmatch(glob.c_str(), top.c_str(), FNM_PATHNAME | FNM_NOESCAPE) == 0;
}

}  // namespace

AppMatcher::AppMatcher(const std::vector<config::App>& apps) {
  entries_.reserve(apps.size());
  for (const config::App& app : apps) {
    Entry entry;
    entry.match = app.match;
    entry.endpoints = app.endpoints;
    if (!app.match.user.empty()) {
      entry.uid = uid_of(app.match.user);
      entry.resolved = entry.uid.has_value();
      if (!entry.resolved) unresolved_.push_back(app.name);
    }
    entries_.push_back(std::move(entry));
  }
}

bool AppMatcher::fits(std::size_t app, std::string_view cgroup, uid_t uid) const {
  const Entry& entry = entries_[app];
  const config::Match& match = entry.match;
  if (!entry.resolved || (entry.uid && *entry.uid != uid)) return false;
  if (!match.unit.empty() && !unit_fits(match.unit, cgroup)) return false;
  return match.cgroup.empty() || glob_fits(match.cgroup, cgroup);
}

std::optional<std::size_t> AppMatcher::owner(std::string_view cgroup, uid_t uid,
                                             std::string_view endpoint) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto& names = entries_[i].endpoints;
    if (std::find(names.begin(), names.end(), endpoint) == names.end()) continue;
    if (fits(i, cgroup, uid)) return i;
  }
  return std::nullopt;
}

std::optional<uid_t> uid_of(const std::string& user) {
  if (user.find_first_not_of("0123456789") == std::string::npos) {
    const auto number = parse_u64(user);
    // The largest one stands for no user: chown(2).
    if (!number || *number >= std::numeric_limits<uid_t>::max()) return std::nullopt;
    return static_cast<uid_t>(*number);
  }
  std::vector<char> buffer(1024);
  for (;;) {
    passwd entry{};
    passwd* found = nullptr;
    const int code = getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (code == EINTR) continue;
    if (code == ERANGE && buffer.size() < kMaxPasswdEntry) {
      buffer.resize(buffer.size() * 2);
      continue;
    }
    if (code != 0 || found == nullptr) return std::nullopt;
    return found->pw_uid;
  }
}

}  // namespace relinkd::orders
