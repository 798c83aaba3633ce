// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relinkd {

/// Where a node listens: an IPv4 or IPv6 address with a port, or a Unix socket path.
/// IPv4 addresses mapped into IPv6 (::ffff:a.b.c.d) are stored as IPv4, so that one node has one
/// address. Scope ids are not kept: a link-local address names no node unambiguously.
class Address {
 public:
  enum class Family : std::uint8_t { IPv4, IPv6, Unix };

  static Address ipv4(std::array<std::uint8_t, 4> bytes, std::uint16_t port);
  static Address ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port);
  static Address unix_path(std::string path);

  /// An IP literal without brackets ("10.0.0.7", "::1") and a port; nothing for host names.
  static std::optional<Address> parse(std::string_view ip, std::uint16_t port);

  /// The inverse of to_string() for IPv4 and IPv6: "10.0.0.7:6380", "[2001:db8::1]:6380".
  static std::optional<Address> parse_with_port(std::string_view text);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_unix() const { return family_ == Family::Unix; }
  /// Network byte order; the first 4 bytes for IPv4, all 16 for IPv6.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Address with_port(std::uint16_t port) const;

  /// "10.0.0.7:6380", "[2001:db8::1]:6380", "/run/redis.sock": the label of a node.
  [[nodiscard]] std::string to_string() const;
  /// The address without its port: "10.0.0.7", "2001:db8::1", the path.
  [[nodiscard]] std::string host() const;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a <=> b < 0 for a pointer.
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  Family family_ = Family::IPv4;
  std::array<std::uint8_t, 16> bytes_{};
  std::uint16_t port_ = 0;
  std::string path_;
};

}  // namespace relinkd
