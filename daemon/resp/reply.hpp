// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.hpp"

namespace relinkd::resp {

/// One RESP2 reply.
struct Reply {
  enum class Type : std::uint8_t { Status, Error, Integer, String, Nil, Array };
  Type type = Type::Nil;
  std::int64_t integer = 0;
  std::string text;  ///< of Status (without '+'), Error (without '-'), String
  std::vector<Reply> elements;

  [[nodiscard]] bool is_error() const { return type == Type::Error; }
};

/// What an error reply says, as far as relinkd tells errors apart. By the first word
/// (-NOAUTH …), also behind a leading "ERR " as some proxies send it (-ERR READONLY …).
enum class ErrorKind : std::uint8_t {
  NoAuth,     ///< also "ERR operation not permitted" of servers before 2.8
  WrongPass,  ///< also "ERR invalid password" of servers before 6.0, and AUTH where none is set
  NoPerm,
  Loading,
  Busy,
  MasterDown,
  ReadOnly,
  MaxClients,  ///< "ERR max number of clients reached"
  Unknown,     ///< "ERR unknown command" or "subcommand": the server does not have it
  Other,
};
ErrorKind error_kind(std::string_view error_text);

}  // namespace relinkd::resp
