// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "watch/connection.hpp"

namespace relinkd::watch {

/// Questions that a server refused (NOPERM, unknown command) and that relinkd can do without: asked
/// once, remembered, not asked again until the configuration changes.
class Refused {
 public:
  void add(Ask ask) { bits_ |= bit(ask); }
  [[nodiscard]] bool contains(Ask ask) const { return (bits_ & bit(ask)) != 0; }

 private:
  static std::uint32_t bit(Ask ask) { return 1U << static_cast<unsigned>(ask); }
  std::uint32_t bits_ = 0;
};

/// The kinds of error reply that diagnosis tells apart.
core::ReplyKind core_reply_kind(resp::ErrorKind kind);

/// The RESP form of a question other than AUTH and those of a Sentinel, which name the primary.
std::string command_of(Ask ask);

/// A question with its RESP form.
struct Question {
  Ask ask;
  std::string command;
};
/// A question of a Sentinel about the primary that it calls `name`.
Question ask_sentinel(Ask ask, std::string_view name);

/// Sends the questions, leaving out what was refused before.
void ask(Connection& connection, const std::vector<Question>& questions, const Refused& refused);

/// Sends `asks` on the connection, leaving out what was refused before.
void ask(Connection& connection, std::initializer_list<Ask> asks, const Refused& refused);

/// Sends AUTH with the endpoint's credentials, if it has any. The Error: the secret cannot be read.
Result<void> authenticate(Connection& connection, const config::Endpoint& settings);

}  // namespace relinkd::watch
