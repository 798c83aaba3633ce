// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace relinkd::testing {

/// Runs a command to its end. Throws std::runtime_error with what it wrote if it fails.
std::string run_command(const std::vector<std::string>& command);

/// A folder below /tmp that goes with its content.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A child process that ends, at the latest, with its owner.
class ChildProcess {
 public:
  /// Runs `command` with its output thrown away.
  explicit ChildProcess(const std::vector<std::string>& command);
  /// Runs `body` in a copy of this process.
  explicit ChildProcess(const std::function<void()>& body);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

/// A server on a free port of 127.0.0.1 in a process of its own, so that it may block: `serve` is
/// called for each connection, one after the other, and owns none of it.
class PeerProcess {
 public:
  explicit PeerProcess(const std::function<void(int)>& serve);

  [[nodiscard]] std::uint16_t port() const { return listener_.port; }

 private:
  struct Listener {
    Listener();
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    int fd = -1;
    std::uint16_t port = 0;
  };
  Listener listener_;
  ChildProcess child_;
};

/// Keeps a socket's buffers small, so that a megabyte does not fit between two peers. The sockets
/// of a PeerProcess have them.
void keep_small_buffers(int fd);

/// A port of 127.0.0.1 that nobody listens on at the moment.
std::uint16_t free_port();

}  // namespace relinkd::testing
