// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

#include "base/result.hpp"
#include "loop/fd.hpp"

namespace relinkd::control {

/// A listening Unix stream socket and its file.
class Listener {
 public:
  /// See Server::start().
  static Result<Listener> open(const std::string& path);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  /// Removes the file, unless another has been put in its place.
  ~Listener();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Listener(loop::Fd fd, std::string path, dev_t device, ino_t inode);
  loop::Fd fd_;
  std::string path_;  ///< empty: moved from
  dev_t device_;
  ino_t inode_;
};

}  // namespace relinkd::control
