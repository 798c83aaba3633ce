// SPDX-License-Identifier: Apache-2.0
#include "kernel/route.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "kernel/attributes.hpp"

namespace relinkd::kernel {

namespace {

/// One answer of the kernel: the message type and its payload, or the errno of an NLMSG_ERROR.
struct Answer {
  std::uint16_t type = 0;
  int error = 0;
  std::span<const char> payload;
};

using Buffer = std::array<char, 8192>;

/// Sends `request` and reads the answer that carries its sequence number.
std::optional<Answer> ask(int fd, nlmsghdr* request, Buffer& buffer) {
  if (::send(fd, request, request->nlmsg_len, 0) < 0) return std::nullopt;
  for (int tries = 0; tries < 8; ++tries) {
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    nlmsghdr header{};
    std::memcpy(&header, buffer.data(), sizeof header);
    // An answer to an earlier question that came too late.
    if (header.nlmsg_seq != request->nlmsg_seq || header.nlmsg_len < NLMSG_HDRLEN) continue;
    // A link with many virtual functions may not fit; what is asked for stands at the beginning.
    const std::size_t length = std::min<std::size_t>(header.nlmsg_len, static_cast<std::size_t>(n));
    Answer a;
    a.type = header.nlmsg_type;
    a.payload = std::span<const char>(buffer.data() + NLMSG_HDRLEN, length - NLMSG_HDRLEN);
    if (a.type == NLMSG_ERROR && a.payload.size() >= sizeof(nlmsgerr)) {
      nlmsgerr e{};
      std::memcpy(&e, a.payload.data(), sizeof e);
      a.error = -e.error;
    }
    return a;
  }
  return std::nullopt;
}

/// The 32-bit attribute `type` of a message whose fixed part has `skip` bytes.
std::optional<std::uint32_t> attribute_u32(std::span<const char> payload, std::size_t skip,
                                           std::uint16_t type) {
  if (payload.size() < skip) return std::nullopt;
  const auto content = attribute(payload.subspan(skip), type);
  std::uint32_t value = 0;
  if (!content || content->size() < sizeof value) return std::nullopt;
  std::memcpy(&value, content->data(), sizeof value);
  return value;
}

}  // namespace

Result<RouteProbe> RouteProbe::open() {
  loop::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return system_error(errno, "cannot open a routing socket");
  // The kernel answers within send(); the limit is for a kernel that does not.
  const timeval limit{0, 100'000};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return RouteProbe(std::move(fd));
}

core::LocalPath RouteProbe::local_path(const Address& address) {
  if (address.is_unix()) return core::LocalPath::Usable;
  const bool v4 = address.family() == Address::Family::IPv4;
  const std::size_t bytes = v4 ? 4 : 16;

  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr destination;
    std::array<std::uint8_t, 16> address;
  } request{};
  request.header.nlmsg_len =
      static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(bytes));
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = ++sequence_;
  request.route.rtm_family = v4 ? AF_INET : AF_INET6;
  request.route.rtm_dst_len = static_cast<std::uint8_t>(bytes * 8);
  request.destination.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(bytes));
  request.destination.rta_type = RTA_DST;
  std::memcpy(request.address.data(), address.bytes().data(), bytes);

  Buffer buffer{};
  const auto route = ask(fd_.get(), &request.header, buffer);
  if (!route) return core::LocalPath::Usable;
  if (route->error != 0) return core::LocalPath::NoRoute;
  rtmsg found{};
  if (route->payload.size() < sizeof found) return core::LocalPath::Usable;
  std::memcpy(&found, route->payload.data(), sizeof found);
  if (found.rtm_type == RTN_LOCAL) return core::LocalPath::Usable;
  if (found.rtm_type != RTN_UNICAST) return core::LocalPath::NoRoute;
  const auto interface = attribute_u32(route->payload, NLMSG_ALIGN(sizeof(rtmsg)), RTA_OIF);
  if (!interface) return core::LocalPath::Usable;

  struct {
    nlmsghdr header;
    ifinfomsg link;
  } link_request{};
  link_request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifinfomsg));
  link_request.header.nlmsg_type = RTM_GETLINK;
  link_request.header.nlmsg_flags = NLM_F_REQUEST;
  link_request.header.nlmsg_seq = ++sequence_;
  link_request.link.ifi_family = AF_UNSPEC;
  link_request.link.ifi_index = static_cast<int>(*interface);
  const auto link = ask(fd_.get(), &link_request.header, buffer);
  ifinfomsg info{};
  if (!link || link->error != 0 || link->payload.size() < sizeof info) {
    return core::LocalPath::Usable;
  }
  std::memcpy(&info, link->payload.data(), sizeof info);
  const unsigned needed = IFF_UP | IFF_RUNNING;
  return (info.ifi_flags & needed) == needed ? core::LocalPath::Usable : core::LocalPath::LinkDown;
}

}  // namespace relinkd::kernel
