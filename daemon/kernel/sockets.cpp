// SPDX-License-Identifier: Apache-2.0
#include "kernel/sockets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "kernel/sock_diag.hpp"

namespace relinkd::kernel {

namespace {

/// The kernel sends at most 32 KiB at a time (netlink_dump in net/netlink/af_netlink.c).
using Buffer = std::array<char, std::size_t{64} * 1024>;

/// Dumps that may go wrong by chance before the last Error is told.
constexpr int kMaxTries = 3;
/// Datagrams of others in the way of one of the kernel's.
constexpr int kMaxStrangers = 64;

/// The next datagram of the kernel itself: any process may send one to a netlink socket.
Result<std::span<const char>> receive(int fd, Buffer& buffer) {
  for (int strangers = 0; strangers < kMaxStrangers;) {
    sockaddr_nl sender{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t n = ::recvmsg(fd, &message, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "the kernel's list of TCP sockets cannot be read");
    if (sender.nl_pid != 0) {
      ++strangers;
      continue;
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      return Error{fmt::format("the kernel sent more than {} bytes of its list of TCP sockets at "
                               "a time",
                               buffer.size()),
                   EMSGSIZE};
    }
    return std::span<const char>(buffer.data(), static_cast<std::size_t>(n));
  }
  return Error{fmt::format("{} messages of other processes came instead of the kernel's list of "
                           "TCP sockets",
                           kMaxStrangers),
               EBUSY};
}

Result<void> send_whole(int fd, std::span<const char> request) {
  ssize_t n = 0;
  do {
    n = ::send(fd, request.data(), request.size(), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return system_error(errno, "the kernel cannot be asked for TCP sockets");
  return {};
}

Result<loop::Fd> open_netlink() {
  loop::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return system_error(errno, "cannot open a socket for listing TCP sockets");
  // The kernel answers within send() and recv(); the limit is for a kernel that does not.
  const timeval limit{0, 100'000};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

}  // namespace

Result<SocketLister> SocketLister::open() {
  auto fd = open_netlink();
  if (!fd) return fd.error();
  return SocketLister(*std::move(fd));
}

Result<void> SocketLister::dump_once(std::uint8_t family, std::span<const Address> remotes,
                                     std::size_t most, std::vector<TcpSocket>& sockets) {
  if (!fd_) {
    auto fd = open_netlink();
    if (!fd) return fd.error();
    fd_ = *std::move(fd);
  }
  const auto sent = send_whole(fd_.get(), dump_request(family, remotes, ++sequence_));
  if (!sent) return sent.error();
  Buffer buffer;
  for (;;) {
    const auto datagram = receive(fd_.get(), buffer);
    if (!datagram) return datagram.error();
    const auto complete = read_dump(*datagram, sequence_, sockets);
    if (!complete) return complete.error();
    if (sockets.size() > most) {
      return Error{fmt::format("more than {} TCP sockets are open to the watched addresses", most),
                   EOVERFLOW};
    }
    if (*complete) return {};
  }
}

Result<void> SocketLister::dump(std::uint8_t family, std::span<const Address> remotes,
                                std::size_t most, std::vector<TcpSocket>& sockets) {
  const auto before = static_cast<std::ptrdiff_t>(sockets.size());
  for (int tries = 1;; ++tries) {
    auto dumped = dump_once(family, remotes, most, sockets);
    if (dumped) return {};
    // The kernel answers one question at a time, and the rest of this answer must not meet the
    // next.
    fd_.reset();
    const int code = dumped.error().code;
    const bool by_chance = code == EINTR || code == ENOBUFS;
    if (!by_chance || tries == kMaxTries) return dumped.error();
    sockets.erase(sockets.begin() + before, sockets.end());
  }
}

Result<void> SocketLister::dump_in_turns(std::uint8_t family, std::span<const Address> remotes,
                                         std::size_t most, std::vector<TcpSocket>& sockets) {
  while (!remotes.empty()) {
    const auto turn = remotes.first(std::min(remotes.size(), kMaxRemotes));
    const auto dumped = dump(family, turn, most, sockets);
    if (!dumped) return dumped.error();
    remotes = remotes.subspan(turn.size());
  }
  return {};
}

Result<std::vector<TcpSocket>> SocketLister::to(std::span<const Address> remotes,
                                                std::size_t most) {
  std::vector<Address> wanted;
  for (const Address& remote : remotes) {
    if (!remote.is_unix()) wanted.push_back(remote);
  }
  std::sort(wanted.begin(), wanted.end(), [](const Address& a, const Address& b) {
    return std::pair(a.port(), a) < std::pair(b.port(), b);
  });
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::vector<Address> ipv4;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(ipv4),
               [](const Address& a) { return a.family() == Address::Family::IPv4; });

  std::vector<TcpSocket> sockets;
  if (const auto done = dump_in_turns(AF_INET, ipv4, most, sockets); !done) return done.error();
  if (const auto done = dump_in_turns(AF_INET6, wanted, most, sockets); !done) return done.error();
  // A socket that moved within the kernel's table while it was read may be in the list twice.
  std::sort(sockets.begin(), sockets.end(),
            [](const TcpSocket& a, const TcpSocket& b) { return a.cookie < b.cookie; });
  sockets.erase(
      std::unique(sockets.begin(), sockets.end(),
                  [](const TcpSocket& a, const TcpSocket& b) { return a.cookie == b.cookie; }),
      sockets.end());
  return sockets;
}

}  // namespace relinkd::kernel
