// SPDX-License-Identifier: Apache-2.0
#include "own_network.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace relinkd::testing {

namespace {

std::string why(const std::string& what) {
  return what + ": " + std::generic_category().message(errno);
}

bool write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return ok;
}

}  // namespace

std::string enter_own_network() {
  const auto uid = std::to_string(getuid());
  const auto gid = std::to_string(getgid());
  if (uid == "0") {
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return why("no namespaces of its own");
  } else {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) {
      return why("neither root nor unprivileged user namespaces");
    }
    if (!write_file("/proc/self/setgroups", "deny") ||
        !write_file("/proc/self/uid_map", "0 " + uid + " 1") ||
        !write_file("/proc/self/gid_map", "0 " + gid + " 1")) {
      return why("cannot map the user");
    }
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return why("cannot make the mounts private");
  }
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq lo{};
  std::strcpy(lo.ifr_name, "lo");
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
  close(fd);
  return up ? std::string{} : why("cannot bring loopback up");
}

std::string replace_etc_hosts(const std::string& content) {
  std::string path = "/tmp/hosts-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) return why("cannot make a file");
  const bool written =
      write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  close(fd);
  const bool mounted = written && mount(path.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0;
  std::string reason = mounted ? std::string{} : why("cannot mount over /etc/hosts");
  unlink(path.c_str());
  return reason;
}

}  // namespace relinkd::testing
