// SPDX-License-Identifier: Apache-2.0
#include "loop/unix_address.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>

namespace relinkd::loop {

Result<UnixAddress> UnixAddress::make(const std::string& path) {
  UnixAddress address;
  if (path.empty() || path.size() >= sizeof address.address_.sun_path) {
    return Error{fmt::format("\"{}\" cannot be a socket's path: it must have 1 to {} bytes", path,
                             sizeof address.address_.sun_path - 1),
                 ENAMETOOLONG};
  }
  std::memcpy(address.address_.sun_path, path.data(), path.size());
  address.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

}  // namespace relinkd::loop
