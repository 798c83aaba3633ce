// SPDX-License-Identifier: Apache-2.0
#include "kernel/text_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "loop/fd.hpp"

namespace relinkd::kernel {

Result<std::string> read_text(const std::string& path, std::size_t most) {
  const auto failed = [&](int code) {
    return system_error(code, fmt::format("cannot read {}", path));
  };
  const loop::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed(errno);
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < most) {
    const ssize_t n = ::read(fd.get(), piece.data(), std::min(piece.size(), most - text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(errno);
    if (n == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace relinkd::kernel
