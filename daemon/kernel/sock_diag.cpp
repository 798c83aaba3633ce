// SPDX-License-Identifier: Apache-2.0
#include "kernel/sock_diag.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "kernel/attributes.hpp"
#include "kernel/sockets.hpp"

namespace relinkd::kernel {

namespace {

// netinet/tcp.h has these names, and a struct tcp_info that ends where Linux 2.6 did.
enum State : std::uint8_t {
  Established = 1,
  SynSent = 2,
  FinWait1 = 4,
  FinWait2 = 5,
  CloseWait = 8,
  LastAck = 9,
  Closing = 11
};
constexpr std::uint32_t kStates = (1U << SynSent) | (1U << Established) | (1U << FinWait1) |
                                  (1U << FinWait2) | (1U << CloseWait) | (1U << Closing) |
                                  (1U << LastAck);

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

/// As inet_diag_sockid has it. IPv4 addresses of a socket of the IPv6 family are mapped.
void put_address(const Address& address, bool v6, std::uint32_t (&words)[4]) {
  const std::string_view bytes = address_bytes(address);
  if (v6 && bytes.size() == 4) {
    words[2] = htonl(0xffff);
    std::memcpy(&words[3], bytes.data(), bytes.size());
  } else {
    std::memcpy(words, bytes.data(), bytes.size());
  }
}

constexpr std::uint8_t bit_of(int extension) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(extension - 1));
}

Error malformed() { return {"the kernel's list of TCP sockets is malformed", EPROTO}; }

/// The structure that `payload` begins with.
template <typename T>
Result<T> head(std::span<const char> payload) {
  T value{};
  if (payload.size() < sizeof value) return malformed();
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

/// As much of it as the kernel gave: newer ones add to its end, older ones have less.
TcpFacts facts_of(std::span<const char> content) {
  tcp_info info{};
  std::memcpy(&info, content.data(), std::min(content.size(), sizeof info));
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  TcpFacts facts;
  facts.unacked_segments = info.tcpi_unacked;
  facts.bytes_acked = info.tcpi_bytes_acked;
  facts.total_retrans = info.tcpi_total_retrans;
  facts.retransmits = info.tcpi_retransmits;
  facts.since_data_sent = milliseconds(info.tcpi_last_data_sent);
  facts.since_data_received = milliseconds(info.tcpi_last_data_recv);
  facts.since_ack_received = milliseconds(info.tcpi_last_ack_recv);
  facts.rto = microseconds(info.tcpi_rto);
  facts.rtt = microseconds(info.tcpi_rtt);
  return facts;
}

Result<TcpSocket> socket_of(std::span<const char> payload) {
  const auto message = head<inet_diag_msg>(payload);
  if (!message) return message.error();
  if (message->idiag_family != AF_INET && message->idiag_family != AF_INET6) return malformed();
  TcpSocket socket;
  socket.local = address_of(message->idiag_family, message->id.idiag_src, message->id.idiag_sport);
  socket.remote = address_of(message->idiag_family, message->id.idiag_dst, message->id.idiag_dport);
  socket.v6 = message->idiag_family == AF_INET6;
  socket.state = message->idiag_state;
  socket.uid = message->idiag_uid;
  socket.inode = message->idiag_inode;
  socket.cookie = message->id.idiag_cookie[0] | std::uint64_t{message->id.idiag_cookie[1]} << 32U;
  socket.read_queue = message->idiag_rqueue;
  socket.write_queue = message->idiag_wqueue;
  socket.timer = message->idiag_timer;
  socket.timer_left = std::chrono::milliseconds(message->idiag_expires);
  socket.interface = message->id.idiag_if;
  const auto attributes = payload.subspan(sizeof *message);
  if (const auto info = attribute(attributes, INET_DIAG_INFO)) socket.facts = facts_of(*info);
  const auto cgroup = attribute(attributes, INET_DIAG_CGROUP_ID);
  if (cgroup && cgroup->size() >= sizeof socket.cgroup) {
    std::memcpy(&socket.cgroup, cgroup->data(), sizeof socket.cgroup);
  }
  return socket;
}

std::string request_of(std::uint16_t type, std::uint16_t flags, const inet_diag_req_v2& query) {
  std::string out;
  append(out, nlmsghdr{.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof query)),
                       .nlmsg_type = type,
                       .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                       .nlmsg_seq = 0,
                       .nlmsg_pid = 0});
  append(out, query);
  return out;
}

