// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "kernel/diag_socket.hpp"
#include "kernel/tcp_socket.hpp"

namespace relinkd::kernel {

/// Lists sockets by inet_diag over netlink; needs no privilege. The kernel filters: only sockets
/// to the wanted addresses come up to user space. Answers at once: the kernel makes each part of
/// its list within the call that asks for it. Opened at start, so that it still works when
/// descriptors have run out. Sees the network namespace in which it was opened.
class SocketLister {
 public:
  static Result<SocketLister> open();

  /// All TCP sockets whose remote end is one of `remotes` (IPv4 and IPv6; Unix paths are ignored),
  /// each once, in the order of their cookies. In the states that a process may hold: SYN-SENT,
  /// ESTABLISHED, FIN-WAIT-1 and -2, CLOSE-WAIT, CLOSING, LAST-ACK; not TIME-WAIT, not LISTEN. The
  /// kernel lets one that was closed stay in some of these for up to a minute, with inode 0.
  /// Sockets of the IPv6 family to a mapped IPv4 address are found by the IPv4 address.
  ///
  /// The list is no snapshot: a socket that is opened or closed meanwhile may be in it or not. Each
  /// turn walks the kernel's whole table of connections: among 10,000 sockets of others that takes
  /// 1 ms of CPU time (measured), among 100,000 about 14, and 32 where 64 remotes have ports of
  /// their own; on an idle host 0.2 ms. An Error if the kernel does not list its sockets, or if
  /// there are more than `most`: half a list would say that the other half is gone.
  Result<std::vector<TcpSocket>> to(std::span<const Address> remotes,
                                    std::size_t most = kMaxSockets);

  /// The same socket as it is now: asked for by its addresses, interface and cookie, which takes
  /// about 4 µs however many there are. Nothing if it is gone, or only its TIME-WAIT is left. An
  /// Error if the kernel cannot be asked. That it has no inet_diag at all is told by to() only.
  Result<std::optional<TcpSocket>> again(const TcpSocket& socket);

  /// Remotes asked for at a time; more are asked for in turns. The kernel checks a request in a
  /// time that grows with the square of their number, and walks its table once for each turn.
  static constexpr std::size_t kMaxRemotes = 256;
  /// About 23 MB of them.
  static constexpr std::size_t kMaxSockets = 100'000;

 private:
  explicit SocketLister(DiagSocket kernel) : kernel_(std::move(kernel)) {}
  /// Appends the sockets of one turn; asks again where the kernel says that it must be.
  Result<void> dump(std::span<const Address> remotes, std::size_t most,
                    std::vector<TcpSocket>& sockets);

  DiagSocket kernel_;
};

}  // namespace relinkd::kernel
