// SPDX-License-Identifier: Apache-2.0
#include "kernel/diag_socket.hpp"

#include <array>
#include <cerrno>
#include <span>
#include <string_view>
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

Result<void> send_whole(int fd, std::string_view request) {
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

Result<DiagSocket> DiagSocket::open() {
  auto fd = open_netlink();
  if (!fd) return fd.error();
  return DiagSocket(*std::move(fd));
}

Result<void> DiagSocket::ask(std::string request, std::size_t most,
                             std::vector<TcpSocket>& sockets) {
  auto answered = converse(std::move(request), most, sockets);
  // The kernel answers one question at a time, and the rest of an answer must not meet the next.
  // ENOENT is the whole answer to a question for one socket, and too frequent for a new descriptor.
  if (!answered && answered.error().code != ENOENT) fd_.reset();
  return answered;
}

Result<void> DiagSocket::converse(std::string request, std::size_t most,
                                  std::vector<TcpSocket>& sockets) {
  if (!fd_) {
    auto fd = open_netlink();
    if (!fd) return fd.error();
    fd_ = *std::move(fd);
  }
  set_sequence(request, ++sequence_);
  if (const auto sent = send_whole(fd_.get(), request); !sent) return sent.error();
  Buffer buffer;
  for (;;) {
    const auto datagram = receive(fd_.get(), buffer);
    if (!datagram) return datagram.error();
    const auto complete = read_answer(*datagram, sequence_, sockets);
    if (!complete) return complete.error();
    if (sockets.size() > most) {
      return Error{fmt::format("more than {} TCP sockets are open to the watched addresses", most),
                   EOVERFLOW};
    }
    if (*complete) return {};
  }
}

}  // namespace relinkd::kernel
