// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "config/values.hpp"

// What the codecs of this folder are made of.

namespace relinkd::config {

/// A value as a message repeats it: in quotes, printable, cut at 60 characters.
std::string shown(std::string_view text);

/// Whether all of `text` is letters and digits of ASCII, and what is in `also`.
bool only(std::string_view text, std::string_view also);

/// "[a, b]", of items that are TOML already.
std::string toml_array(const std::vector<std::string>& items);

/// With its quotes; nothing to show where it is empty.
std::string show_text(const std::string& value);

/// A string without control characters. `what` was expected, for the error.
Result<std::string> read_text(const Node& node, std::string_view what);

/// A codec of a value that is read as a whole, so that its problems have its place.
template <typename T, typename Read, typename Show>
Codec codec(T& value, Read read, Show show) {
  return {[&value, read](const Node& node) -> Problems {
            Result<T> result = read(node);
            if (!result) return {{node.place, result.error().message}};
            value = std::move(*result);
            return {};
          },
          [&value, show] { return std::string(show(value)); }};
}

/// What an array holds.
struct ArrayOf {
  std::string_view items;  ///< "ports"
  std::size_t min = 0;
  std::size_t max = static_cast<std::size_t>(-1);
};

/// "17 ages are out of range: 1 to 16"; or nothing.
Problems check_count(const Node& node, const ArrayOf& shape);

/// A codec of an array, whose problems have the places of its items. `read` is given an item and
/// the good ones before it.
template <typename T, typename Read, typename Show>
Codec array_codec(std::vector<T>& value, const ArrayOf& shape, Read read, Show show) {
  return {[&value, shape, read](const Node& node) -> Problems {
            Problems problems = check_count(node, shape);
            if (!problems.empty()) return problems;
            std::vector<T> all;
            for (const Node& item : node.children) {
              Result<T> one = read(item, all);
              if (one) {
                all.push_back(std::move(*one));
              } else {
                problems.push_back({item.place, one.error().message});
              }
            }
            if (problems.empty()) value = std::move(all);
            return problems;
          },
          [&value, show] {
            std::vector<std::string> items;
            items.reserve(value.size());
            for (const T& one : value) items.push_back(show(one));
            return toml_array(items);
          }};
}

}  // namespace relinkd::config
