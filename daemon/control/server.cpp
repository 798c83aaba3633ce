// SPDX-License-Identifier: Apache-2.0
#include "control/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "control/conversation.hpp"
#include "control/message.hpp"
#include "control/views.hpp"
#include "loop/fd.hpp"
#include "loop/unix_listener.hpp"

namespace relinkd::control {

namespace {

/// Accepted in one turn of the loop, so that a storm of connects delays no probe.
constexpr int kAcceptsPerTurn = 16;
/// Calls are answered for so long in one turn; the rest wait for the next, in fair order.
constexpr Duration kAnswersPerTurn = 5ms;
/// When descriptors or memory are used up, accepting rests for so long.
constexpr Duration kAcceptRest = 1s;
/// Read from one connection in one turn.
constexpr std::size_t kReadAtOnce = std::size_t{16} * 1024;

}  // namespace

struct Server::State {
  /// One peer. It never destroys itself: it is marked dead, and work() removes it.
  struct Connection {
    enum class Phase : std::uint8_t { New, Idle, Partial, Replying, Streaming };

    Connection(State& owner, loop::Fd&& socket, const Peer& who)
        : fd(std::move(socket)),
          peer(who),
          conversation(owner.service, who),
          watch(owner.loop, fd.get(), EPOLLIN,
                [this, &owner](std::uint32_t events) {
                  if (!dead) owner.on_event(*this, events);
                }),
          deadline(owner.loop.deadlines(), [this, &owner] { owner.kill(*this); }) {}

    loop::Fd fd;
    Peer peer;
    Conversation conversation;
    std::deque<std::string> queue;  ///< messages; the first may have been sent in part
    std::size_t sent = 0;           ///< bytes of the first
    std::size_t queued = 0;         ///< bytes of all that are not sent
    Phase phase = Phase::New;
    bool input_ended = false;
    bool waits_for_turn = false;  ///< is in `ready`
    bool stale = false;           ///< its subscription may be another than what it was told
    bool dead = false;
    loop::FdWatch watch;
    loop::Deadline deadline;
  };

  State(loop::Loop& l, loop::UnixListener&& socket, Service& s, const Limits& bounds)
      : loop(l),
        service(s),
        limits(bounds),
        listener(std::move(socket)),
        accepting(loop, listener.fd(), EPOLLIN, [this](std::uint32_t) { accept_some(); }),
        accept_again(loop.deadlines(), [this] { accepting.want(EPOLLIN); }),
        working(loop.deadlines(), [this] { work(); }) {}

  loop::Loop& loop;
  Service& service;
  Limits limits;
  loop::UnixListener listener;
  std::vector<std::unique_ptr<Connection>> connections;
  /// A call waits for an answer there, or a subscriber for news, in the order of coming.
  std::deque<Connection*> ready;
  loop::FdWatch accepting;
  loop::Deadline accept_again;
  loop::Deadline working;

  void accept_some();
  void admit(loop::Fd fd);
  std::string refusal(const Peer& peer);
  void on_event(Connection& c, std::uint32_t events);
  void advance(Connection& c);
  void await_turn(Connection& c);
  void flush(Connection& c);
  void enqueue(Connection& c, std::string message);
  void drop(Connection& c);
  void enter(Connection& c, Connection::Phase phase);
  void kill(Connection& c);
  void work();
  void publish(const EventView& event);
  void subscriptions_changed();
};

void Server::State::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    loop::Fd fd(accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN) {
      // EMFILE and its like: the connection stays in the backlog and would wake the loop for ever.
      accepting.want(0);
      accept_again.set(loop.now().at + kAcceptRest);
    }
    return;
  }
}

