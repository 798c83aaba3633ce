// SPDX-License-Identifier: Apache-2.0
#include "core/app_socket.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/protection.hpp"

namespace relinkd::core {

namespace {

using Timer = AppSocketSample::Timer;
using Part = NodeStanding::Part;

// States of netinet/tcp.h, as they stand in idiag_state.
constexpr std::uint8_t kSynSent = 2;
constexpr std::uint8_t kCloseWait = 8;

/// Times of the kernel come in steps of up to 10 ms (CONFIG_HZ=100), and `now` is a little older
/// than the look: what has moved by less has not moved.
constexpr Duration kSteps = 15ms;
/// Unacknowledged for longer than this and two round trips is worth a closer look. Most ACKs that
/// are delayed come within 40 ms (TCP_DELACK_MIN); one look too many costs 5 µs.
constexpr Duration kSoon = 50ms;
/// A retransmission that is farther away than this is seen in time by the full looks.
constexpr Duration kFarAway = 2s;

bool in_flight(const AppSocketSample& s) {
  return s.unacked_segments > 0 && s.timer != Timer::ZeroWindowProbe;
}

/// A command that follows a reply at once leaves in the same step of the kernel's time. But the ACK
/// of what is not answered comes alone and later, since peers delay those (by 40 ms on Linux),
/// while a reply has the ACK of its command with it.
bool awaits_reply(const AppSocketSample& s) {
  if (in_flight(s) || s.write_queue > 0) return false;
  return s.since_data_sent < s.since_data_received ||
         (s.timer != Timer::Keepalive && s.since_data_sent == s.since_data_received &&
          s.since_ack_received + kSteps < s.since_data_received);
}

/// Whether the node's process has answered lately, be it with an error.
bool is_alive(Condition c) {
  switch (c) {
    case Condition::Ok:
    case Condition::Slow:
    case Condition::ReadOnly:
    case Condition::Busy:
    case Condition::Loading:
    case Condition::MasterDown:
    case Condition::AuthFailed: return true;
    case Condition::Unknown:
    case Condition::LocalFault:
    case Condition::DnsFailed:
    case Condition::Refused:
    case Condition::Unreachable:
    case Condition::HalfOpen:
    case Condition::PeerClosed:
    case Condition::Reset:
    case Condition::TlsFailed:
    case Condition::NotRedis:
    case Condition::Stalled: return false;
  }
  return false;
}

Duration grace_of(const AppSocketSample& s, const NodeStanding& node) {
  return std::max(node.grace, 2 * s.rtt);
}

/// How long before the last transmission the one `timeouts` before it left, at least. Each timeout
/// has doubled the RTO; where the kernel caps it, the true time is longer.
Duration before_last(const AppSocketSample& s, int timeouts) {
  return s.rto - s.rto / (std::int64_t{1} << std::clamp(timeouts, 0, 30));
}

}  // namespace

AppSocket::AppSocket(MonoTime first_seen, bool known_before)
    : first_seen_(first_seen), since_(first_seen), last_ack_(first_seen) {
  if (known_before) opened_to_primary_ = true;
}

AppSocketState AppSocket::look(const AppSocketSample& s, const NodeStanding& node, MonoTime now) {
  take_part(node.part, now);
  if (s.tcp_state == kSynSent || s.tcp_state == kCloseWait) {
    // The times of one are not set yet; on the other nothing is to be found out any more.
    unanswered_.reset();
    keepalive_.reset();
    acks_known_ = false;
    if (s.tcp_state == kCloseWait) last_ack_ = now - s.since_ack_received;
  } else {
    take_ack(s, now);
    take_transmissions(s, now);
    take_keepalive(s);
  }
  take_proof(node);
  if (unanswered_ && !unanswered_->dead) unanswered_->dead = is_dead(s, node);
  suspect_ = is_suspect(s, grace_of(s, node), now);
  seen_ = s;
  const AppSocketState before = std::exchange(state_, judge(s, node));
  if (state_ != before) since_ = now;
  return state_;
}

void AppSocket::take_part(Part part, MonoTime now) {
  if (part == Part::Unknown) return;
  if (part == Part::Primary) {
    if (!opened_to_primary_ || now - first_seen_ <= kAhead) opened_to_primary_ = true;
  } else if (!opened_to_primary_) {
    opened_to_primary_ = false;
  }
}

void AppSocket::take_ack(const AppSocketSample& s, MonoTime now) {
  const bool moved = !acks_known_ || s.bytes_acked != seen_.bytes_acked;
  // An ACK alone is no sign that what is in flight arrived: where only the way there is cut, the
  // server repeats its last reply, and each copy bears one (measured).
  if (!moved && in_flight(s)) return;
  MonoTime ack = now - s.since_ack_received;
  if (in_flight(s)) ack = std::min(ack, now - s.since_data_sent - before_last(s, s.retransmits));
  // Of the same ACK the latest reading is the truest, since `now` may be too early but not too
  // late.
  last_ack_ = acks_known_ ? std::max(last_ack_, ack) : ack;
  acks_known_ = true;
  unanswered_.reset();
  base_ = s.total_retrans;
  take_repeated(s.bytes_acked);
}

void AppSocket::repeated(std::uint64_t bytes_acked, std::uint32_t total_retrans) {
  if (total_retrans == 0 || (repeated_ && repeated_->bytes_acked == bytes_acked)) return;
  repeated_ = Repeated{bytes_acked, total_retrans - 1};
  if (acks_known_) take_repeated(seen_.bytes_acked);
}

void AppSocket::take_repeated(std::uint64_t bytes_acked) {
  if (!repeated_ || repeated_->bytes_acked != bytes_acked) return;
  base_ = std::min(base_, repeated_->base);
}

void AppSocket::take_transmissions(const AppSocketSample& s, MonoTime now) {
  if (!in_flight(s)) return;
  if (!unanswered_) unanswered_.emplace(Unanswered{});
  Unanswered& u = *unanswered_;
  const int transmissions =
      1 + std::max(static_cast<int>(s.retransmits), static_cast<int>(s.total_retrans - base_));
  const MonoTime last = now - s.since_data_sent;
  if (transmissions != u.transmissions || last > u.last + kSteps) u.proven_after.reset();
  u.transmissions = transmissions;
  u.last = last;
  // What left before the last ACK is not known to be unanswered.
  u.since = std::min(u.since, std::max(last, last_ack_));
  if (transmissions == 1) return;
  // That the kernel repeats says that an ACK is overdue: it waits for longer than any peer delays
  // one. Of its timeouts the first counts; of a tail-loss probe only the last transmission is
  // known.
  const Duration ago = s.retransmits > 0 ? before_last(s, s.retransmits - 1) : Duration::zero();
  u.overdue = std::min(u.overdue, std::max(last - ago, last_ack_));
}

void AppSocket::take_proof(const NodeStanding& node) {
  const auto before = proof_;
  proof_.reset();
  if (node.proof_sent && node.proof_received) {
    proof_.emplace(*node.proof_sent, *node.proof_received);
  }
  if (!unanswered_) return;
  Unanswered& u = *unanswered_;
  for (const auto& proof : {before, proof_}) {
    if (!proof || proof->first < u.overdue) continue;
    if (!u.explained) u.explained = u.transmissions - (proof->second <= u.last ? 1 : 0);
    if (proof->second <= u.last) {
      u.proven_before = std::max(u.proven_before.value_or(proof->second), proof->second);
    } else if (proof->first >= u.last && !u.proven_after) {
      u.proven_after = proof->second;
    }
  }
}

bool AppSocket::is_dead(const AppSocketSample& s, const NodeStanding& node) const {
  const Unanswered& u = *unanswered_;
  if (!is_alive(node.condition) || u.transmissions < node.required) return false;
  if (!u.proven_before || !u.proven_after) return false;
  if (u.transmissions - *u.explained < node.required / 2) return false;
  const Duration grace = grace_of(s, node);
  return *u.proven_after - *u.proven_before <= kBracket + 2 * grace &&
         s.since_data_sent >= kLastAck + grace;
}

void AppSocket::take_keepalive(const AppSocketSample& s) {
  if (s.timer == Timer::Keepalive) keepalive_ = true;
  if (s.timer == Timer::None && s.unacked_segments == 0) keepalive_ = false;
}

bool AppSocket::is_suspect(const AppSocketSample& s, Duration grace, MonoTime now) const {
  if (!unanswered_ || unanswered_->dead) return false;
  if (unanswered_->transmissions == 1) {
    return now - unanswered_->since >= std::max(kSoon, 2 * s.rtt);
  }
  const bool may_be_answered = s.since_data_sent < kLastAck + grace;
  return may_be_answered || s.timer != Timer::Retransmit || s.timer_left <= kFarAway;
}

AppSocketState AppSocket::judge(const AppSocketSample& s, const NodeStanding& node) const {
  if (s.tcp_state == kSynSent) return AppSocketState::Connecting;
  if (s.tcp_state == kCloseWait) return AppSocketState::PeerClosed;
  const bool former = node.part == Part::Former;
  const bool wrong = former && opened_to_primary();
  // A dead one waits for its node to be well. Of a former primary that is not, it is the other
  // primary that the app is to reconnect to.
  const bool dead = unanswered_ && unanswered_->dead;
  const bool well = node.condition == Condition::Ok || node.condition == Condition::Slow;
  if (dead && (well || !wrong)) return AppSocketState::BlackHoled;
  if (wrong) return AppSocketState::WrongNode;
  if (awaits_reply(s) && node.condition == Condition::Stalled) return AppSocketState::Stalled;
  if (former || node.part == Part::Replica) return AppSocketState::Replica;
  if (unanswered_ && unanswered_->transmissions >= node.required) return AppSocketState::Unproven;
  const bool looked_after = !unanswered_ && keepalive_.value_or(false);
  return looked_after || s.since_ack_received <= kLately ? AppSocketState::Ok
                                                         : AppSocketState::Unproven;
}

bool AppSocket::looked_after() const {
  return seen_.timer == Timer::Keepalive && seen_.timer_left <= kSoonEnough;
}

bool AppSocket::waits() const {
  return seen_.tcp_state != kSynSent && seen_.tcp_state != kCloseWait && awaits_reply(seen_);
}

std::string AppSocket::evidence() const {
  const std::string ack = fmt::format("last ACK {} ago", to_text(seen_.since_ack_received));
  const auto idle = [&] {
    return fmt::format("{} for {}", waits() ? "waiting for a reply" : "idle",
                       to_text(std::min(seen_.since_data_sent, seen_.since_data_received)));
  };
  switch (state_) {
    case AppSocketState::Connecting: return plural(1U + seen_.retransmits, "SYN") + " unanswered";
    case AppSocketState::PeerClosed:
      return "the peer has closed it, and the app has not read that yet; " + ack;
    case AppSocketState::WrongNode:
      return fmt::format("opened while the node was the primary; {}, {}", idle(), ack);
    case AppSocketState::Replica: return fmt::format("opened to read; {}, {}", idle(), ack);
    case AppSocketState::Stalled:
      return fmt::format("acknowledged, and unanswered for {}", to_text(seen_.since_data_sent));
    case AppSocketState::BlackHoled:
    case AppSocketState::Unproven:
    case AppSocketState::Ok: break;
  }
  if (unanswered_) {
    return fmt::format(
        "{} unanswered, {} unacknowledged, {}",
        plural(static_cast<std::uint64_t>(unanswered_->transmissions), "transmission"),
        plural(seen_.write_queue, "byte"), ack);
  }
  if (seen_.timer == Timer::Keepalive) {
    return fmt::format("{}, {}, next keepalive probe in {}", idle(), ack,
                       to_text(seen_.timer_left));
  }
  return fmt::format("{}, {}{}", idle(), ack, unprotected() ? ", no keepalive timer" : "");
}

}  // namespace relinkd::core
