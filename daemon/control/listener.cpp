// SPDX-License-Identifier: Apache-2.0
#include "control/listener.hpp"

#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/unix_address.hpp"

namespace relinkd::control {

namespace {

loop::Fd make_socket() {
  return loop::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// Removes what an earlier relinkd that did not end in order has left at `path`.
Result<void> clear_stale(const std::string& path, const UnixAddress& address) {
  struct stat at {};
  if (lstat(path.c_str(), &at) != 0) {
    if (errno == ENOENT) return {};
    return system_error(errno, fmt::format("cannot look at {}", path));
  }
  if (!S_ISSOCK(at.st_mode)) {
    return Error{fmt::format("{} exists and is not a socket: remove it, or set another [control] "
                             "socket",
                             path),
                 EEXIST};
  }
  const loop::Fd probe = make_socket();
  if (!probe) return system_error(errno, "cannot make a socket");
  if (::connect(probe.get(), address.get(), address.size()) == 0 || errno == EAGAIN) {
    return Error{fmt::format("another program answers on {}: stop it first, or set another "
                             "[control] socket",
                             path),
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

Result<Listener> Listener::open(const std::string& path) {
  const auto address = UnixAddress::make(path);
  if (!address) return address.error();
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
    return system_error(errno, fmt::format("cannot make the folder {}", parent));
  }
  if (const auto cleared = clear_stale(path, *address); !cleared) return cleared.error();

  loop::Fd fd = make_socket();
  if (!fd) return system_error(errno, "cannot make the control socket");
  if (bind(fd.get(), address->get(), address->size()) != 0) {
    return system_error(errno, fmt::format("cannot make the control socket {}", path));
  }
  struct stat at {};
  if (lstat(path.c_str(), &at) != 0) {
    return system_error(errno, fmt::format("cannot look at {}", path));
  }
  Listener listener(std::move(fd), path, at.st_dev, at.st_ino);
  // bind() applies the umask; fchmod() would change the socket, not its file.
  if (chmod(path.c_str(), 0666) != 0) {
    return system_error(errno, fmt::format("cannot open {} to all users", path));
  }
  if (listen(listener.fd(), SOMAXCONN) != 0) {
    return system_error(errno, fmt::format("cannot listen on {}", path));
  }
  return listener;
}

Listener::Listener(loop::Fd fd, std::string path, dev_t device, ino_t inode)
    : fd_(std::move(fd)), path_(std::move(path)), device_(device), inode_(inode) {}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

Listener::~Listener() {
  if (path_.empty()) return;
  struct stat at {};
  if (lstat(path_.c_str(), &at) == 0 && at.st_dev == device_ && at.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

}  // namespace relinkd::control
