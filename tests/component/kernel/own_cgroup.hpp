// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relinkd::kernel {

/// A cgroup (v2) that the test made; it goes with its owner, once the processes in it have ended.
class OwnCgroup {
 public:
  /// `path`: below the mount; empty for one at its root with a name of this process's own.
  OwnCgroup(std::string mount, std::string path)
      : mount_(std::move(mount)),
        path_(path.empty() ? fmt::format("/relinkd-test-{}", getpid()) : std::move(path)) {
    if (mkdir(folder().c_str(), 0755) != 0) throw std::runtime_error("cannot make " + folder());
  }
  OwnCgroup(const OwnCgroup&) = delete;
  OwnCgroup& operator=(const OwnCgroup&) = delete;
  ~OwnCgroup() {
    // A process that was killed may take a moment to leave.
    for (int tries = 0; tries < 1000 && rmdir(folder().c_str()) != 0; ++tries) poll(nullptr, 0, 10);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string folder() const { return mount_ + path_; }

  void put(pid_t pid) const {
    std::ofstream procs(folder() + "/cgroup.procs");
    procs << pid << std::flush;
    if (!procs) throw std::runtime_error("cannot put a process into " + path_);
  }
  /// This process.
  void enter() const { put(getpid()); }

 private:
  std::string mount_;
  std::string path_;
};

}  // namespace relinkd::kernel
