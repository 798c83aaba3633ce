// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "base/result.hpp"
#include "kernel/diag_socket.hpp"
#include "kernel/tcp_socket.hpp"

namespace relinkd::kernel {

/// Destroys TCP sockets of other processes (SOCK_DESTROY, sock_diag(7), Linux 4.5 with
/// CONFIG_INET_DIAG_DESTROY). Needs CAP_NET_ADMIN in the network namespace in which it was opened,
/// and no other address family than AF_NETLINK.
/// The process finds ECONNABORTED on its socket at once; the peer is sent an RST.
class SocketDestroyer {
 public:
  static Result<SocketDestroyer> open();

  /// Whether it can be done here, found out without a socket that could be destroyed. The Error
  /// says what is missing: code EOPNOTSUPP for the kernel's support, EPERM for the capability.
  Result<void> probe();

  /// Destroys exactly this socket: the kernel compares both addresses, the interface and the
  /// cookie. The Error with code ENOENT: there is no such socket any more.
  Result<void> destroy(const TcpSocket& socket);

 private:
  explicit SocketDestroyer(DiagSocket kernel) : kernel_(std::move(kernel)) {}

  DiagSocket kernel_;
};

}  // namespace relinkd::kernel
