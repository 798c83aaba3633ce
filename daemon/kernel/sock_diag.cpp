// SPDX-License-Identifier: Apache-2.0
#include "kernel/sock_diag.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace relinkd::kernel {

namespace {

constexpr std::uint32_t kStates =
    (1U << TCP_SYN_SENT) | (1U << TCP_ESTABLISHED) | (1U << TCP_FIN_WAIT1) | (1U << TCP_FIN_WAIT2) |
    (1U << TCP_CLOSE_WAIT) | (1U << TCP_CLOSING) | (1U << TCP_LAST_ACK);

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string_view address_bytes(const Address& address) {
  const std::size_t size = address.family() == Address::Family::IPv4 ? 4 : 16;
  return {reinterpret_cast<const char*>(address.bytes().data()), size};
}

// The kernel's filter is a program (inet_diag_bc_run in net/ipv4/inet_diag.c). It accepts a socket
// that comes to its end exactly, and refuses one that comes farther.

constexpr std::size_t kJump = sizeof(inet_diag_bc_op);

void append_jump(std::string& out, std::size_t distance) {
  append(out,
         inet_diag_bc_op{
             .code = INET_DIAG_BC_JMP, .yes = kJump, .no = static_cast<std::uint16_t>(distance)});
}

constexpr std::size_t kPortCondition = sizeof(inet_diag_bc_op) + sizeof(inet_diag_hostcond);

/// A condition on the remote end, at this port and, unless it is empty, this address. Where it does
/// not hold, the program goes on `otherwise` bytes farther.
void append_condition(std::string& out, std::uint16_t port, std::string_view address,
                      std::size_t otherwise) {
  append(out, inet_diag_bc_op{.code = INET_DIAG_BC_D_COND,
                              .yes = static_cast<std::uint8_t>(kPortCondition + address.size()),
                              .no = static_cast<std::uint16_t>(otherwise)});
  inet_diag_hostcond host{};
  host.family = address.empty() ? AF_UNSPEC : address.size() == 4 ? AF_INET : AF_INET6;
  host.prefix_len = static_cast<std::uint8_t>(address.size() * 8);
  host.port = port;
  append(out, host);
  out += address;
}

/// What an address takes: its condition and the jump behind it.
std::size_t address_size(const Address& address) {
  return kPortCondition + address_bytes(address).size() + kJump;
}

// A jump, and the attribute that the program is, have 16 bits for their lengths.
static_assert(SocketLister::kMaxRemotes * (2 * kPortCondition + 16 + kJump) + kJump < 65'000);

/// For each port a condition on the port alone, so that a socket to another one is compared with
/// few others (with 64 remotes at one port and 20,000 sockets of others this saves half the time);
/// then for each of its addresses a condition and, as "yes" reaches 255 bytes only, a jump to the
/// end. A condition on an IPv4 address holds for an IPv6 socket to the mapped address, too.
std::string filter(std::span<const Address> remotes) {
  const auto of_first_port = [](std::span<const Address> sorted) {
    const auto other = std::find_if(sorted.begin(), sorted.end(), [&](const Address& a) {
      return a.port() != sorted.front().port();
    });
    return sorted.first(static_cast<std::size_t>(other - sorted.begin()));
  };
  const auto group_size = [](std::span<const Address> group) {
    std::size_t size = kPortCondition;
    for (const Address& remote : group) size += address_size(remote);
    return size;
  };
  std::size_t size = kJump;
  for (auto left = remotes; !left.empty(); left = left.subspan(of_first_port(left).size())) {
    size += group_size(of_first_port(left));
  }
  std::string out;
  out.reserve(size);
  for (auto left = remotes; !left.empty(); left = left.subspan(of_first_port(left).size())) {
    const auto group = of_first_port(left);
    append_condition(out, group.front().port(), {}, group_size(group));
    for (const Address& remote : group) {
      append_condition(out, remote.port(), address_bytes(remote), address_size(remote));
      append_jump(out, size - out.size());
    }
  }
  append_jump(out, 2 * kJump);
  return out;
}

Address address_of(std::uint8_t family, const std::uint32_t (&words)[4], std::uint16_t port) {
  if (family == AF_INET) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), words, bytes.size());
    return Address::ipv4(bytes, ntohs(port));
  }
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), words, bytes.size());
  return Address::ipv6(bytes, ntohs(port));
}

TcpSocket socket_of(const inet_diag_msg& message) {
  TcpSocket socket;
  socket.local = address_of(message.idiag_family, message.id.idiag_src, message.id.idiag_sport);
  socket.remote = address_of(message.idiag_family, message.id.idiag_dst, message.id.idiag_dport);
  socket.state = message.idiag_state;
  socket.uid = message.idiag_uid;
  socket.inode = message.idiag_inode;
  socket.cookie = message.id.idiag_cookie[0] | std::uint64_t{message.id.idiag_cookie[1]} << 32U;
  return socket;
}

/// The structure that `payload` begins with.
template <typename T>
Result<T> head(std::span<const char> payload) {
  T value{};
  if (payload.size() < sizeof value) {
    return Error{"the kernel's list of TCP sockets is malformed", EPROTO};
  }
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

}  // namespace

std::string dump_request(std::uint8_t family, std::span<const Address> remotes,
                         std::uint32_t sequence) {
  const std::string program = filter(remotes);
  struct {
    nlmsghdr header;
    inet_diag_req_v2 query;
    rtattr filter;
  } head{};
  head.header.nlmsg_len = static_cast<std::uint32_t>(sizeof head + program.size());
  head.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  head.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  head.header.nlmsg_seq = sequence;
  head.query.sdiag_family = family;
  head.query.sdiag_protocol = IPPROTO_TCP;
  head.query.idiag_states = kStates;
  head.filter.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(program.size()));
  head.filter.rta_type = INET_DIAG_REQ_BYTECODE;
  std::string out;
  append(out, head);
  return out + program;
}

Result<bool> read_dump(std::span<const char> datagram, std::uint32_t sequence,
                       std::vector<TcpSocket>& sockets) {
  while (!datagram.empty()) {
    const auto header = head<nlmsghdr>(datagram);
    if (!header) return header.error();
    if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > datagram.size()) {
      return head<nlmsghdr>({}).error();
    }
    const auto payload = datagram.subspan(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN);
    datagram =
        datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), datagram.size()));
    if (header->nlmsg_seq != sequence) continue;
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
      return system_error(EINTR, "the kernel's list of TCP sockets changed while it was read");
    }
    if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
      // Both begin with an errno, negative, or 0.
      const auto error = head<int>(payload);
      if (!error) return error.error();
      if (*error != 0) return system_error(-*error, "the kernel does not list TCP sockets");
      return true;
    }
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY) continue;
    const auto message = head<inet_diag_msg>(payload);
    if (!message) return message.error();
    sockets.push_back(socket_of(*message));
  }
  return false;
}

}  // namespace relinkd::kernel
