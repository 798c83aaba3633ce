// SPDX-License-Identifier: Apache-2.0
#include "kernel/mountinfo.hpp"

#include <algorithm>
#include <cstddef>

#include "base/text.hpp"

namespace relinkd::kernel {

namespace {

constexpr std::size_t kRoot = 3;
constexpr std::size_t kPoint = 4;
/// The first field that may be the "-" behind the optional ones, whose number varies.
constexpr std::size_t kFirstOptional = 6;

std::string unescaped(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && text[i + 1] <= '3' &&
        octal(text[i + 2]) && octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<Mount> mounts_of_type(std::string_view mountinfo, std::string_view type) {
  std::vector<Mount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() <= kFirstOptional) continue;
    const auto dash = std::find(fields.begin() + kFirstOptional, fields.end(), "-");
    if (fields.end() - dash < 2 || *(dash + 1) != type) continue;
    mounts.push_back({unescaped(fields[kRoot]), unescaped(fields[kPoint])});
  }
  return mounts;
}

}  // namespace relinkd::kernel
