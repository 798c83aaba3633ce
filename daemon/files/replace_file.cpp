// SPDX-License-Identifier: Apache-2.0
#include "files/replace_file.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relinkd::files {

namespace {

struct Close {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
  void operator()(DIR* folder) const { (void)::closedir(folder); }
};

Error cannot_write(const std::string& path) {
  return system_error(errno, fmt::format("{}: cannot be written", path));
}

/// Makes a rename in the folder outlive a power cut.
Result<void> sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::absolute(path).parent_path().string();
  const std::unique_ptr<DIR, Close> at(::opendir(folder.c_str()));
  if (!at || ::fsync(::dirfd(at.get())) != 0) return cannot_write(folder);
  return {};
}

Result<void> write_new(const std::string& path, std::string_view text, mode_t mode) {
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600);
  const std::unique_ptr<std::FILE, Close> file(fd < 0 ? nullptr : ::fdopen(fd, "w"));
  if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0 || ::fchmod(::fileno(file.get()), mode) != 0 ||
      ::fsync(::fileno(file.get())) != 0) {
    return cannot_write(path);
  }
  return {};
}

/// Removes what a process left which ended while it wrote.
Result<std::string> fresh_name(const std::string& path) {
  std::string fresh = path + ".new";
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return cannot_write(fresh);
  return fresh;
}

Result<void> put_in_place(const std::string& fresh, const std::string& path, Result<void> made) {
  if (made && std::rename(fresh.c_str(), path.c_str()) != 0) made = cannot_write(path);
  if (!made) {
    (void)::unlink(fresh.c_str());
    return made;
  }
  return sync_folder_of(path);
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode) {
  const auto fresh = fresh_name(path);
  if (!fresh) return fresh.error();
  return put_in_place(*fresh, path, write_new(*fresh, text, mode));
}

Result<void> replace_by_link(const std::string& path, const std::string& target) {
  const auto fresh = fresh_name(path);
  if (!fresh) return fresh.error();
  Result<void> made;
  if (::symlink(target.c_str(), fresh->c_str()) != 0) made = cannot_write(*fresh);
  return put_in_place(*fresh, path, std::move(made));
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return system_error(errno, fmt::format("{}: cannot be removed", path));
  }
  return sync_folder_of(path);
}

}  // namespace relinkd::files
