// SPDX-License-Identifier: Apache-2.0
#include "actuator/own_file.hpp"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop/fd.hpp"

namespace relinkd::actuator {

Result<std::string> read_own(const std::string& path, std::size_t most) {
  // Opening a pipe would wait for a writer.
  const loop::Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::string{};
  struct stat at {};
  if (!fd || fstat(fd.get(), &at) != 0) {
    return system_error(errno, fmt::format("{} cannot be read", path));
  }
  if (!S_ISREG(at.st_mode) || at.st_uid != geteuid() || (at.st_mode & 022U) != 0) {
    return Error{fmt::format("{} is not a file that only this program's user can write to", path)};
  }
  // One byte more than allowed tells a file that is too large. An empty one is none of ours.
  std::string text(most + 1, '\0');
  const ssize_t n = ::read(fd.get(), text.data(), text.size());
  if (n < 0) return system_error(errno, fmt::format("{} cannot be read", path));
  text.resize(static_cast<std::size_t>(n));
  if (text.size() > most) return Error{fmt::format("{} is larger than {} bytes", path, most)};
  if (text.empty()) return Error{fmt::format("{} is empty", path)};
  return text;
}

Result<void> write_own(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const auto fail = [&] {
    const int code = errno;
    (void)::unlink(fresh.c_str());
    return system_error(code, fmt::format("{} cannot be written", path));
  };
  // One that a program left which ended while it wrote.
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return fail();
  const loop::Fd fd(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail();
  const ssize_t n = ::write(fd.get(), text.data(), text.size());
  if (n != static_cast<ssize_t>(text.size())) {
    if (n >= 0) errno = ENOSPC;
    return fail();
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return fail();
  return {};
}

}  // namespace relinkd::actuator
