// SPDX-License-Identifier: Apache-2.0
#include "net/dial.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>

#include "net/socket.hpp"

namespace relinkd::net {

namespace {

/// RFC 8305's Connection Attempt Delay.
constexpr Duration kStagger = 250ms;

/// How much a failure tells, for choosing among those of several addresses.
int weight(core::ConnectResult r) {
  switch (r) {
    case core::ConnectResult::LocalFault: return 0;
    case core::ConnectResult::Timeout: return 1;
    case core::ConnectResult::Unreachable: return 2;
    default: return 3;
  }
}

}  // namespace

struct Dial::Attempt {
  Address address;
  loop::Fd fd;
  std::unique_ptr<TlsSession> tls;
  std::unique_ptr<loop::FdWatch> watch;
  MonoTime started{};
  Duration rtt{};
  bool over = false;
};

Dial::Dial(loop::Loop& loop, DialTarget target, Listener& listener)
    : loop_(loop),
      target_(std::move(target)),
      listener_(&listener),
      started_(loop.now().at),
      next_start_(started_),
      deadline_(loop.deadlines(), [this] { step(); }) {
  // From the queue, not from here: the owner must hold the Dial before it hears of it. In a turn
  // that already serves deadlines this is the next one, which comes at once.
  deadline_.set(started_);
}

Dial::~Dial() = default;

void Dial::cancel() {
  listener_ = nullptr;
  deadline_.clear();
}

void Dial::start_next() {
  auto attempt = std::make_unique<Attempt>();
  attempt->address = target_.addresses[next_address_++];
  attempt->started = loop::Loop::clock();
  next_start_ = loop_.now().at + kStagger;

  auto fd = open_stream_socket(attempt->address);
  if (!fd) {
    core::DialFailure f = dial_failure_of(fd.error().code, true);
    f.detail = fd.error().message;
    remember(std::move(f));
    next_start_ = loop_.now().at;
    return;
  }
  attempt->fd = std::move(*fd);
  apply_tcp_options(attempt->fd.get(), attempt->address, target_.keepalive);
  const SocketAddress sa = to_socket_address(attempt->address);
  if (::connect(attempt->fd.get(), sa.get(), sa.length) != 0 && errno != EINPROGRESS) {
    remember(dial_failure_of(errno, true));
    next_start_ = loop_.now().at;
    return;
  }
  Attempt* a = attempt.get();
  a->watch =
      std::make_unique<loop::FdWatch>(loop_, a->fd.get(), EPOLLOUT, [this, a](std::uint32_t) {
        if (listener_ == nullptr || a->over) return;
        if (winner_ == a) {
          continue_handshake();
        } else if (winner_ == nullptr) {
          check_connect(*a);
        }
      });
  attempts_.push_back(std::move(attempt));
}

void Dial::check_connect(Attempt& attempt) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  // Whatever follows happens in step(), in this same turn: a watch must not end in its own handler.
  deadline_.set(loop_.now().at);
  if (error != 0) {
    attempt.over = true;
    attempt.watch->want(0);
    remember(dial_failure_of(error, false));
    next_start_ = loop_.now().at;
    return;
  }
  attempt.rtt = loop::Loop::clock() - attempt.started;
  winner_ = &attempt;
  attempt.watch->want(0);
}

void Dial::continue_handshake() {
  const IoResult r = winner_->tls->handshake();
  switch (r.status) {
    case IoStatus::WantRead: winner_->watch->want(EPOLLIN); return;
    case IoStatus::WantWrite: winner_->watch->want(EPOLLOUT); return;
    case IoStatus::Done: break;
    case IoStatus::Closed:
    case IoStatus::Failed: {
      core::DialFailure f;
      f.result = core::ConnectResult::Tls;
      f.tcp_established = true;
      f.detail = r.status == IoStatus::Closed
                     ? std::string("the server closed the connection during the TLS handshake")
                 : r.error != 0 ? system_error(r.error, "during the TLS handshake").message
                                : winner_->tls->failure();
      failure_ = std::move(f);
      winner_->over = true;
      break;
    }
  }
  secured_ = r.status == IoStatus::Done;
  winner_->watch->want(0);
  deadline_.set(loop_.now().at);
}

