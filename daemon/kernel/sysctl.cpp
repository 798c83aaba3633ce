// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/text.hpp"
#include "core/give_up.hpp"
#include "kernel/text_file.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

namespace {

/// No value is longer: the kernel's tables print less than a page.
constexpr std::size_t kMaxValue = 4096;

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-/:@").find(c) != std::string_view::npos;
}

Error unknown(std::string_view key) {
  return Error{fmt::format("this kernel has no sysctl {}", key), ENOENT};
}

Error not_set(int code, std::string_view key, std::string_view value) {
  switch (code) {
    case ENOENT: return unknown(key);
    case EROFS:
      return Error{fmt::format("{} cannot be set: /proc/sys is read-only here, as in a container; "
                               "set it where that was started",
                               key),
                   code};
    case EINVAL:
    case ERANGE:
      return Error{fmt::format("{} cannot be set: the kernel does not take {}", key, value), code};
    default: return system_error(code, fmt::format("{} cannot be set to {}", key, value));
  }
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
    return unknown(key);
  }
  if (!value) return value.error();
  return std::string(trim(*value));
}

std::optional<std::int64_t> read_sysctl_number(std::string_view key) {
  const auto text = read_sysctl(key);
  return text ? parse_i64(*text) : std::nullopt;
}

Duration give_up_now() {
  const auto retries2 = read_sysctl_number("net.ipv4.tcp_retries2");
  const auto give_up = retries2
                           ? core::give_up(*retries2, read_sysctl_number("net.ipv4.tcp_rto_max_ms"))
                           : std::nullopt;
  return give_up ? give_up->earliest : Duration::zero();
}

Result<void> write_sysctl(std::string_view key, std::string_view value) {
  const auto path = sysctl_path(key);
  if (!path) return path.error();
  const loop::Fd fd(::open(path->c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return not_set(errno, key, value);
  // In one piece: the kernel takes what it is handed for the whole value.
  const ssize_t n = ::write(fd.get(), value.data(), value.size());
  if (n != static_cast<ssize_t>(value.size())) return not_set(n < 0 ? errno : EINVAL, key, value);
  return {};
}

}  // namespace relinkd::kernel
