// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/replace_file.hpp"
#include "state/state.hpp"

namespace relinkd::state {

namespace {

struct Close {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

/// Null with errno set if it cannot be opened.
File open_file(const std::string& path, int flags, const char* mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  return File(fd < 0 ? nullptr : ::fdopen(fd, mode));
}

}  // namespace

Result<State> read_file(const std::string& path) {
  // Opening a pipe would wait for a writer.
  const File file = open_file(path, O_RDONLY | O_NONBLOCK, "r");
  if (!file && errno == ENOENT) return State{};
  struct stat at {};
  if (!file || ::fstat(::fileno(file.get()), &at) != 0) {
    return system_error(errno, fmt::format("{}: cannot be read", path));
  }
  if (!S_ISREG(at.st_mode)) return Error{fmt::format("{}: is not a file", path), EINVAL};
  // One byte more than allowed tells a file that is too large.
  std::string text(kMaxBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return system_error(errno, fmt::format("{}: cannot be read", path));
  }
  auto state = decode(text);
  if (!state) return Error{fmt::format("{}: {}", path, state.error().message), state.error().code};
  return state;
}

Result<void> write_file(const std::string& path, const State& state) {
  const std::string text = encode(state);
  if (text.size() > kMaxBytes) {
    return Error{fmt::format("{}: cannot be written: the state takes {} bytes, more than the {} "
                             "allowed",
                             path, text.size(), kMaxBytes),
                 EFBIG};
  }
  return files::replace_file(path, text, 0600);
}

}  // namespace relinkd::state
