// SPDX-License-Identifier: Apache-2.0
#include "metrics/listener.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>

#include "base/text.hpp"

namespace relinkd::metrics {

namespace {

/// What the kernel holds of an answer that is not read; it would grow to 4 MB (tcp_wmem).
constexpr int kSendBuffer = 131'072;

SocketAddress to_socket_address(const Address& address) {
  SocketAddress out;
  if (address.family() == Address::Family::IPv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port());
    std::memcpy(&in.sin_addr, address.bytes().data(), sizeof in.sin_addr);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port());
    std::memcpy(&in.sin6_addr, address.bytes().data(), sizeof in.sin6_addr);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  }
  return out;
}

std::uint16_t port_of(const SocketAddress& address) {
  sockaddr_in in{};  // the port is at the same place in sockaddr_in6
  std::memcpy(&in, &address.storage, sizeof in);
  return ntohs(in.sin_port);
}

std::optional<Address> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_u64(text.substr(colon + 1));
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  if (!port || *port > 65535 || brackets != (host.find(':') != std::string_view::npos)) {
    return std::nullopt;
  }
  return Address::parse(host, static_cast<std::uint16_t>(*port));
}

std::string_view next_step(int code) {
  switch (code) {
    case EADDRINUSE:
      return "another program, or another relinkd, has this port (`ss -ltnp` shows which)";
    case EADDRNOTAVAIL: return "this host does not have this address (`ip -br address`)";
    case EACCES: return "ports below 1024 are for privileged programs";
    default: return "set [metrics] listen to another address, or to \"\" to do without";
  }
}

}  // namespace

Result<Listener> open_listener(const std::string& listen, int backlog) {
  const auto wanted = parse_listen(listen);
  if (!wanted) {
    return Error{"cannot serve metrics on \"" + listen +
                     "\": give an IP address and a port, as 127.0.0.1:10121 or [::1]:10121",
                 EINVAL};
  }
  const auto failed = [&listen](int code) {
    Error error = system_error(code, "cannot serve metrics on " + listen);
    error.message += fmt::format("; {}", next_step(code));
    return error;
  };
  SocketAddress address = to_socket_address(*wanted);
  loop::Fd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(errno);
  const int on = 1;  // else connections of the run before keep the port for a minute
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      // Those that are accepted inherit it.
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer) != 0 ||
      bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), backlog) != 0 ||
      getsockname(fd.get(), address.get(), &address.size) != 0) {
    return failed(errno);
  }
  return Listener{std::move(fd), wanted->with_port(port_of(address))};
}

std::string client_of(const sockaddr* from) {
  if (from->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, from, sizeof in);
    return {reinterpret_cast<const char*>(&in.sin_addr), sizeof in.sin_addr};
  }
  constexpr std::size_t kPrefix = 8;
  sockaddr_in6 in{};
  std::memcpy(&in, from, sizeof in);
  // A dual-stack socket shows an IPv4 client in a prefix that all of them share.
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
  return {reinterpret_cast<const char*>(&in.sin6_addr), mapped ? sizeof in.sin6_addr : kPrefix};
}

}  // namespace relinkd::metrics
