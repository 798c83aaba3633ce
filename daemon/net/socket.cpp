// SPDX-License-Identifier: Apache-2.0
#include "net/socket.hpp"

// linux/tcp.h instead of netinet/tcp.h: glibc's tcp_info ends before tcpi_data_segs_out.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/un.h>

namespace relinkd::net {

SocketAddress to_socket_address(const Address& address) {
  SocketAddress out;
  switch (address.family()) {
    case Address::Family::IPv4: {
      sockaddr_in sa{};
      sa.sin_family = AF_INET;
      sa.sin_port = htons(address.port());
      std::memcpy(&sa.sin_addr, address.bytes().data(), 4);
      std::memcpy(&out.storage, &sa, sizeof sa);
      out.length = sizeof sa;
      break;
    }
    case Address::Family::IPv6: {
      sockaddr_in6 sa{};
      sa.sin6_family = AF_INET6;
      sa.sin6_port = htons(address.port());
      std::memcpy(&sa.sin6_addr, address.bytes().data(), 16);
      std::memcpy(&out.storage, &sa, sizeof sa);
      out.length = sizeof sa;
      break;
    }
    case Address::Family::Unix: {
      sockaddr_un sa{};
      sa.sun_family = AF_UNIX;
      const std::size_t n = std::min(address.path().size(), sizeof sa.sun_path - 1);
      std::memcpy(sa.sun_path, address.path().data(), n);
      std::memcpy(&out.storage, &sa, sizeof sa);
      out.length = sizeof sa;
      break;
    }
  }
  return out;
}

Result<loop::Fd> open_stream_socket(const Address& address) {
  const int family = address.is_unix()                           ? AF_UNIX
                     : address.family() == Address::Family::IPv4 ? AF_INET
                                                                 : AF_INET6;
  loop::Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error(errno, "cannot open a socket");
  // The kernel gives the lowest free number, so a high one says that few are left.
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (static_cast<rlim_t>(fd.get()) + kReservedDescriptors >= limit.rlim_cur) {
    return system_error(EMFILE, "cannot open a socket");
  }
  return fd;
}

namespace {

void set_option(int fd, int level, int name, int value) {
  // Options tune the detection; a kernel that refuses one still gives a connection worth having.
  setsockopt(fd, level, name, &value, sizeof value);
}

int whole_seconds(Duration d) {
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(d).count());
}

tcp_info read_tcp_info(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return tcp_info{};
  return info;
}

}  // namespace

void apply_tcp_options(int fd, const Address& address,
                       const std::optional<config::Keepalive>& keepalive) {
  if (address.is_unix()) return;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!keepalive) return;
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, whole_seconds(keepalive->idle));
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, whole_seconds(keepalive->interval));
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive->count);
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(keepalive->user_timeout()).count();
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(ms));
}

void abort_on_close(int fd) {
  const linger l{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

core::TcpSample sample_tcp(int fd) {
  core::TcpSample sample;
  const tcp_info info = read_tcp_info(fd);
  if (info.tcpi_state == 0) return sample;
  int queued = 0;
  if (ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0) {
    sample.unacked_bytes = static_cast<std::uint32_t>(queued);
  }
  sample.total_retrans = info.tcpi_total_retrans;
  sample.data_segs_out = info.tcpi_data_segs_out;
  sample.rtt = std::chrono::microseconds(info.tcpi_rtt);
  return sample;
}

std::uint32_t syn_retransmissions(int fd) { return read_tcp_info(fd).tcpi_total_retrans; }

core::Ending ending_of(int error) {
  using How = core::Ending::How;
  const std::string text = std::strerror(error);  // NOLINT(concurrency-mt-unsafe): one thread
  switch (error) {
    case ECONNRESET:
    case EPIPE: return {How::Rst, "connection reset by the peer"};
    case ETIMEDOUT: return {How::TimedOut, "the kernel gave the connection up"};
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENOPROTOOPT:
    case ECONNREFUSED: return {How::Unreachable, text};
    default: return {How::LocalError, text};
  }
}

core::DialFailure dial_failure_of(int error, bool immediate) {
  core::DialFailure f;
  f.detail = std::strerror(error);  // NOLINT(concurrency-mt-unsafe): one thread
  switch (error) {
    case ECONNREFUSED: f.result = core::ConnectResult::Refused; break;
    case ENOENT:
      f.result = core::ConnectResult::Refused;
      f.detail = "there is no such socket";
      break;
    case ETIMEDOUT: f.result = core::ConnectResult::Timeout; break;
    case ECONNRESET: f.result = core::ConnectResult::Closed; break;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
      // At once, it is this host's own routing table that speaks; later, the path.
      f.result = immediate ? core::ConnectResult::LocalFault : core::ConnectResult::Unreachable;
      break;
    default: f.result = core::ConnectResult::LocalFault;
  }
  return f;
}

}  // namespace relinkd::net
