// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/state.hpp"

namespace relinkd::state {

namespace {

struct Close {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
  void operator()(DIR* folder) const { (void)::closedir(folder); }
};
using File = std::unique_ptr<std::FILE, Close>;

/// Null with errno set if it cannot be opened.
File open_file(const std::string& path, int flags, const char* mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  return File(fd < 0 ? nullptr : ::fdopen(fd, mode));
}

Error cannot_write(const std::string& path) {
  return system_error(errno, fmt::format("{}: cannot be written", path));
}

Result<void> write_new(const std::string& path, const std::string& text) {
  const File file = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "w");
  if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0 || ::fsync(::fileno(file.get())) != 0) {
    return cannot_write(path);
  }
  return {};
}

/// Makes a rename in the folder outlive a power cut.
Result<void> sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::absolute(path).parent_path().string();
  const std::unique_ptr<DIR, Close> at(::opendir(folder.c_str()));
  if (!at || ::fsync(::dirfd(at.get())) != 0) return cannot_write(folder);
  return {};
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
  const std::string fresh = path + ".new";
  // One that a process left which ended while it wrote.
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return cannot_write(fresh);
  auto written = write_new(fresh, text);
  if (written && std::rename(fresh.c_str(), path.c_str()) != 0) written = cannot_write(path);
  if (!written) {
    (void)::unlink(fresh.c_str());
    return written.error();
  }
  return sync_folder_of(path);
}

}  // namespace relinkd::state