void Server::State::admit(loop::Fd fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return;
  Peer peer{credentials.uid, credentials.gid, credentials.pid, {}};
  // As of the connection, from the kernel: no name service is asked. 64 Ki is its own limit.
  peer.groups.resize(256);
  size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
  int got = getsockopt(fd.get(), SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
  if (got != 0 && errno == ERANGE) {
    peer.groups.resize(size / sizeof(gid_t));
    got = getsockopt(fd.get(), SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
  }
  peer.groups.resize(got == 0 ? size / sizeof(gid_t) : 0);
  if (const std::string refused = refusal(peer); !refused.empty()) {
    const std::string message =
        encode_error("io.relinkd.TooManyConnections", {{"reason", refused}});
    // Best effort: a fresh socket takes it, or the peer just sees the end.
    (void)send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL);
    return;
  }
  connections.push_back(std::make_unique<Connection>(*this, std::move(fd), peer));
  advance(*connections.back());
}

std::string Server::State::refusal(const Peer& peer) {
  const auto own = static_cast<std::size_t>(
      std::count_if(connections.begin(), connections.end(),
                    [&](const auto& c) { return !c->dead && c->peer.uid == peer.uid; }));
  if (own >= limits.connections_per_uid) {
    return fmt::format("uid {} already has as many connections as one user may have, {}", peer.uid,
                       own);
  }
  if (connections.size() >= limits.connections && service.access(peer) < Access::Order) {
    return fmt::format("there are already as many connections as there may be, {}",
                       connections.size());
  }
  return {};
}

void Server::State::on_event(Connection& c, std::uint32_t events) {
  if (c.conversation.streaming() && (events & (EPOLLHUP | EPOLLERR)) != 0) return kill(c);
  if (c.conversation.wants_bytes() && !c.input_ended) {
    std::array<char, kReadAtOnce> bytes;
    const ssize_t n = recv(c.fd.get(), bytes.data(), bytes.size(), 0);
    if (n > 0) c.conversation.receive({bytes.data(), static_cast<std::size_t>(n)});
    if (n == 0) c.input_ended = true;
    if (n < 0 && errno != EAGAIN && errno != EINTR) return kill(c);
  }
  advance(c);
}

/// Does what the connection's state asks for next, and waits for what is missing.
void Server::State::advance(Connection& c) {
  flush(c);
  if (c.dead) return;
  auto& conversation = c.conversation;
  if (!c.queue.empty()) {
    // Calls wait until the peer has taken the reply: it bounds the queue by its own reading.
    c.watch.want(EPOLLOUT);
    return enter(
        c, conversation.streaming() ? Connection::Phase::Streaming : Connection::Phase::Replying);
  }
  if (conversation.streaming()) {
    c.watch.want(0);  // its leaving comes as EPOLLHUP
    if (c.stale) await_turn(c);
    return enter(c, Connection::Phase::Streaming);
  }
  if (conversation.ready()) {
    c.watch.want(0);
    return await_turn(c);
  }
  if (conversation.ended() || c.input_ended) return kill(c);
  c.watch.want(EPOLLIN);
  enter(c, conversation.partial() ? Connection::Phase::Partial : Connection::Phase::Idle);
}

void Server::State::await_turn(Connection& c) {
  if (std::exchange(c.waits_for_turn, true)) return;
  ready.push_back(&c);
  working.set(loop.now().at);
}

void Server::State::flush(Connection& c) {
  while (!c.queue.empty()) {
    const std::string& first = c.queue.front();
    const ssize_t n =
        send(c.fd.get(), first.data() + c.sent, first.size() - c.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) kill(c);
      return;
    }
    c.sent += static_cast<std::size_t>(n);
    c.queued -= static_cast<std::size_t>(n);
    if (c.sent < first.size()) return;
    c.queue.pop_front();
    c.sent = 0;
  }
}

void Server::State::enqueue(Connection& c, std::string message) {
  if (message.empty()) return;
  c.queued += message.size();
  c.queue.push_back(std::move(message));
}

/// A follower of events that does not read: what it has not begun to get is thrown away.
void Server::State::drop(Connection& c) {
  while (c.queue.size() > (c.sent > 0 ? 1U : 0U)) {
    c.queued -= c.queue.back().size();
    c.queue.pop_back();
  }
  c.conversation.end();
  enqueue(c, encode_error("io.relinkd.SubscriberTooSlow",
                          {{"reason", fmt::format("more than {} bytes of events were not read",
                                                  limits.queued)}}));
}

void Server::State::enter(Connection& c, Connection::Phase phase) {
  if (c.phase == phase) return;
  c.phase = phase;
  const MonoTime now = loop.now().at;
  switch (phase) {
    case Connection::Phase::New:
    case Connection::Phase::Streaming: return c.deadline.clear();
    case Connection::Phase::Idle: return c.deadline.set(now + limits.idle_time);
    case Connection::Phase::Partial: return c.deadline.set(now + limits.call_time);
    case Connection::Phase::Replying: return c.deadline.set(now + limits.reply_time);
  }
}

void Server::State::kill(Connection& c) {
  c.dead = true;
  c.watch.want(0);
  c.deadline.clear();
  working.set(loop.now().at);
}

void Server::State::work() {
  const MonoTime begin = loop::Loop::clock();
  while (!ready.empty() && loop::Loop::clock() - begin < kAnswersPerTurn) {
    Connection& c = *ready.front();
    ready.pop_front();
    c.waits_for_turn = false;
    if (c.dead) continue;
    if (std::exchange(c.stale, false)) {
      enqueue(c, c.conversation.subscription_news());
    } else {
      enqueue(c, c.conversation.answer(loop::Loop::wall()));
      c.phase = Connection::Phase::New;  // a call is done: its times begin anew
    }
    advance(c);
  }
  std::erase_if(ready, [](const Connection* c) { return c->dead; });
  std::erase_if(connections, [](const auto& c) { return c->dead; });
  if (!ready.empty()) working.set(loop.now().at);
}

void Server::State::publish(const EventView& event) {
  std::string message;
  for (const auto& c : connections) {
    if (c->dead || !c->conversation.streams_events()) continue;
    if (message.empty()) message = encode_reply(encode_events({event}), true);
    if (c->queued + message.size() > limits.queued) {
      drop(*c);
    } else {
      enqueue(*c, message);
    }
    advance(*c);
  }
}

void Server::State::subscriptions_changed() {
  for (const auto& c : connections) {
    if (c->dead || !c->conversation.streams_subscription()) continue;
    c->stale = true;
    advance(*c);
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(loop::Loop& loop, const std::string& path,
                                              Service& service, const Limits& limits) {
  auto listener = loop::UnixListener::open(path, {.mode = 0666, .section = "control"});
  if (!listener) return listener.error();
  return std::unique_ptr<Server>(
      new Server(std::make_unique<State>(loop, *std::move(listener), service, limits)));
}

void Server::publish(const EventView& event) { state_->publish(event); }
void Server::subscriptions_changed() { state_->subscriptions_changed(); }

}  // namespace relinkd::control
