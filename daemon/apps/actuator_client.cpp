// SPDX-License-Identifier: Apache-2.0
#include "apps/actuator_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/result.hpp"

namespace relinkd::apps {

namespace {

/// After the last answer; an actuator that is started by its socket waits longer before it ends.
constexpr Duration kLinger = 5s;

/// One message, and the first descriptor that came with it; others are closed.
ssize_t receive(int fd, std::span<char> buffer, loop::Fd& sent) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  // Not with the padding, in which a second descriptor would have room.
  message.msg_controllen = CMSG_LEN(sizeof(int));
  const ssize_t n = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) return n;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    int got = -1;
    std::memcpy(&got, CMSG_DATA(c), sizeof got);
    sent.reset(got);
  }
  return n;
}

}  // namespace

ActuatorClient::ActuatorClient(loop::Loop& loop)
    : loop_(loop), deadline_(loop.deadlines(), [this] { on_deadline(); }) {}

ActuatorClient::~ActuatorClient() = default;

void ActuatorClient::configure(const std::string& path) {
  if (path == path_) return;
  path_ = path;
  if (fd_) lose_all("the actuator's socket is another one now");
}

void ActuatorClient::order(orders::Order order, Duration patience, Then then) {
  order.id = next_id_++;
  waiting_.push_back({order.id, orders::encode(order), patience, std::move(then)});
  if (std::exchange(work_is_due_, true)) return;
  loop_.later([this] { work(); });
}

void ActuatorClient::work() {
  work_is_due_ = false;
  if (!fd_ && !connect()) return;
  send_waiting();
}

void ActuatorClient::hold(std::function<void()> lost) {
  held_ = std::move(lost);
  if (fd_) return set_deadline();
  // It was lost since the answer that is to be held came.
  loop_.later([this] { lose_all("relinkd-actuator went away"); });
}

void ActuatorClient::release() {
  if (!std::exchange(held_, nullptr) || !fd_) return;
  set_deadline();
}

void ActuatorClient::stop() {
  hang_up();
  awaited_.clear();
  waiting_.clear();
  held_ = nullptr;
}

bool ActuatorClient::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    lose_all(fmt::format("the path {} is too long for a socket", path_));
    return false;
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  fd_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int failed = fd_ ? 0 : errno;
  // A listener with a full backlog answers EAGAIN, which is as good as nobody.
  if (fd_ && ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    failed = errno;
  }
  if (failed != 0) {
    lose_all(
        system_error(failed, fmt::format("cannot reach relinkd-actuator at {}", path_)).message);
    return false;
  }
  watch_ = std::make_unique<loop::FdWatch>(loop_, fd_.get(), EPOLLIN,
                                           [this](std::uint32_t) { on_ready(); });
  return true;
}

void ActuatorClient::send_waiting() {
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    const ssize_t n =
        ::send(fd_.get(), next.message.data(), next.message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) {
      return lose_all(system_error(errno, "relinkd-actuator does not take orders").message);
    }
    awaited_.emplace(next.id, Awaited{loop_.now().at + next.patience, std::move(next.then)});
    waiting_.pop_front();
  }
  watch_->want(waiting_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  set_deadline();
}

void ActuatorClient::on_ready() {
  std::array<char, orders::kMaxMessage + 1> buffer;
  for (;;) {
    loop::Fd sent;
    const ssize_t n = receive(fd_.get(), buffer, sent);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      // With an order of its own time, an actuator that ended in order is simply asked again.
      return lose_all("relinkd-actuator went away");
    }
    const auto answer =
        orders::decode_answer(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    if (!answer) {
      return lose_all(
          fmt::format("relinkd-actuator's answer cannot be read: {}", answer.error().message));
    }
    auto awaited = awaited_.extract(answer->id);
    if (awaited.empty()) continue;
    awaited.mapped().then(Reply{*answer, std::move(sent)});
    if (!fd_) return;
  }
  send_waiting();
}

void ActuatorClient::lose_all(const std::string& why) {
  hang_up();
  std::vector<Then> lost;
  for (auto& [id, one] : awaited_) lost.push_back(std::move(one.then));
  for (Waiting& w : waiting_) lost.push_back(std::move(w.then));
  awaited_.clear();
  waiting_.clear();
  const auto held = std::exchange(held_, nullptr);
  for (const Then& then : lost) then(Error{why});
  if (held) held();
}

void ActuatorClient::hang_up() {
  deadline_.clear();
  if (watch_) {
    watch_->stop();
    loop_.retire(std::move(watch_));
  }
  fd_.reset();
}

void ActuatorClient::set_deadline() {
  MonoTime next = held_ ? kNever : loop_.now().at + kLinger;
  if (!awaited_.empty()) {
    next = std::min_element(awaited_.begin(), awaited_.end(), [](const auto& a, const auto& b) {
             return a.second.until < b.second.until;
           })->second.until;
  } else if (!waiting_.empty()) {
    next = loop_.now().at + waiting_.front().patience;
  }
  deadline_.set(next);
}

void ActuatorClient::on_deadline() {
  if (awaited_.empty() && waiting_.empty()) return hang_up();
  lose_all("relinkd-actuator did not answer in time");
}

}  // namespace relinkd::apps
