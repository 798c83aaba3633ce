// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <algorithm>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/host_port.hpp"

namespace relinkd {

Address Address::ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) {
  Address a;
  a.family_ = Family::IPv4;
  std::copy(bytes.begin(), bytes.end(), a.bytes_.begin());
  a.port_ = port;
  return a;
}

Address Address::ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return ipv4({bytes[12], bytes[13], bytes[14], bytes[15]}, port);
  }
  Address a;
  a.family_ = Family::IPv6;
  a.bytes_ = bytes;
  a.port_ = port;
  return a;
}

Address Address::unix_path(std::string path) {
  Address a;
  a.family_ = Family::Unix;
  a.path_ = std::move(path);
  return a;
}

std::optional<Address> Address::parse(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) return ipv4(v4, port);
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return ipv6(v6, port);
  return std::nullopt;
}

Address Address::with_port(std::uint16_t port) const {
  Address a = *this;
  a.port_ = port;
  return a;
}

std::string Address::host() const {
  if (is_unix()) return path_;
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family_ == Family::IPv4 ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::string Address::to_string() const {
  switch (family_) {
    case Family::Unix: return path_;
    case Family::IPv4: return fmt::format("{}:{}", host(), port_);
    case Family::IPv6: return fmt::format("[{}]:{}", host(), port_);
  }
  return {};
}

std::optional<Address> Address::parse_with_port(std::string_view text) {
  const auto where = HostPort::parse(text);
  return where ? parse(where->host, where->port) : std::nullopt;
}

}  // namespace relinkd
