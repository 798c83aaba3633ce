// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <sys/socket.h>
#include <sys/types.h>

#include "base/result.hpp"
#include "loop/fd.hpp"

namespace relinkd::loop {

/// A listening Unix socket and its file.
class UnixListener {
 public:
  struct Options {
    int type = SOCK_STREAM;      ///< or SOCK_SEQPACKET
    mode_t mode = 0600;          ///< of the file, whatever the umask
    std::optional<uid_t> owner;  ///< of the file; nothing: this process' user
    std::string section;         ///< of the configuration, whose `socket` it is, for messages
  };

  /// Listens at `path`. A stale socket is replaced; one on which another program answers is an
  /// Error, and so is anything at `path` that is no socket. Makes the parent folder if only that is
  /// missing.
  static Result<UnixListener> open(const std::string& path, const Options& options);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  /// Removes the file, unless another has been put in its place.
  ~UnixListener();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UnixListener(Fd fd, std::string path, dev_t device, ino_t inode);
  Fd fd_;
  std::string path_;  ///< empty: moved from
  dev_t device_;
  ino_t inode_;
};

}  // namespace relinkd::loop
