// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resp/reply.hpp"

namespace relinkd::resp {

inline Reply text(std::string_view value) {
  return {.type = Reply::Type::String, .text = std::string(value)};
}

inline Reply integer(std::int64_t value) {
  return {.type = Reply::Type::Integer, .integer = value};
}

inline Reply nil() { return {}; }

inline Reply error(std::string_view value) {
  return {.type = Reply::Type::Error, .text = std::string(value)};
}

inline Reply list(std::vector<Reply> elements) {
  return {.type = Reply::Type::Array, .elements = std::move(elements)};
}

/// An array of texts: those in `words`, with spaces between them; '' stands for an empty one.
inline Reply texts(std::string_view words) {
  Reply reply = list({});
  while (!words.empty()) {
    const std::size_t end = words.find_first_of(" \n");
    const std::string_view word = words.substr(0, end);
    if (!word.empty()) reply.elements.push_back(text(word == "''" ? "" : word));
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return reply;
}

/// 40 hex digits that differ with `number`.
inline std::string numbered_id(std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(40 - digits.size(), '0') + digits;
}

/// What an Error says; empty if it is none.
template <typename T>
std::string error_of(const T& result) {
  return result ? std::string() : result.error().message;
}

}  // namespace relinkd::resp
