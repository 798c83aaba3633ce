// SPDX-License-Identifier: Apache-2.0
#include "kernel/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/sock_diag.hpp"

namespace relinkd::kernel {

namespace {

/// Dumps that may go wrong by chance before the last Error is told.
constexpr int kMaxTries = 3;

}  // namespace

Result<SocketLister> SocketLister::open() {
  auto kernel = DiagSocket::open();
  if (!kernel) return kernel.error();
  return SocketLister(*std::move(kernel));
}

Result<void> SocketLister::dump(std::span<const Address> remotes, std::size_t most,
                                std::vector<TcpSocket>& sockets) {
  const auto before = static_cast<std::ptrdiff_t>(sockets.size());
  for (int tries = 1;; ++tries) {
    auto dumped = kernel_.ask(dump_request(remotes), most, sockets);
    if (dumped) return {};
    const int code = dumped.error().code;
    const bool by_chance = code == EINTR || code == ENOBUFS;
    if (!by_chance || tries == kMaxTries) return dumped.error();
    sockets.erase(sockets.begin() + before, sockets.end());
  }
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

  std::vector<TcpSocket> sockets;
  for (std::span<const Address> left = wanted; !left.empty();) {
    const auto turn = left.first(std::min(left.size(), kMaxRemotes));
    if (const auto done = dump(turn, most, sockets); !done) return done.error();
    left = left.subspan(turn.size());
  }
  // A socket that moved within the kernel's table while it was read may be in the list twice.
  std::sort(sockets.begin(), sockets.end(),
            [](const TcpSocket& a, const TcpSocket& b) { return a.cookie < b.cookie; });
  sockets.erase(
      std::unique(sockets.begin(), sockets.end(),
                  [](const TcpSocket& a, const TcpSocket& b) { return a.cookie == b.cookie; }),
      sockets.end());
  return sockets;
}

Result<std::optional<TcpSocket>> SocketLister::again(const TcpSocket& socket) {
  std::vector<TcpSocket> found;
  const auto asked = kernel_.ask(find_request(socket), 1, found);
  if (!asked && asked.error().code != ENOENT) return asked.error();
  // What is left in TIME-WAIT keeps the cookie. The cookie of all ones means any
  // (INET_DIAG_NOCOOKIE).
  const bool same = found.size() == 1 && found.front().cookie == socket.cookie &&
                    is_listed_state(found.front().state);
  if (!same) return std::optional<TcpSocket>();
  return std::optional(std::move(found.front()));
}

}  // namespace relinkd::kernel
