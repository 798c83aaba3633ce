// SPDX-License-Identifier: Apache-2.0
#include "dns_server.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace relinkd::testing {

namespace {

// RFC 1035, section 4.1.1.
constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kResponse = 0x8180;  // an answer; recursion wanted and available
constexpr std::uint16_t kTruncated = 0x0200;
constexpr std::uint16_t kServFail = 2;
constexpr std::uint16_t kNoSuchName = 3;
constexpr std::uint16_t kRefused = 5;

void put16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8U & 0xffU);
  out += static_cast<char>(value & 0xffU);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16U);
  put16(out, value & 0xffffU);
}

std::string wire_name(const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    out += static_cast<char>(dot - at);
    out += name.substr(at, dot - at);
    at = dot + 1;
  }
  return out + '\0';
}

std::uint16_t get16(std::string_view in, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(in[at]) << 8U |
                                    static_cast<unsigned char>(in[at + 1]));
}

/// The header and question of `query` as the start of a reply; counts follow.
std::string reply_head(std::string_view query, std::uint16_t flags, std::size_t answers) {
  std::string out(query.substr(0, 2));
  put16(out, flags);
  put16(out, 1);
  put16(out, answers);
  put32(out, 0);
  const std::size_t question_end = query.find('\0', kHeader) + 5;
  out += query.substr(kHeader, question_end - kHeader);
  return out;
}

loop::Fd listening(int type, const std::string& ip) {
  loop::Fd fd(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int room = 1 << 22;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(53);
  inet_pton(AF_INET, ip.c_str(), &at.sin_addr);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      (type == SOCK_STREAM && listen(fd.get(), 16) != 0)) {
    throw std::system_error(errno, std::generic_category(), "DNS server on " + ip);
  }
  return fd;
}

}  // namespace

struct DnsServer::Connection {
  loop::Fd fd;
  std::string in;
  std::string out;
  std::unique_ptr<loop::FdWatch> watch;
};

DnsServer::DnsServer(loop::Loop& loop, const std::string& ip)
    : loop_(loop), udp_(listening(SOCK_DGRAM, ip)), tcp_(listening(SOCK_STREAM, ip)) {
  udp_watch_ = std::make_unique<loop::FdWatch>(loop_, udp_.get(), EPOLLIN,
                                               [this](std::uint32_t) { serve_udp(); });
  tcp_watch_ = std::make_unique<loop::FdWatch>(loop_, tcp_.get(), EPOLLIN,
                                               [this](std::uint32_t) { accept_tcp(); });
}

DnsServer::~DnsServer() = default;

void DnsServer::add(const std::string& name, Type type, std::uint32_t ttl,
                    const std::string& value) {
  Record record{type, ttl, {}, {}};
  if (type == Type::Cname) {
    record.data = wire_name(value);
    record.target = value;
  } else {
    record.data.resize(type == Type::A ? 4 : 16);
    inet_pton(type == Type::A ? AF_INET : AF_INET6, value.c_str(), record.data.data());
  }
  zone_[name].push_back(std::move(record));
}

std::string DnsServer::answer(std::string_view query, const std::string& name, Type type) const {
  const std::string question_name = wire_name(name);
  std::string records;
  std::size_t count = 0;
  std::string owner = name;
  bool found = zone_.count(owner) != 0;
  for (bool more = found; more;) {
    more = false;
    for (const Record& record : zone_.at(owner)) {
      if (record.type != type && record.type != Type::Cname) continue;
      if (owner == name) {
        put16(records, 0xc000U | kHeader);  // "the name of the question"
      } else {
        records += wire_name(owner);
      }
      put16(records, static_cast<std::uint16_t>(record.type));
      put16(records, 1);
      put32(records, record.ttl);
      put16(records, record.data.size());
      records += record.data;
      ++count;
      if (record.type == Type::Cname) {
        owner = record.target;
        more = found = zone_.count(owner) != 0;
        break;
      }
    }
  }
  const auto flags = static_cast<std::uint16_t>(found ? kResponse : kResponse | kNoSuchName);
  return reply_head(query, flags, count) + records;
}

std::vector<std::string> DnsServer::replies(std::string_view query, bool tcp) {
  std::string name;
  std::size_t at = kHeader;
  while (at < query.size() && query[at] != '\0') {
    const auto length = static_cast<unsigned char>(query[at]);
    if (!name.empty()) name += '.';
    name += query.substr(at + 1, length);
    at += 1U + length;
  }
  if (at + 5 > query.size()) return {};
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto type = static_cast<Type>(get16(query, at + 1));
  const bool again = std::any_of(asked_.begin(), asked_.end(), [&](const Asked& before) {
    return before.name == name && before.type == type;
  });
  asked_.push_back({name, type, tcp});

  const auto manner = manners_.find(name);
  switch (manner == manners_.end() ? Manner::Answer : manner->second) {
    case Manner::Silent: return {};
    case Manner::ServFail: return {reply_head(query, kResponse | kServFail, 0)};
    case Manner::Refused: return {reply_head(query, kResponse | kRefused, 0)};
    case Manner::Truncated:
      if (!tcp) return {reply_head(query, kResponse | kTruncated, 0)};
      break;
    case Manner::Garbage: {
      if (again) break;
      std::string other_id = answer(query, name, type);
      other_id[0] = static_cast<char>(other_id[0] ^ 0x55);
      std::string other_question = reply_head(query, kResponse, 0);
      other_question[kHeader + 1] = '?';
      std::string cut = answer(query, name, type);
      cut.resize(kHeader + 3);
      std::string looping = reply_head(query, kResponse, 1);
      looping[2] = '\0';  // not marked as an answer
      return {"x", std::string(600, '\xff'), other_id, other_question,
              cut, answer(query, name, type)};
    }
    case Manner::Answer: break;
  }
  return {answer(query, name, type)};
}

void DnsServer::serve_udp() {
  for (;;) {
    std::array<char, 4096> buffer;
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t n = recvfrom(udp_.get(), buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &length);
    if (n < 0) return;
    const std::string_view query(buffer.data(), static_cast<std::size_t>(n));
    if (query.size() < kHeader) continue;
    for (const std::string& reply : replies(query, false)) {
      sendto(udp_.get(), reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from),
             length);
    }
  }
}

void DnsServer::accept_tcp() {
  const int fd = accept4(tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  auto connection = std::make_unique<Connection>();
  connection->fd.reset(fd);
  connection->watch = std::make_unique<loop::FdWatch>(loop_, fd, EPOLLIN,
                                                      [this, fd](std::uint32_t) { serve_tcp(fd); });
  connections_[fd] = std::move(connection);
}

void DnsServer::serve_tcp(int fd) {
  Connection& c = *connections_.at(fd);
  std::array<char, 4096> buffer;
  const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) {
    c.watch->want(0);
    loop_.later([this, fd] { connections_.erase(fd); });
    return;
  }
  if (n > 0) c.in.append(buffer.data(), static_cast<std::size_t>(n));
  while (c.in.size() >= 2 && c.in.size() >= 2U + get16(c.in, 0)) {
    const std::size_t length = get16(c.in, 0);
    for (const std::string& reply : replies(std::string_view(c.in).substr(2, length), true)) {
      put16(c.out, reply.size());
      c.out += reply;
    }
    c.in.erase(0, length + 2);
  }
  const ssize_t sent = send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (sent > 0) c.out.erase(0, static_cast<std::size_t>(sent));
  c.watch->want(c.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

}  // namespace relinkd::testing
