// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relinkd::config {

/// A place in a file. Lines and columns count from 1, columns in characters, not bytes. 0: none.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a <=> b < 0 for a pointer.
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// What is wrong, and where in the file at hand.
struct Problem {
  Place place;
  std::string message;
};
using Problems = std::vector<Problem>;

/// A TOML value with its places. The rest of this folder reads these instead of the library's
/// nodes, so that the library stays in document.cpp.
struct Node {
  enum class Type : std::uint8_t { String, Integer, Float, Boolean, DateTime, Array, Table };
  Type type = Type::Table;
  std::string key;  ///< the name of a table's member; empty for a root and in arrays
  Place key_place;
  Place place;  ///< of the value
  std::string text;
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> children;  ///< of tables and arrays, in the order of the file

  [[nodiscard]] const Node* find(std::string_view name) const;
  [[nodiscard]] bool is_array_of_tables() const;
};

/// "an integer", "an array of tables": for error messages.
std::string_view describe_type(const Node& node);

struct Document {
  Node root;
  std::optional<Problem> error;  ///< the first syntax error; `root` is empty then
};

/// Reads TOML 1.0. Besides bad syntax, text above 4 MiB and more than 32 levels of tables and
/// arrays are errors. The error message repeats no value, since that might be a password.
Document parse_document(std::string_view text);

}  // namespace relinkd::config
