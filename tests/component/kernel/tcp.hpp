// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "base/address.hpp"
#include "kernel/tcp_socket.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

/// As the socket interface wants it. `family` AF_INET6 maps IPv4 addresses.
struct SocketAddress {
  SocketAddress(int family, const Address& address);
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Waits for 10 s at most.
void await(const loop::Fd& fd, short events);

/// A server on a free port that accepts on each address of its family.
class Server {
 public:
  explicit Server(const std::string& address = "0.0.0.0", int backlog = 1024);

  [[nodiscard]] Address at(const std::string& address) const;
  [[nodiscard]] loop::Fd accept() const;
  void await_waiting_connection() const;

  std::uint16_t port = 0;

 private:
  loop::Fd fd_;
};

loop::Fd connect_to(const Address& address, int family);
loop::Fd connect_to(const Address& address);
std::vector<loop::Fd> connections(const Address& address, std::size_t count);

Address local_end(const loop::Fd& fd);
std::uint64_t cookie_of(const loop::Fd& fd);

}  // namespace relinkd::kernel
