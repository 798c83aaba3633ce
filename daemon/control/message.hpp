// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.hpp"

namespace relinkd::control {

/// The longest call that the server reads. The longest legitimate one is below 200 bytes.
constexpr std::size_t kMaxCall = std::size_t{64} * 1024;
/// The longest reply that a client reads: a status takes about 1 KB for each endpoint.
constexpr std::size_t kMaxReply = std::size_t{64} * 1024 * 1024;
/// How deep arrays and objects may be nested; a status needs 5.
constexpr std::size_t kMaxDepth = 32;

/// A parameter as the methods of relinkd take them; arrays and objects, which none takes, are kept
/// by name only.
using Parameter = std::variant<std::monostate, bool, double, std::string>;

/// A method call (https://varlink.org/Method-Call).
struct Call {
  std::string method;
  std::map<std::string, Parameter> parameters;  ///< those that are given: not null
  bool more = false;
  bool oneway = false;
};

/// Reads a call; the Error is a sentence about the first thing that is wrong with it.
Result<Call> parse_call(std::string_view text);

struct Reply {
  std::string parameters;  ///< a JSON object as text
  std::string error;       ///< "io.relinkd.PermissionDenied"; empty: none
  std::string reason;      ///< of an error: its "reason", else its first text; may be empty
  bool continues = false;
};

Result<Reply> parse_reply(std::string_view text);

/// The messages, with the NUL that ends them. `parameters` is a JSON object as text; encode_call()
/// gives an Error if it is not.
Result<std::string> encode_call(const std::string& method, const std::string& parameters,
                                bool more);
std::string encode_reply(std::string_view parameters, bool continues);
/// The reply of GetInterfaceDescription.
std::string encode_description(std::string_view description);
std::string encode_error(
    std::string_view error,
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters);

}  // namespace relinkd::control
