// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/result.hpp"

namespace relinkd::loop {

/// A path as connect() and bind() want it.
class UnixAddress {
 public:
  /// An Error if `path` is empty or does not fit (107 bytes, unix(7)).
  static Result<UnixAddress> make(const std::string& path);

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] socklen_t size() const { return size_; }

 private:
  UnixAddress() { address_.sun_family = AF_UNIX; }
  sockaddr_un address_{};
  socklen_t size_ = 0;
};

}  // namespace relinkd::loop
