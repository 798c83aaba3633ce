// SPDX-License-Identifier: Apache-2.0
#include "loop/unix_listener.hpp"

#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop/unix_address.hpp"

namespace relinkd::loop {

namespace {

Fd make_socket(int type) { return Fd(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

/// Removes what an earlier program that did not end in order has left at `path`.
Result<void> clear_stale(const std::string& path, const UnixAddress& address,
                         const UnixListener::Options& options) {
  struct stat at {};
  if (lstat(path.c_str(), &at) != 0) {
    if (errno == ENOENT) return {};
    return system_error(errno, fmt::format("cannot look at {}", path));
  }
  if (!S_ISSOCK(at.st_mode)) {
    return Error{fmt::format("{} exists and is not a socket: remove it, or set another [{}] "
                             "socket",
                             path, options.section),
                 EEXIST};
  }
  const Fd probe = make_socket(options.type);
  if (!probe) return system_error(errno, "cannot make a socket");
  if (::connect(probe.get(), address.get(), address.size()) == 0 || errno == EAGAIN ||
      errno == EPROTOTYPE) {
    return Error{fmt::format("another program answers on {}: stop it first, or set another "
                             "[{}] socket",
                             path, options.section),
                 EADDRINUSE};
  }
  if (errno != ECONNREFUSED) {
    return system_error(errno, fmt::format("cannot tell whether {} is in use", path));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return system_error(errno, fmt::format("cannot remove the stale socket {}", path));
  }
  return {};
}

}  // namespace

Result<UnixListener> UnixListener::open(const std::string& path, const Options& options) {
  const auto address = UnixAddress::make(path);
  if (!address) return address.error();
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
    return system_error(errno, fmt::format("cannot make the folder {}", parent));
  }
  if (const auto cleared = clear_stale(path, *address, options); !cleared) return cleared.error();

  Fd fd = make_socket(options.type);
  if (!fd) return system_error(errno, fmt::format("cannot make the {} socket", options.section));
  if (bind(fd.get(), address->get(), address->size()) != 0) {
    return system_error(errno, fmt::format("cannot make the {} socket {}", options.section, path));
  }
  struct stat at {};
  if (lstat(path.c_str(), &at) != 0) {
    return system_error(errno, fmt::format("cannot look at {}", path));
  }
  UnixListener listener(std::move(fd), path, at.st_dev, at.st_ino);
  // bind() applies the umask; fchmod() would change the socket, not its file. Nobody can connect
  // before listen().
  if (options.owner && *options.owner != at.st_uid &&
      lchown(path.c_str(), *options.owner, static_cast<gid_t>(-1)) != 0) {
    return system_error(errno, fmt::format("cannot give {} to uid {}", path, *options.owner));
  }
  if (chmod(path.c_str(), options.mode) != 0) {
    return system_error(errno, fmt::format("cannot set the mode of {}", path));
  }
  if (listen(listener.fd(), SOMAXCONN) != 0) {
    return system_error(errno, fmt::format("cannot listen on {}", path));
  }
  return listener;
}

UnixListener::UnixListener(Fd fd, std::string path, dev_t device, ino_t inode)
    : fd_(std::move(fd)), path_(std::move(path)), device_(device), inode_(inode) {}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

UnixListener::~UnixListener() {
  if (path_.empty()) return;
  struct stat at {};
  if (lstat(path_.c_str(), &at) == 0 && at.st_dev == device_ && at.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

}  // namespace relinkd::loop
