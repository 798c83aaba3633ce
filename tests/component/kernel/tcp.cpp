// SPDX-License-Identifier: Apache-2.0
#include "tcp.hpp"

#include <array>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

namespace relinkd::kernel {

namespace {

int family_of(const Address& address) {
  return address.family() == Address::Family::IPv4 ? AF_INET : AF_INET6;
}

Address ip(const std::string& text, std::uint16_t port) { return *Address::parse(text, port); }

}  // namespace

SocketAddress::SocketAddress(int family, const Address& address) {
  const bool is_v4 = address.family() == Address::Family::IPv4;
  storage.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_port = htons(address.port());
    std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
    size = sizeof v4;
    return;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_port = htons(address.port());
  const std::string text = is_v4 ? "::ffff:" + address.host() : address.host();
  inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr);
  size = sizeof v6;
}

void await(const loop::Fd& fd, short events) {
  pollfd waiting{fd.get(), events, 0};
  if (poll(&waiting, 1, 10'000) != 1) throw std::runtime_error("waited 10 s for a socket");
}

Server::Server(const std::string& address, int backlog)
    : fd_(::socket(family_of(ip(address, 0)), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const SocketAddress at(family_of(ip(address, 0)), ip(address, 0));
  if (bind(fd_.get(), at.get(), at.size) != 0 || listen(fd_.get(), backlog) != 0) {
    throw std::runtime_error("cannot listen on " + address);
  }
  sockaddr_in6 bound{};
  socklen_t size = sizeof bound;
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  // At the same place in both families.
  port = ntohs(bound.sin6_port);
}

Address Server::at(const std::string& address) const { return ip(address, port); }

loop::Fd Server::accept() const {
  await(fd_, POLLIN);
  return loop::Fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

void Server::await_waiting_connection() const { await(fd_, POLLIN); }

loop::Fd connect_to(const Address& address, int family) {
  loop::Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress to(family, address);
  if (connect(fd.get(), to.get(), to.size) != 0) {
    throw std::runtime_error("cannot connect to " + address.to_string());
  }
  return fd;
}
loop::Fd connect_to(const Address& address) { return connect_to(address, family_of(address)); }

std::vector<loop::Fd> connections(const Address& address, std::size_t count) {
  std::vector<loop::Fd> clients(count);
  for (loop::Fd& client : clients) client = connect_to(address);
  return clients;
}

Address local_end(const loop::Fd& fd) {
  sockaddr_in6 at{};
  socklen_t size = sizeof at;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size);
  std::array<std::uint8_t, 16> bytes{};
  if (at.sin6_family == AF_INET6) {
    std::memcpy(bytes.data(), &at.sin6_addr, bytes.size());
    return Address::ipv6(bytes, ntohs(at.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(at);
  std::memcpy(bytes.data(), &v4.sin_addr, 4);
  return Address::ipv4({bytes[0], bytes[1], bytes[2], bytes[3]}, ntohs(v4.sin_port));
}

std::uint64_t cookie_of(const loop::Fd& fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  getsockopt(fd.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return cookie;
}

}  // namespace relinkd::kernel
