// SPDX-License-Identifier: Apache-2.0
#include "kernel/socket_destroyer.hpp"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "kernel/sock_diag.hpp"

namespace relinkd::kernel {

Result<SocketDestroyer> SocketDestroyer::open() {
  auto kernel = DiagSocket::open();
  if (!kernel) return kernel.error();
  return SocketDestroyer(*std::move(kernel));
}

Result<void> SocketDestroyer::probe() {
  std::vector<TcpSocket> none;
  // The kernel looks for support first, then for the socket, then at the capability. No socket has
  // port 0, nor the cookie 0.
  const auto nothing = kernel_.ask(destroy_request(TcpSocket{}), 0, none);
  if (!nothing && nothing.error().code == EOPNOTSUPP) {
    return Error{
        "this kernel cannot destroy TCP sockets: it was built without "
        "CONFIG_INET_DIAG_DESTROY",
        EOPNOTSUPP};
  }
  if (!nothing && nothing.error().code != ENOENT) return nothing.error();
  const auto allowed = kernel_.ask(privileged_request(), 0, none);
  if (allowed) return {};
  switch (allowed.error().code) {
    case EPERM:
      return Error{"destroying TCP sockets needs CAP_NET_ADMIN in their network namespace", EPERM};
    case ENOENT:
      return Error{"this kernel has no inet_diag for TCP (CONFIG_INET_TCP_DIAG)", EOPNOTSUPP};
    default: return allowed.error();
  }
}

Result<void> SocketDestroyer::destroy(const TcpSocket& socket) {
  const auto why = [&](const char* what) {
    return fmt::format("{} -> {}: {}", socket.local.to_string(), socket.remote.to_string(), what);
  };
  // To the kernel this cookie means any (INET_DIAG_NOCOOKIE).
  const bool any = socket.cookie == std::numeric_limits<std::uint64_t>::max();
  std::vector<TcpSocket> none;
  const auto destroyed =
      any ? Result<void>(Error{"", ENOENT}) : kernel_.ask(destroy_request(socket), 0, none);
  if (destroyed) return {};
  if (destroyed.error().code == ENOENT) {
    return Error{why("there is no such TCP socket any more"), ENOENT};
  }
  if (destroyed.error().code == EPERM) {
    return Error{why("destroying it needs CAP_NET_ADMIN in its network namespace"), EPERM};
  }
  return system_error(destroyed.error().code, why("the kernel does not destroy this TCP socket"));
}

}  // namespace relinkd::kernel
