// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace relinkd {

/// The names of an enum that counts from 0 without gaps, in its order. One table gives both
/// directions, and its size is the number of enumerators.
template <typename Enum, std::size_t N>
struct EnumNames {
  std::array<std::string_view, N> names;

  [[nodiscard]] static constexpr std::size_t size() { return N; }
  [[nodiscard]] constexpr std::string_view operator[](Enum value) const {
    return names[static_cast<std::size_t>(value)];
  }
  [[nodiscard]] constexpr std::optional<Enum> find(std::string_view name) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (names[i] == name) return static_cast<Enum>(i);
    }
    return std::nullopt;
  }
};

template <typename Enum, typename... Names>
constexpr auto enum_names(Names... names) {
  return EnumNames<Enum, sizeof...(Names)>{{std::string_view(names)...}};
}

}  // namespace relinkd
