// SPDX-License-Identifier: Apache-2.0
#include "kernel/processes.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.hpp"
#include "kernel/cgroups.hpp"
#include "kernel/text_file.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

namespace {

/// A process may be in 65,536 groups, which stand in its status with 11 bytes each.
constexpr std::size_t kMaxStatus = std::size_t{1024} * 1024;
/// A path has 4 KiB at most, in each hierarchy.
constexpr std::size_t kMaxCgroup = std::size_t{64} * 1024;

/// What stands behind `name` at the beginning of a line.
std::optional<std::string_view> line_of(std::string_view text, std::string_view name) {
  while (!text.starts_with(name)) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  text.remove_prefix(name.size());
  return text.substr(0, text.find('\n'));
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string proc(pid_t pid, std::string_view file) { return fmt::format("/proc/{}/{}", pid, file); }

}  // namespace

std::optional<ProcessFacts> process_facts(pid_t pid) {
  const auto status = read_text(proc(pid, "status"), kMaxStatus);
  const auto cgroups = read_text(proc(pid, "cgroup"), kMaxCgroup);
  if (!status || !cgroups) return std::nullopt;
  const auto uids = line_of(*status, "Uid:\t");
  const auto caught = line_of(*status, "SigCgt:\t");
  if (!uids || !caught) return std::nullopt;
  // Real, effective, saved, of the file system.
  const auto each = split(*uids, '\t');
  const auto uid = each.size() == 4 ? parse_u64(each[1]) : std::nullopt;
  const auto signals = parse_hex(*caught);
  if (!uid || !signals) return std::nullopt;
  ProcessFacts facts;
  facts.uid = static_cast<uid_t>(*uid);
  facts.cgroup = line_of(*cgroups, "0::").value_or("");
  facts.caught = *signals;
  return facts;
}

std::optional<bool> in_other_netns(pid_t pid) {
  struct stat here {};
  struct stat there {};
  if (stat("/proc/self/net/dev", &here) != 0) return std::nullopt;
  if (stat(proc(pid, "net/dev").c_str(), &there) != 0) return std::nullopt;
  return here.st_ino != there.st_ino;
}

Result<std::vector<pid_t>> all_pids() {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir("/proc"), closedir);
  if (!entries) return system_error(errno, "cannot read /proc");
  std::vector<pid_t> pids;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own.
  while (const dirent* entry = readdir(entries.get())) {
    if (const auto pid = parse_u64(entry->d_name)) pids.push_back(static_cast<pid_t>(*pid));
  }
  return pids;
}

Result<void> signal_process(pid_t pid, const std::string& cgroup, int signal) {
  const auto failed = [&](int code, std::string_view what) {
    return system_error(code, fmt::format("cannot {} process {}", what, pid));
  };
  // glibc has functions for these since 2.36 only.
  const loop::Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return failed(errno, "open");
  // Should these be of another process, then the one that is open has ended, and gets no signal.
  const auto facts = process_facts(pid);
  if (!facts) return failed(ESRCH, "look at");
  if (!is_within(facts->cgroup, cgroup)) {
    return Error{
        fmt::format("process {} is in the cgroup {}, not in {}", pid, facts->cgroup, cgroup),
        ESRCH};
  }
  if (!facts->catches(signal)) {
    return Error{
        fmt::format("process {} does not catch signal {}: it would have another effect than "
                    "to make it reconnect",
                    pid, signal),
        EOPNOTSUPP};
  }
  if (syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) != 0) {
    return failed(errno, "signal");
  }
  return {};
}

}  // namespace relinkd::kernel
