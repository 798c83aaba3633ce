// SPDX-License-Identifier: Apache-2.0
#include "watch/connection.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <sys/epoll.h>

#include "base/secret.hpp"
#include "net/socket.hpp"

namespace relinkd::watch {

namespace {

/// Bytes taken from one connection before others get their turn.
constexpr std::size_t kReadAtOnce = std::size_t{16} * 1024;
constexpr int kReadsAtOnce = 4;

/// A message of a channel: Sentinels and managed services publish a line or two.
constexpr resp::Budget kPushBudget{std::size_t{64} * 1024, 16};

resp::Budget budget_of(Ask ask) {
  switch (ask) {
    case Ask::Push: return kPushBudget;
    case Ask::Auth:
    case Ask::SetName:
    case Ask::ConfigTimeout:
    case Ask::Ping: return resp::kPingBudget;
    // What a server says of itself or of others.
    default: return resp::kInfoBudget;
  }
}

}  // namespace

Connection::Connection(loop::Loop& loop, net::Stream stream, Address address, Listener& listener)
    : loop_(loop),
      stream_(std::move(stream)),
      address_(std::move(address)),
      listener_(&listener),
      established_(loop.now().at),
      last_byte_(established_),
      watch_(std::make_unique<loop::FdWatch>(loop, stream_.fd(), EPOLLIN | EPOLLRDHUP,
                                             [this](std::uint32_t) { on_ready(); })) {}

Connection::~Connection() { wipe(output_); }

void Connection::send(std::string commands) {
  output_ += commands;
  wipe(commands);
  write_queued();
}

core::TcpSample Connection::sample() const {
  return address_.is_unix() ? core::TcpSample{} : net::sample_tcp(stream_.fd());
}

void Connection::write_queued() {
  write_wants_read_ = false;
  while (!output_.empty()) {
    const net::IoResult r = stream_.write(output_);
    if (r.status == net::IoStatus::Done) {
      explicit_bzero(output_.data(), r.bytes);
      output_.erase(0, r.bytes);
      continue;
    }
    // A failure shows when reading, too, where it is told apart and reported.
    write_wants_read_ = r.status == net::IoStatus::WantRead;
    break;
  }
  update_events();
}

void Connection::update_events() {
  const bool write = (!output_.empty() && !write_wants_read_) || read_wants_write_;
  watch_->want(EPOLLIN | EPOLLRDHUP | (write ? EPOLLOUT : 0U));
}

void Connection::on_ready() {
  if (listener_ == nullptr) return;
  if (!output_.empty()) write_queued();
  read_available();
}

void Connection::pump() {
  if (listener_ != nullptr) read_available();
}

void Connection::read_available() {
  std::array<char, kReadAtOnce> buffer;  // NOLINT: filled by read()
  for (int i = 0; i < kReadsAtOnce && listener_ != nullptr; ++i) {
    const net::IoResult r = stream_.read(buffer);
    read_wants_write_ = r.status == net::IoStatus::WantWrite;
    switch (r.status) {
      case net::IoStatus::Done:
        last_byte_ = loop_.now().at;
        reader_.feed(std::string_view(buffer.data(), r.bytes));
        take_replies();
        // A short read emptied a plain socket. TLS hands out a record at a time.
        if (r.bytes < buffer.size() && stream_.tls() == nullptr) return;
        continue;
      case net::IoStatus::WantRead:
      case net::IoStatus::WantWrite: update_events(); return;
      case net::IoStatus::Closed: return end({core::Ending::How::Fin, "closed by the peer"});
      case net::IoStatus::Failed:
        if (r.error != 0) return end(net::ending_of(r.error));
        return end({core::Ending::How::Tls,
                    stream_.tls() != nullptr ? stream_.tls()->failure() : "TLS failed"});
    }
  }
}

void Connection::take_replies() {
  while (listener_ != nullptr) {
    const Ask unasked = pushes_ ? Ask::Push : Ask::Ping;
    reader_.set_budget(budget_of(expected_.empty() ? unasked : expected_.front()));
    auto reply = reader_.next();
    if (!reply) {
      if (reader_.saw_tls()) {
        return end({core::Ending::How::NotTls, "the port speaks TLS: use rediss://"});
      }
      return end({core::Ending::How::Protocol, reply.error().message});
    }
    if (!reply->has_value()) return;
    if (expected_.empty()) {
      // A server may say why it is about to close (max number of clients) to whom has not asked.
      if (!pushes_ && !(*reply)->is_error()) {
        return end({core::Ending::How::Protocol, "a reply that nobody asked for"});
      }
      listener_->on_reply(*this, unasked, std::move(**reply));
      continue;
    }
    const Ask ask = expected_.front();
    expected_.pop_front();
    listener_->on_reply(*this, ask, std::move(**reply));
  }
}

void Connection::close(bool abort) {
  listener_ = nullptr;
  watch_->stop();
  stream_.close(abort);
}

void Connection::end(core::Ending ending) {
  Listener* l = std::exchange(listener_, nullptr);
  if (l == nullptr) return;
  close(ending.how == core::Ending::How::Protocol);
  l->on_ended(*this, std::move(ending));
}

}  // namespace relinkd::watch
