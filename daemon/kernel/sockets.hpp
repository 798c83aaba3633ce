// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/address.hpp"
#include "base/result.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

/// One TCP socket of this network namespace, as the kernel lists it (sock_diag(7)).
struct TcpSocket {
  Address local;  ///< IPv4 addresses mapped into IPv6 are told as IPv4
  Address remote;
  std::uint8_t state = 0;    ///< TCP_ESTABLISHED … of netinet/tcp.h
  uid_t uid = 0;             ///< of its owner; means nothing where `inode` is 0
  std::uint32_t inode = 0;   ///< as fstat(2) tells its holders; 0: no process holds it any more
  std::uint64_t cookie = 0;  ///< the kernel's id of the socket (SO_COOKIE), never used again
};

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
  /// turn walks the kernel's whole table of connections, once for each family: among 20,000
  /// sockets of others that takes 2.5 ms (measured), 5 where all the remotes have ports of their
  /// own; on an idle host about 0.5 ms. An Error if the kernel does not list its sockets, or if
  /// there are more than `most`: half a list would say that the other half is gone.
  Result<std::vector<TcpSocket>> to(std::span<const Address> remotes,
                                    std::size_t most = kMaxSockets);

  /// Remotes asked for at a time; more are asked for in turns. The kernel checks a request in a
  /// time that grows with the square of their number, and walks its table once for each turn.
  static constexpr std::size_t kMaxRemotes = 256;
  /// About 15 MB of them.
  static constexpr std::size_t kMaxSockets = 100'000;

 private:
  explicit SocketLister(loop::Fd fd) : fd_(std::move(fd)) {}
  Result<void> dump_in_turns(std::uint8_t family, std::span<const Address> remotes,
                             std::size_t most, std::vector<TcpSocket>& sockets);
  /// Appends what one dump of `family` lists; asks again where the kernel says that it must be.
  Result<void> dump(std::uint8_t family, std::span<const Address> remotes, std::size_t most,
                    std::vector<TcpSocket>& sockets);
  Result<void> dump_once(std::uint8_t family, std::span<const Address> remotes, std::size_t most,
                         std::vector<TcpSocket>& sockets);

  loop::Fd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace relinkd::kernel
