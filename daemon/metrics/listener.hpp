// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/socket.h>

#include "base/address.hpp"
#include "base/result.hpp"
#include "loop/fd.hpp"

namespace relinkd::metrics {

/// An address for bind(2) and accept(2).
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// A listening socket: non-blocking, closed on exec, with room for `backlog` connections that wait.
struct Listener {
  loop::Fd fd;
  Address address;  ///< with the port that was taken
};

/// `listen`: "127.0.0.1:10121" or "[::1]:10121"; port 0 takes a free one. The Error names the
/// address and what to do.
Result<Listener> open_listener(const std::string& listen, int backlog);

/// Who a socket that was accepted belongs to: its address without the port, as bytes. Of IPv6 the
/// /64 that one host may take any address of (RFC 4291, section 2.5.4).
std::string client_of(const sockaddr* from);

}  // namespace relinkd::metrics
