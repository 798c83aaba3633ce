// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relinkd {

/// Where a server is said to be: a host name or an IP literal without brackets, and a port. What
/// configuration and servers announce, before any name is resolved.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  /// "cache-1.example.net:6379", "10.0.0.7:6380", "[2001:db8::1]:6380".
  [[nodiscard]] std::string to_string() const;
  /// The inverse of to_string(); nothing where host or port is missing. The host is not checked.
  static std::optional<HostPort> parse(std::string_view text);
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a <=> b < 0 for a pointer.
  friend auto operator<=>(const HostPort&, const HostPort&) = default;
};

}  // namespace relinkd
