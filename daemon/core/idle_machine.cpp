// SPDX-License-Identifier: Apache-2.0
#include "core/idle_machine.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/backoff.hpp"

namespace relinkd::core {

namespace {
constexpr Duration kPoll = 100ms;
/// How long the node may take to say whether it is alive and undisturbed.
constexpr Duration kDecideWithin = 10s;
/// Endings within this time of each other have one cause.
constexpr Duration kTogether = 2s;
}  // namespace

std::string IdleCut::to_string() const {
  std::string range =
      survived > Duration::zero()
          ? fmt::format("idle connections survive {} on this path", to_text(survived))
          : std::string("idle connections do not survive for long on this path");
  switch (how) {
    case How::Fin:
      return fmt::format("{}; after {} of silence they are closed (FIN)", range, to_text(age));
    case How::Rst:
      return fmt::format("{}; after {} of silence they are reset (RST)", range, to_text(age));
    case How::RstOnUse:
      return fmt::format("{}; after at most {} of silence the next use is answered by a reset",
                         range, to_text(age));
    case How::Silent:
      return fmt::format(
          "{}; after at most {} of silence they are forgotten without a word, and the next use "
          "hangs",
          range, to_text(age));
  }
  return range;
}

IdleMachine::IdleMachine(IdleLimits limits, Entropy entropy)
    : limits_(std::move(limits)), entropy_(entropy) {}

IdleOrders IdleMachine::on(const IdleEvent& event, Now now) {
  now_ = now;
  orders_ = IdleOrders{};
  std::visit([this](const auto& e) { handle(e); }, event);
  orders_.deadline = deadline_;
  return std::exchange(orders_, IdleOrders{});
}

void IdleMachine::handle(const idle::Start&) { wait_and_dial(); }

void IdleMachine::wait_and_dial() {
  phase_ = Phase::Waiting;
  deadline_ =
      now_.at + full_jitter(limits_.backoff_initial, limits_.backoff_max, failures_, entropy_);
}

void IdleMachine::handle(const idle::Ready&) {
  if (phase_ != Phase::Dialing) return;
  phase_ = Phase::Silent;
  failures_ = 0;
  idle_since_ = now_.at;
  deadline_ = limits_.only_keepalive ? kNever : now_.at + age();
}

void IdleMachine::handle(const idle::DialFailed&) {
  if (phase_ != Phase::Dialing) return;
  ++failures_;
  wait_and_dial();
}

void IdleMachine::handle(const idle::Replied&) {
  if (phase_ != Phase::Probing) return;
  survived_ = std::max(survived_, age());
  if (cut_ && age() >= cut_->age) {
    cut_.reset();
    orders_.cleared = true;
  }
  step_ = std::min(step_ + 1, limits_.ages.size() - 1);
  phase_ = Phase::Silent;
  idle_since_ = now_.at;
  deadline_ = now_.at + age();
}

void IdleMachine::handle(const idle::Ended& e) {
  if (phase_ != Phase::Silent && phase_ != Phase::Probing) {
    if (phase_ == Phase::Dialing) handle(idle::DialFailed{});
    return;
  }
  const bool probing = phase_ == Phase::Probing;
  switch (e.ending.how) {
    case Ending::How::Fin:
    case Ending::How::Rst:
      // Whether it was idleness, the node must say: a server that ends closes idle ones, too.
      ending_how_ = e.ending.how == Ending::How::Fin ? IdleCut::How::Fin
                    : probing                        ? IdleCut::How::RstOnUse
                                                     : IdleCut::How::Rst;
      ending_detail_ = e.ending.detail;
      ended_at_ = now_.at;
      ending_age_ = probing ? age() : now_.at - idle_since_;
      phase_ = Phase::Deciding;
      disturbed_ = false;
      deadline_ = now_.at + kDecideWithin;
      if (explained_ && (now_.at - explained_at_ <= kTogether || (probing && lost_with_node()))) {
        handle(idle::NodeExplained{*explained_});
      } else {
        orders_.ask_node = true;
      }
      return;
    case Ending::How::TimedOut:
      inconclusive(Cause::KeepaliveTimeout,
                   fmt::format("an idle connection died: keepalive probes unanswered, {} after the "
                               "last byte",
                               to_text(now_.at - idle_since_)));
      orders_.ended = std::exchange(orders_.hangup, std::nullopt);
      orders_.ask_node = true;
      return;
    default:
      inconclusive(
          e.ending.how == Ending::How::Unreachable ? Cause::Unreachable : Cause::LocalFault,
          e.ending.detail);
      orders_.ended = std::exchange(orders_.hangup, std::nullopt);
  }
}

void IdleMachine::handle(const idle::NodeProven& e) {
  node_probe_ = std::max(node_probe_, e.probe_sent);
  required_ = e.required_transmissions;
  // Only a PING sent after the ending says that the node outlived it.
  if (phase_ == Phase::Deciding && !disturbed_ && e.probe_sent >= ended_at_) {
    orders_.ended = IdleOrders::Hangup{
        Cause::IdleTimeout,
        fmt::format("an idle connection was {} after {} of silence while the node answers others",
                    ending_how_ == IdleCut::How::Fin ? "closed" : "reset", to_text(ending_age_))};
    conclude(ending_how_, ending_age_);
  }
}

void IdleMachine::handle(const idle::NodeDisturbed&) {
  if (phase_ == Phase::Deciding) disturbed_ = true;
}

void IdleMachine::handle(const idle::NodeExplained& e) {
  explained_ = e;
  explained_at_ = now_.at;
  // The watch connection is gone, too: what our silence means cannot be told any more.
  if (phase_ == Phase::Probing)
    inconclusive(e.cause, "an idle connection is unanswered, and so was the watch connection");
  if (phase_ != Phase::Deciding) return;
  orders_.ended =
      IdleOrders::Hangup{e.cause, fmt::format("an idle connection ended with it: {}", e.evidence)};
  wait_and_dial();
}

void IdleMachine::handle(const idle::Moved& e) {
  if (phase_ == Phase::Silent || phase_ == Phase::Probing) {
    orders_.hangup = IdleOrders::Hangup{Cause::Moved, e.reason};
  }
  if (phase_ == Phase::Deciding) {
    orders_.ended = IdleOrders::Hangup{Cause::Moved, e.reason};
  }
  orders_.cleared = cut_.has_value();
  cut_.reset();
  survived_ = Duration::zero();
  step_ = 0;
  // An attempt under way fails or ends by itself; it was for the address before.
  if (phase_ != Phase::Stopped && phase_ != Phase::Dialing) wait_and_dial();
}

void IdleMachine::conclude(IdleCut::How how, Duration cut_age) {
  const bool new_finding = !cut_ || cut_->how != how ||
                           std::chrono::round<std::chrono::seconds>(cut_->age) !=
                               std::chrono::round<std::chrono::seconds>(cut_age);
  cut_ = IdleCut{cut_age, survived_ < cut_age ? survived_ : Duration::zero(), how};
  if (new_finding) orders_.found = cut_;
  // From the beginning: the next round brackets the age anew, from what is survived now.
  survived_ = Duration::zero();
  step_ = 0;
  wait_and_dial();
}

void IdleMachine::inconclusive(Cause cause, std::string evidence) {
  orders_.hangup = IdleOrders::Hangup{cause, std::move(evidence)};
  ++failures_;
  wait_and_dial();
}

void IdleMachine::handle(const idle::Deadline& e) {
  switch (phase_) {
    case Phase::Waiting:
      if (now_.at < deadline_) return;
      phase_ = Phase::Dialing;
      deadline_ = kNever;
      orders_.dial = true;
      return;
    case Phase::Silent:
      if (now_.at < deadline_) return;
      phase_ = Phase::Probing;
      probed_at_ = now_.at;
      asked_ = false;
      deadline_ = now_.at + kPoll;
      orders_.probe = true;
      return;
    case Phase::Probing: {
      deadline_ = now_.at + kPoll;
      if (!e.sample || now_.lag > kLateLoop) return;
      const int transmissions = 1 + static_cast<int>(e.sample->total_retrans - base_.total_retrans);
      if (e.sample->unacked_bytes == 0 || transmissions < required_) return;
      if (lost_with_node()) {
        inconclusive(explained_->cause,
                     fmt::format("an idle connection was lost with it: {}", explained_->evidence));
      } else if (node_probe_ >= probed_at_) {
        orders_.hangup = IdleOrders::Hangup{
            Cause::IdleTimeout,
            fmt::format("an idle connection, silent for {}, is forgotten: {} transmissions "
                        "unanswered while the node answers others",
                        to_text(age()), transmissions)};
        conclude(IdleCut::How::Silent, age());
      } else if (now_.at - probed_at_ >= kDecideWithin) {
        inconclusive(Cause::Unreachable, "an idle connection is unanswered, and so is the node");
      } else if (!std::exchange(asked_, true)) {
        orders_.ask_node = true;
      }
      return;
    }
    case Phase::Deciding:
      if (now_.at < deadline_) return;
      // The node said nothing in time: the ending says nothing about idleness.
      orders_.ended =
          IdleOrders::Hangup{ending_how_ == IdleCut::How::Fin ? Cause::PeerClosed : Cause::Reset,
                             fmt::format("an idle connection ended: {}", ending_detail_)};
      wait_and_dial();
      return;
    case Phase::Stopped:
    case Phase::Dialing: return;
  }
}

}  // namespace relinkd::core
