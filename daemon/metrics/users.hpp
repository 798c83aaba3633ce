// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace relinkd::metrics {

/// Who may read the metrics, by the hash of a password.
struct User {
  std::string name;  ///< 1 to 255 bytes, printable, no ':' (RFC 7617, section 2)
  std::string hash;  ///< as crypt(5) writes it: bcrypt, yescrypt or sha512crypt
};

/// The most users of a file.
inline constexpr std::size_t kMaxUsers = 1000;

/// Reads lines "name:hash"; empty lines and those that begin with '#' say nothing. What takes more
/// than about a second to verify (bcrypt above cost 14, sha512crypt above 1,000,000 rounds,
/// yescrypt above 64 MB) is refused, and so are older kinds of hash. At least one user, none twice.
/// The Error names the line and the next step, never a hash.
Result<std::vector<User>> parse_users(std::string_view text);

}  // namespace relinkd::metrics
