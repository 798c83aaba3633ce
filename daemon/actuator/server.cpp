// SPDX-License-Identifier: Apache-2.0
#include "actuator/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "orders/order.hpp"

namespace relinkd::actuator {

namespace {

using Result = orders::Answer::Result;

/// Accepted in one turn of the loop.
constexpr int kAcceptsPerTurn = 16;
/// When descriptors or memory are used up, accepting rests for so long.
constexpr Duration kAcceptRest = 1s;

/// Sends one message, with a descriptor if `with` is one.
bool send_message(int to, std::string_view text, int with) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof with)> control{};
  if (with >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof with);
    std::memcpy(CMSG_DATA(header), &with, sizeof with);
  }
  return sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

}  // namespace

struct Server::Connection {
  Connection(loop::Fd&& socket, uid_t who) : fd(std::move(socket)), uid(who) {}
  loop::Fd fd;
  uid_t uid;
  std::unique_ptr<loop::FdWatch> watch;  ///< nothing: it is closed
  bool holds_trace = false;
};

Server::Server(loop::Loop& loop, journal::Journal& journal, Configuration& configuration,
               Executor& executor, int listener, std::function<void()> on_idle)
    : loop_(loop),
      journal_(journal),
      configuration_(configuration),
      executor_(executor),
      listener_(listener),
      on_idle_(std::move(on_idle)),
      accepting_(loop, listener, EPOLLIN, [this](std::uint32_t) { accept_some(); }),
      accept_again_(loop.deadlines(), [this] { accepting_.want(EPOLLIN); }),
      idle_(loop.deadlines(), [this] { on_idle_deadline(); }) {
  idle_.set(loop_.now().at + kIdleTime);
}

Server::~Server() = default;

void Server::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    loop::Fd fd(accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN) {
      // EMFILE and its like: the connection stays in the backlog and would wake the loop for ever.
      accepting_.want(0);
      accept_again_.set(loop_.now().at + kAcceptRest);
    }
    return;
  }
}

void Server::admit(loop::Fd fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  executor_.refresh();
  const auto& gate = configuration_.gate();
  if (!gate) return turn_away(fd, Result::Refused, gate.error().message);
  if (const auto obeys = gate->obeys(peer.uid); !obeys) {
    complain(
        fmt::format("a connection of process {} was closed: {}", peer.pid, obeys.error().message));
    return turn_away(fd, Result::Refused, obeys.error().message);
  }
  if (connections_.size() >= kMostConnections) {
    const auto why = fmt::format("there are already {} connections, as many as there may be",
                                 connections_.size());
    complain(fmt::format("a connection of process {} was closed: {}", peer.pid, why));
    return turn_away(fd, Result::RateLimited, why);
  }
  auto& c = connections_.emplace_back(std::make_shared<Connection>(std::move(fd), peer.uid));
  c->watch = std::make_unique<loop::FdWatch>(
      loop_, c->fd.get(), EPOLLIN,
      [this, weak = std::weak_ptr(c)](std::uint32_t) { on_ready(weak.lock()); });
}

/// One message a turn, so that one peer does not keep others waiting.
void Server::on_ready(const std::shared_ptr<Connection>& c) {
  std::array<char, orders::kMaxMessage> buffer;
  // MSG_TRUNC has it tell the true length. Descriptors that came along are closed by the kernel.
  const ssize_t n = recv(c->fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close(*c);
  const auto size = static_cast<std::size_t>(n);
  const auto order =
      size <= buffer.size()
          ? orders::decode_order({buffer.data(), size})
          : ::relinkd::Result<orders::Order>(Error{fmt::format(
                "the message has {} bytes; at most {} are possible", size, buffer.size())});
  if (!order) {
    complain(fmt::format("a message of uid {} was refused, and its connection closed: {}", c->uid,
                         order.error().message));
    answer(*c, 0, {Result::Refused, order.error().message});
    return close(*c);
  }
  executor_.carry_out(*order, c->uid,
                      [this, weak = std::weak_ptr(c), id = order->id](Outcome outcome) {
                        const auto to = weak.lock();
                        if (to) answer(*to, id, std::move(outcome));
                      });
}

void Server::answer(Connection& c, std::uint64_t id, Outcome outcome) {
  if (!c.watch) return;
  if (outcome.fd >= 0) hold_trace(c);
  const std::string message = orders::encode(
      orders::Answer{id, outcome.result, std::move(outcome.detail), std::move(outcome.tuned)});
  // A peer that does not read its answers is none.
  if (!send_message(c.fd.get(), message, outcome.fd)) close(c);
}

/// One at a time listens to the kernel: two would each hear half. Whoever came last stays.
void Server::hold_trace(Connection& c) {
  c.holds_trace = true;
  for (const auto& other : std::vector(connections_)) {
    if (other.get() != &c && other->holds_trace) close(*other);
  }
}

void Server::close(Connection& c) {
  if (!c.watch) return;
  c.watch->stop();
  loop_.retire(std::move(c.watch));
  c.fd.reset();
  const bool held_trace = c.holds_trace;
  std::erase_if(connections_, [&c](const auto& other) { return other.get() == &c; });
  const auto holds = [](const auto& other) { return other->holds_trace; };
  if (held_trace && std::none_of(connections_.begin(), connections_.end(), holds)) {
    executor_.end_trace();
  }
  if (connections_.empty()) idle_.set(loop_.now().at + kIdleTime);
}

void Server::turn_away(const loop::Fd& fd, Result result, const std::string& why) {
  const std::string message = orders::encode(orders::Answer{0, result, why, {}});
  (void)send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Server::complain(const std::string& message) {
  journal::Entry entry;
  entry.event = journal::Event::Degraded;
  entry.priority = journal::Priority::Warning;
  entry.message = message;
  entry.result = orders::kResultNames[Result::Refused];
  journal_.write(entry, loop_.now().at, loop::Loop::wall());
}

void Server::on_idle_deadline() {
  if (!connections_.empty()) return;
  if (executor_.under_way() > 0) return idle_.set(loop_.now().at + kIdleTime);
  on_idle_();
}

}  // namespace relinkd::actuator