inet_diag_req_v2 exactly(const TcpSocket& socket) {
  inet_diag_req_v2 query{};
  query.sdiag_family = socket.v6 ? AF_INET6 : AF_INET;
  query.sdiag_protocol = IPPROTO_TCP;
  query.idiag_states = kStates;
  put_address(socket.local, socket.v6, query.id.idiag_src);
  put_address(socket.remote, socket.v6, query.id.idiag_dst);
  query.id.idiag_sport = htons(socket.local.port());
  query.id.idiag_dport = htons(socket.remote.port());
  query.id.idiag_if = socket.interface;
  query.id.idiag_cookie[0] = static_cast<std::uint32_t>(socket.cookie);
  query.id.idiag_cookie[1] = static_cast<std::uint32_t>(socket.cookie >> 32U);
  return query;
}

/// A dump of the sockets that `program` accepts. TCPDIAG_GETSOCK, the older one of the two, looks
/// for both families in one walk over the kernel's table; SOCK_DIAG_BY_FAMILY takes one each.
std::string dump(std::uint32_t states, const std::string& program) {
  struct {
    nlmsghdr header;
    inet_diag_req query;
    rtattr filter;
  } head{};
  head.header.nlmsg_len = static_cast<std::uint32_t>(sizeof head + program.size());
  head.header.nlmsg_type = TCPDIAG_GETSOCK;
  head.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  head.query.idiag_family = AF_INET;
  head.query.idiag_ext = bit_of(INET_DIAG_INFO);
  head.query.idiag_states = states;
  head.filter.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(program.size()));
  head.filter.rta_type = INET_DIAG_REQ_BYTECODE;
  std::string out;
  append(out, head);
  return out + program;
}

}  // namespace

std::string dump_request(std::span<const Address> remotes) {
  return dump(kStates, filter(remotes));
}

std::string find_request(const TcpSocket& socket) {
  inet_diag_req_v2 query = exactly(socket);
  query.idiag_ext = bit_of(INET_DIAG_INFO);
  return request_of(SOCK_DIAG_BY_FAMILY, 0, query);
}

std::string destroy_request(const TcpSocket& socket) {
  return request_of(SOCK_DESTROY, NLM_F_ACK, exactly(socket));
}

std::string privileged_request() {
  std::string program;
  constexpr std::uint8_t kSize = sizeof(inet_diag_bc_op) + sizeof(inet_diag_markcond);
  append(program,
         inet_diag_bc_op{.code = INET_DIAG_BC_MARK_COND, .yes = kSize, .no = kSize + kJump});
  append(program, inet_diag_markcond{.mark = 0, .mask = 0});
  return dump(0, program);
}

void set_sequence(std::string& request, std::uint32_t sequence) {
  std::memcpy(request.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
}

bool is_listed_state(std::uint8_t state) { return state < 32 && (kStates >> state & 1U) != 0; }

Result<bool> read_answer(std::span<const char> datagram, std::uint32_t sequence,
                         std::vector<TcpSocket>& sockets) {
  while (!datagram.empty()) {
    const auto header = head<nlmsghdr>(datagram);
    if (!header) return header.error();
    if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > datagram.size()) {
      return malformed();
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
    // An answer has the type of its question.
    if (header->nlmsg_type != TCPDIAG_GETSOCK && header->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
      continue;
    }
    auto socket = socket_of(payload);
    if (!socket) return socket.error();
    sockets.push_back(*std::move(socket));
    // No others come after the answer to a question for one.
    if ((header->nlmsg_flags & NLM_F_MULTI) == 0) return true;
  }
  return false;
}

}  // namespace relinkd::kernel
