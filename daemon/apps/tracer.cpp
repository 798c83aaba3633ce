// SPDX-License-Identifier: Apache-2.0
#include "apps/tracer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"

namespace relinkd::apps {

namespace {

/// The actuator may have to be started, and to load the programs.
constexpr Duration kPatience = 30s;
/// Between attempts: where the actuator was not reached or went away, and where the kernel, or its
/// rights, do not allow it. Those change with an upgrade.
constexpr Duration kAskAgain = 10s;
constexpr Duration kRarely = 10min;
/// Whose an event is, the second look after it knows at the latest.
constexpr Duration kUnclaimed = 5s;

Address address_of(std::uint16_t family, const std::uint8_t (&bytes)[16], std::uint16_t port) {
  if (family == AF_INET) return Address::ipv4({bytes[0], bytes[1], bytes[2], bytes[3]}, port);
  std::array<std::uint8_t, 16> all{};
  std::copy(std::begin(bytes), std::end(bytes), all.begin());
  return Address::ipv6(all, port);
}

std::optional<core::SocketEvent::Kind> kind_of(const relinkd_record& r) {
  using Kind = core::SocketEvent::Kind;
  switch (r.kind) {
    case RELINKD_CONNECTED: return Kind::Connected;
    case RELINKD_CONNECT_FAILED: return Kind::ConnectFailed;
    case RELINKD_ENDED: return Kind::Ended;
    case RELINKD_RETRANSMITTED: return Kind::Retransmitted;
    default: return std::nullopt;
  }
}

core::SocketEvent event_of(const relinkd_record& r, core::SocketEvent::Kind kind) {
  core::SocketEvent e;
  e.kind = kind;
  e.at = MonoTime{std::chrono::nanoseconds(r.at)};
  e.cookie = r.cookie;
  e.local = address_of(r.family, r.local, r.local_port);
  e.remote = address_of(r.family, r.remote, r.remote_port);
  e.cgroup = r.cgroup;
  e.uid = r.uid;
  e.state = r.state;
  e.error = static_cast<int>(r.error);
  e.soft_error = static_cast<int>(r.soft_error);
  e.task.pid = static_cast<pid_t>(r.pid);
  e.task.name = printable({r.comm, strnlen(r.comm, sizeof r.comm)});
  e.task.exiting = r.exiting != 0;
  const int status = static_cast<int>(r.exit_code);
  e.task.signal = e.task.exiting && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  e.since_sent = std::chrono::nanoseconds(r.since_sent);
  e.since_received = std::chrono::nanoseconds(r.since_received);
  e.since_ack = std::chrono::nanoseconds(r.since_ack);
  e.bytes_acked = r.bytes_acked;
  e.bytes_received = r.bytes_received;
  e.unacked_bytes = r.unacked_bytes;
  e.unsent_bytes = r.unsent_bytes;
  e.unread_bytes = r.unread_bytes;
  e.retransmits = r.retransmits;
  e.total_retrans = r.total_retrans;
  e.probes_out = r.probes_out;
  e.rtt = std::chrono::microseconds(r.rtt_us);
  e.user_timeout = std::chrono::milliseconds(r.user_timeout_ms);
  e.keepalive = r.keepalive != 0;
  return e;
}

}  // namespace

Tracer::Tracer(loop::Loop& loop, ActuatorClient& actuator, Census& census, Owner& owner)
    : loop_(loop),
      actuator_(actuator),
      census_(census),
      owner_(owner),
      again_(loop.deadlines(), [this] { ask(); }) {}

void Tracer::configure(const config::Settings& settings) {
  wanted_ = std::any_of(settings.apps.begin(), settings.apps.end(), [](const config::App& app) {
    return app.trigger == config::App::Trigger::Sockets;
  });
  again_.clear();
  if (!wanted_) return stop();
  open_.forget();
  // Again, too: what is watched may be other ports now.
  ask();
}

void Tracer::stop() {
  wanted_ = false;
  again_.clear();
  told_.reset();
  drop_ring();
  // The programs would go on writing into a ring that nobody reads.
  actuator_.release();
  begun_.clear();
  unclaimed_.clear();
}

void Tracer::drop_ring() {
  if (watch_) {
    watch_->stop();
    loop_.retire(std::move(watch_));
  }
  ring_.reset();
  lost_.reset();
  open_.forget();
}

void Tracer::ask() {
  if (std::exchange(asking_, true)) return;
  orders::Order order;
  order.kind = orders::Order::Kind::Trace;
  actuator_.order(std::move(order), kPatience, [this](auto reply) { on_answer(std::move(reply)); });
}

void Tracer::on_answer(Result<ActuatorClient::Reply> reply) {
  asking_ = false;
  if (!wanted_) return;
  if (!reply) return lose(reply.error().message, kAskAgain);
  const orders::Answer& answer = reply->answer;
  if (answer.result != orders::Answer::Result::Done) return lose(answer.detail, kRarely);
  // An answer to a question that was only about other ports brings the same ring once more.
  auto ring = trace::Ring::map(std::move(reply->fd));
  if (!ring) return lose(ring.error().message, kRarely);
  if (watch_) {
    watch_->stop();
    loop_.retire(std::move(watch_));
  }
  ring_ = *std::move(ring);
  watch_ = std::make_unique<loop::FdWatch>(loop_, ring_->fd(), EPOLLIN,
                                           [this](std::uint32_t) { read_some(); });
  actuator_.hold([this] { lose("relinkd-actuator went away", 1s); });
  tell(true, answer.detail);
}

void Tracer::lose(const std::string& why, Duration again) {
  drop_ring();
  again_.set(loop_.now().at + again);
  tell(false, why);
}

void Tracer::tell(bool active, const std::string& detail) {
  if (told_ == active && told_detail_ == detail) return;
  told_ = active;
  told_detail_ = detail;
  owner_.on_tracing(active, detail);
}

void Tracer::read_some() {
  (void)ring_->drain(kMostRecords, [this](const relinkd_record& r) { take(r); });
}

void Tracer::take(const relinkd_record& r) {
  // The programs count for as long as they are loaded: what they counted before this listened, it
  // did not lose.
  const std::uint64_t before = lost_.value_or(r.lost);
  lost_ = r.lost;
  if (r.lost > before) {
    open_.on_lost();
    owner_.on_trace_lost(r.lost - before);
  }
  const MonoTime at{std::chrono::nanoseconds(r.at)};
  if (r.kind == RELINKD_CONNECTING) {
    // connect(2) runs in the process that calls it.
    if (static_cast<pid_t>(r.pid) != getpid()) begun_[r.cookie] = at;
    return;
  }
  const auto kind = kind_of(r);
  if (!kind) return;
  const auto begun = begun_.find(r.cookie);
  // Others are this process's own.
  if (begun == begun_.end() && known(r.cookie) == nullptr) return;
  core::SocketEvent event = event_of(r, *kind);
  if (begun != begun_.end()) {
    // What never came is as old as the host to the kernel.
    const Duration age = at - begun->second;
    event.age = age;
    for (Duration* since : {&event.since_sent, &event.since_received, &event.since_ack}) {
      *since = std::min(*since, age);
    }
  }
  using Kind = core::SocketEvent::Kind;
  if (!deliver(event) && unclaimed_.size() < kMostUnclaimed) unclaimed_.push_back(event);
  if (*kind != Kind::Ended && *kind != Kind::ConnectFailed) return;
  begun_.erase(r.cookie);
  open_.on_ended(r.cookie);
}

const core::RelinkTarget* Tracer::known(std::uint64_t cookie) const {
  if (const FollowedSocket* one = census_.find(cookie)) return &one->target;
  return open_.find(cookie);
}

bool Tracer::deliver(const core::SocketEvent& event) {
  if (const core::RelinkTarget* of = known(event.cookie)) {
    const core::RelinkTarget target = *of;
    if (event.kind == core::SocketEvent::Kind::Retransmitted) {
      census_.look_at(event.cookie, event.bytes_acked, event.total_retrans);
    }
    owner_.on_socket_event(target, event);
    return true;
  }
  const Census::Claim claim = census_.claim(event.cgroup, event.uid, event.remote);
  if (!claim.sure) return false;
  if (!claim.target) return true;
  // One that was just opened can wait for the next look: where connections live for no longer than
  // a command, that would be a look for each of them.
  if (event.kind == core::SocketEvent::Kind::Retransmitted) census_.look_soon();
  owner_.on_socket_event(*claim.target, event);
  return true;
}

void Tracer::on_looked(bool full) {
  const MonoTime now = loop_.now().at;
  std::deque<core::SocketEvent> waiting = std::exchange(unclaimed_, {});
  for (core::SocketEvent& event : waiting) {
    if (!deliver(event) && now - event.at < kUnclaimed) unclaimed_.push_back(std::move(event));
  }
  if (full) compare();
  // Connections whose end found no room are not remembered for ever.
  if (begun_.size() > 1000 + 2 * census_.sockets().size()) {
    std::erase_if(begun_, [&](const auto& one) {
      return now - one.second > kUnclaimed && census_.find(one.first) == nullptr;
    });
  }
}

void Tracer::compare() {
  if (!ring_) return;
  // What happened before the look is in the ring: it is told before a socket is taken off the list.
  // What happened after it is there, too.
  std::unordered_set<std::uint64_t> ended;
  const auto note = [&](const relinkd_record& r) {
    take(r);
    if (r.kind == RELINKD_ENDED) ended.insert(r.cookie);
  };
  while (ring_->drain(kMostRecords, note) == kMostRecords) {
  }
  core::OpenConnections::ByCookie open;
  for (const auto& [cookie, one] : census_.sockets()) {
    if (one.socket.state != TCP_ESTABLISHED) continue;
    open.emplace(cookie, core::OpenConnections::One{one.target, one.socket.remote});
  }
  const std::uint64_t untold = open_.on_looked(
      std::move(open), ended, [this](const Address& remote) { return census_.watches(remote); });
  if (untold > 0) owner_.on_trace_lost(untold);
}

}  // namespace relinkd::apps