void Dial::check_plain() {
  auto fd = open_stream_socket(winner_->address);
  if (!fd) return;
  const SocketAddress sa = to_socket_address(winner_->address);
  if (::connect(fd->get(), sa.get(), sa.length) != 0 && errno != EINPROGRESS) return;
  plain_ = std::move(*fd);
  plain_watch_ = std::make_unique<loop::FdWatch>(
      loop_, plain_.get(), EPOLLOUT, [this](std::uint32_t events) { on_plain_ready(events); });
}

void Dial::on_plain_ready(std::uint32_t events) {
  if (listener_ == nullptr || secured_) return;
  char first = 0;
  if ((events & EPOLLIN) == 0) {
    static constexpr std::string_view kPing = "PING\r\n";
    const bool sent = ::send(plain_.get(), kPing.data(), kPing.size(), MSG_NOSIGNAL) > 0;
    return sent ? plain_watch_->want(EPOLLIN) : plain_watch_->stop();
  }
  plain_watch_->stop();
  // "+PONG", or an error: Redis either way.
  if (::recv(plain_.get(), &first, 1, 0) != 1 || (first != '+' && first != '-')) return;
  core::DialFailure f;
  f.result = core::ConnectResult::Tls;
  f.tcp_established = true;
  f.detail = "the port speaks Redis without TLS: use redis://";
  failure_ = std::move(f);
  winner_->over = true;
  deadline_.set(loop_.now().at);
}

void Dial::remember(core::DialFailure failure) {
  if (!failure_ || weight(failure.result) > weight(failure_->result)) failure_ = std::move(failure);
}

void Dial::finish(core::DialFailure failure) {
  if (Listener* l = std::exchange(listener_, nullptr)) l->on_dial_failed(std::move(failure));
}

void Dial::step() {
  if (listener_ == nullptr) return;
  const Now now = loop_.now();
  if (winner_ != nullptr) {
    if (winner_->over) return finish(std::move(*failure_));
    std::erase_if(attempts_, [this](const auto& a) { return a.get() != winner_; });
    if (target_.tls && !winner_->tls) {
      auto session = TlsSession::make(*target_.tls, winner_->fd.get(), target_.server_name);
      if (!session) {
        core::DialFailure f;
        f.result = core::ConnectResult::Tls;
        f.detail = session.error().message;
        return finish(std::move(f));
      }
      winner_->tls = std::move(*session);
      deadline_.set(now.at + (started_ + target_.connect_timeout - now.at) / 2);
      return continue_handshake();
    }
    if (target_.tls && !secured_) {
      if (now.at < started_ + target_.connect_timeout) {
        deadline_.set(started_ + target_.connect_timeout);
        if (!plain_) check_plain();
        return;
      }
      core::DialFailure f;
      f.tcp_established = true;
      f.detail =
          fmt::format("the TLS handshake is unanswered for {}", to_text(now.at - winner_->started));
      return finish(std::move(f));
    }
    winner_->watch.reset();
    Success s{Stream(std::move(winner_->fd), std::move(winner_->tls)), winner_->address,
              winner_->rtt, std::move(failure_)};
    Listener* l = std::exchange(listener_, nullptr);
    return l->on_dialed(std::move(s));
  }

  std::erase_if(attempts_, [](const auto& a) { return a->over; });
  while (next_address_ < target_.addresses.size() && (attempts_.empty() || now.at >= next_start_)) {
    start_next();
  }
  if (attempts_.empty()) return finish(std::move(*failure_));
  if (now.at - started_ >= target_.connect_timeout) {
    core::DialFailure f;
    f.detail = fmt::format("the SYN is unanswered for {}", to_text(now.at - started_));
    remember(std::move(f));
    return finish(std::move(*failure_));
  }
  if (!told_unanswered_ && std::all_of(attempts_.begin(), attempts_.end(), [](const auto& a) {
        return syn_retransmissions(a->fd.get()) >= 2;
      })) {
    told_unanswered_ = true;
    listener_->on_dial_unanswered(attempts_.front()->address);
    if (listener_ == nullptr) return;
  }
  deadline_.set(std::min(now.at + kStagger, started_ + target_.connect_timeout));
}

}  // namespace relinkd::net
