// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/text.hpp"
#include "kernel/text_file.hpp"

namespace relinkd::kernel {

namespace {

/// No value is longer: the kernel's tables print less than a page.
constexpr std::size_t kMaxValue = 4096;

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-/:@").find(c) != std::string_view::npos;
}

}  // namespace

Result<std::string> sysctl_path(std::string_view key) {
  const Error bad{fmt::format("\"{}\" is not the name of a sysctl", printable(key)), EINVAL};
  if (key.empty() || !std::all_of(key.begin(), key.end(), allowed)) return bad;
  std::string path(key);
  const std::size_t separator = path.find_first_of("./");
  if (separator != std::string::npos && path[separator] == '.') {
    for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return bad;
  }
  return "/proc/sys/" + path;
}

Result<std::string> read_sysctl(std::string_view key) {
  const auto path = sysctl_path(key);
  if (!path) return path.error();
  const auto value = read_text(*path, kMaxValue);
  if (!value && value.error().code == ENOENT) {
    return Error{fmt::format("this kernel has no sysctl {}", key), ENOENT};
  }
  if (!value) return value.error();
  return std::string(trim(*value));
}

}  // namespace relinkd::kernel
