// SPDX-License-Identifier: Apache-2.0
#include "core/link_machine.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/backoff.hpp"
#include "core/condition_of.hpp"

namespace relinkd::core {

namespace {

/// How often a suspect connection is looked at while its bytes are unacknowledged.
constexpr Duration kSuspectPoll = 10ms;
/// The same while they are acknowledged, when seconds count and not milliseconds.
constexpr Duration kWitnessPoll = 100ms;
/// After a lag like this (a stopped process, a paused machine) answers may still be on their way:
/// nothing is judged in the turn that ends it.
constexpr Duration kLongAbsence = 500ms;
/// The least that counts as "an answer had time to come", however short the path.
constexpr Duration kLeastGrace = 20ms;

}  // namespace

LinkMachine::LinkMachine(LinkLimits limits, Entropy entropy) : limits_(limits), entropy_(entropy) {}

LinkOrders LinkMachine::on(const LinkEvent& event, Now now) {
  now_ = now;
  orders_ = LinkOrders{};
  std::visit([this](const auto& e) { handle(e); }, event);
  update_condition();
  orders_.deadline = next_deadline();
  return std::exchange(orders_, LinkOrders{});
}

// --- connecting -------------------------------------------------------------------------------

void LinkMachine::handle(const event::Start&) {
  started_ = now_.at;
  phase_ = Phase::Dialing;
  orders_.dial = true;
}

void LinkMachine::wait_and_dial() {
  phase_ = Phase::Waiting;
  dial_at_ =
      now_.at + full_jitter(limits_.backoff_initial, limits_.backoff_max, failures_, entropy_);
}

void LinkMachine::handle(const event::Dialed& e) {
  if (phase_ != Phase::Dialing) return;
  phase_ = Phase::Up;
  proven_ = false;
  replica_.reset();
  seen_valid_ = false;
  last_was_slow_ = false;
  next_probe_ = kNever;
  next_topology_ = now_.at;
  if (now_.lag <= kLateLoop) rtt_.sample(e.rtt, limits_.command_timeout);
  send_probe(true);
}

void LinkMachine::handle(const event::DialFailed& e) {
  if (phase_ != Phase::Dialing) return;
  offline_ = condition_of(e.failure);
  offline_detail_ = e.failure.detail;
  ++failures_;
  wait_and_dial();
}

void LinkMachine::handle(const event::DialUnanswered& e) {
  if (phase_ != Phase::Dialing) return;
  if (e.local == LocalPath::Usable) {
    offline_ = Condition::Unreachable;
    offline_detail_ = "three SYNs of a new connection are unanswered";
  } else {
    offline_ = Condition::LocalFault;
    offline_detail_ = describe(e.local);
  }
}

void LinkMachine::handle(const event::Moved& e) {
  if (phase_ == Phase::Stopped) return;
  if (phase_ == Phase::Up) {
    orders_.hangup = LinkOrders::Hangup{Cause::Moved, e.reason};
    // Nothing is wrong with the endpoint: what was proven last holds until the new address speaks.
    offline_ = condition_;
    offline_detail_ = e.reason;
    forget_pending();
  }
  failures_ = 0;
  phase_ = Phase::Dialing;
  orders_.dial = true;
}

// --- what the node says -----------------------------------------------------------------------

void LinkMachine::handle(const event::Replied& e) {
  if (phase_ != Phase::Up || !pending_) return;
  const bool late_loop = now_.lag > kLateLoop;
  const Duration rtt = now_.at - pending_->sent;
  const bool first_answer = !proven_;

  last_rtt_.reset();
  if (!late_loop && pending_->granted == pending_->sent) {
    last_rtt_ = rtt;
    // Karn's rule (RFC 6298, section 3): a retransmitted probe says nothing of the path's length.
    if (pending_->growth == 0) rtt_.sample(rtt, limits_.command_timeout);
  }
  last_was_slow_ = last_rtt_ && *last_rtt_ > limits_.slow_threshold;
  last_reply_ = e.kind;
  last_reply_text_ = e.detail;
  last_proof_ = now_.at;
  const MonoTime sent = pending_->sent;
  last_proof_sent_ = sent;
  forget_pending();

  // Turned away at the door: the connection will be closed and never was one to work with. Where it
  // stays open after all, it is asked again.
  if (e.kind == ReplyKind::MaxClients) {
    next_probe_ = std::max(sent + limits_.ping_interval, now_.at);
    return;
  }

  proven_ = true;
  if (first_answer) {
    failures_ = 0;
    orders_.reconnected = true;
  }
  // A random first interval spreads the probes of many endpoints that were started together.
  const Duration interval = std::exchange(first_interval_, false)
                                ? from_seconds(to_seconds(limits_.ping_interval) * entropy_.unit())
                                : limits_.ping_interval;
  next_probe_ = std::max(sent + interval, now_.at);
}

void LinkMachine::handle(const event::RoleSaid& e) {
  if (phase_ != Phase::Up) return;
  replica_ = e.replica;
  primary_ = e.primary;
}

void LinkMachine::handle(const event::Ended& e) {
  if (phase_ != Phase::Up) return;
  const Ending& end = e.ending;
  const bool path_proven = witness_ && (witness_->result == WitnessResult::Connected ||
                                        witness_->result == WitnessResult::Answered);
  offline_ =
      end.how == Ending::How::TimedOut && path_proven ? Condition::HalfOpen : condition_of(end.how);
  // What the kernel gave up because this host could not send is still this host's fault.
  if (offline_ == Condition::Unreachable && verdict_ == Condition::LocalFault) {
    offline_ = Condition::LocalFault;
  }
  offline_detail_ = end.detail;
  if (!proven_) ++failures_;
  forget_pending();
  wait_and_dial();
}

// --- probing ----------------------------------------------------------------------------------

void LinkMachine::send_probe(bool greeting) {
  // A late loop sends the overdue probes of all endpoints together, as a start does.
  if (now_.lag > kLateLoop) first_interval_ = true;
  Pending p;
  p.sent = p.granted = p.last_growth = now_.at;
  // A quarter at most: witnesses of many hosts for one stalled server are spread over that time.
  p.jitter = from_seconds(to_seconds(limits_.command_timeout) / 4 * entropy_.unit());
  pending_ = p;
  LinkOrders::Probe probe;
  probe.greeting = greeting;
  probe.topology = now_.at >= next_topology_;
  if (probe.topology) next_topology_ = now_.at + limits_.topology_interval;
  orders_.probe = probe;
}

void LinkMachine::probe_sent(const TcpSample& sample) {
  if (seen_valid_) {
    loss_.add(now_.at, sample.data_segs_out - seen_.data_segs_out,
              sample.total_retrans - seen_.total_retrans);
  }
  seen_ = sample;
  seen_valid_ = true;
  if (pending_) pending_->base = sample;
}

void LinkMachine::handle(const event::ProbeNow&) {
  if (phase_ == Phase::Up && !pending_) {
    next_topology_ = now_.at;
    send_probe(false);
  } else if (phase_ == Phase::Waiting) {
    dial_at_ = std::min(dial_at_, now_.at + limits_.backoff_initial);
  }
}

bool LinkMachine::wants_sample(MonoTime now) const {
  return phase_ == Phase::Up && pending_ && now - pending_->granted >= probe_deadline();
}

bool LinkMachine::wants_local_path(MonoTime now) const {
  return wants_sample(now) && (pending_->was_unacked || verdict_ == Condition::LocalFault);
}

void LinkMachine::handle(const event::Deadline& e) {
  switch (phase_) {
    case Phase::Stopped:
    case Phase::Dialing: return;
    case Phase::Waiting:
      if (now_.at >= dial_at_) {
        phase_ = Phase::Dialing;
        orders_.dial = true;
      }
      return;
    case Phase::Up: break;
  }
  if (!pending_) {
    if (now_.at >= next_probe_) send_probe(false);
    return;
  }
  if (now_.lag > kLateLoop) {
    grant_anew();
    if (now_.lag > kLongAbsence) return;
  }
  if (now_.at - pending_->granted >= probe_deadline() && e.sample) judge(e);
}

void LinkMachine::grant_anew() {
  // What the loop did not hear is no evidence: the time away counts for nobody. What the kernel did
  // meanwhile (transmissions, acknowledgements) it tells by itself.
  const auto shift = [this](MonoTime& t) { t = std::min(t + now_.lag, now_.at); };
  shift(pending_->granted);
  shift(pending_->last_growth);
  if (witness_) {
    shift(witness_->opened);
    shift(witness_->result_at);
  }
}

int LinkMachine::transmissions() const {
  return pending_ ? 1 + static_cast<int>(pending_->growth) : 0;
}

void LinkMachine::judge(const event::Deadline& e) {
  const std::uint32_t growth = e.sample->total_retrans - pending_->base.total_retrans;
  if (growth != pending_->growth) {
    pending_->growth = growth;
    pending_->last_growth = now_.at;
  }
  pending_->was_unacked = e.sample->unacked_bytes > 0;
  // A retransmission between the proof and this look counts as before the proof: too few after it
  // rather than one too many.
  if (witness_ && witness_->result && !witness_->transmissions_at_result) {
    witness_->transmissions_at_result = transmissions();
  }
  // A SYN-ACK that was asked for while bytes were unacknowledged answers nothing any more.
  if (!pending_->was_unacked && witness_ && !witness_->full) drop_witness();
  if (pending_->was_unacked && witness_ && witness_->full) drop_witness();
  // The way out of this host is back: what the verdict rested on is gone, and a SYN that could not
  // leave has not been unanswered.
  if (verdict_ == Condition::LocalFault && e.local == LocalPath::Usable &&
      !(witness_ && witness_->result == WitnessResult::LocalFault)) {
    verdict_.reset();
    drop_witness();
  }
  carry_out(diagnose(gather(e)), e);
}

Duration LinkMachine::grace() const {
  return std::clamp(rtt_.spread(), kLeastGrace, probe_deadline());
}

SuspectEvidence LinkMachine::gather(const event::Deadline& e) const {
  SuspectEvidence s;
  s.pending = now_.at - pending_->granted;
  s.probe_deadline = probe_deadline();
  s.command_timeout = limits_.command_timeout;
  s.witness_delay = limits_.command_timeout / 2 + pending_->jitter;
  s.grace = grace();
  s.unacked = e.sample->unacked_bytes > 0;
  s.transmissions = transmissions();
  s.required = loss_.required_transmissions(now_.at);
  s.since_last_transmission = now_.at - pending_->last_growth;
  s.local = e.local;
  if (witness_) {
    SuspectEvidence::Witness w;
    w.full = witness_->full;
    w.open_for = now_.at - witness_->opened;
    w.result = witness_->result;
    if (witness_->result) w.since_result = now_.at - witness_->result_at;
    w.transmissions_at_result = witness_->transmissions_at_result.value_or(transmissions());
    s.witness = w;
  }
  return s;
}

std::string LinkMachine::describe_pending() const {
  return fmt::format("PING unanswered for {}", to_text(now_.at - pending_->sent));
}

void LinkMachine::carry_out(Verdict verdict, const event::Deadline& e) {
  const auto unacked = [&] {
    return fmt::format("{}, {} bytes unacknowledged after {}", describe_pending(),
                       e.sample->unacked_bytes,
                       plural(static_cast<std::uint64_t>(transmissions()), "transmission"));
  };
  switch (verdict) {
    case Verdict::Wait: return;
    case Verdict::OpenPlainWitness: open_witness(false); return;
    case Verdict::OpenFullWitness:
      if (now_.at >= next_witness_) open_witness(true);
      return;
    case Verdict::HalfOpen:
      give_up(
          Condition::HalfOpen, Cause::HalfOpen,
          fmt::format("{}; a new connection is answered in {}", unacked(), to_text(witness_->rtt)));
      return;
    case Verdict::HalfOpenProxy:
      give_up(Condition::HalfOpen, Cause::HalfOpen,
              fmt::format("{} though acknowledged, while a new connection is answered in {}: a "
                          "proxy or load balancer in between has lost the other leg",
                          describe_pending(), to_text(witness_->rtt)));
      return;
    case Verdict::Unreachable:
      give_up(Condition::Unreachable, Cause::Unreachable,
              witness_->result
                  ? fmt::format("{}; a new connection: {}", unacked(), witness_->detail)
                  : fmt::format("{}; a new connection's SYN unanswered for {}", unacked(),
                                to_text(now_.at - witness_->opened)));
      return;
    case Verdict::Refused:
      verdict_ = Condition::Refused;
      verdict_detail_ = fmt::format("{}; a new connection is refused", describe_pending());
      return;
    case Verdict::LocalFault:
      verdict_ = Condition::LocalFault;
      verdict_detail_ =
          fmt::format("{}; {}", unacked(),
                      e.local == LocalPath::Usable ? "this host cannot connect: " + witness_->detail
                                                   : std::string(describe(e.local)));
      return;
    case Verdict::Stalled:
      verdict_ = Condition::Stalled;
      verdict_detail_ = fmt::format(
          "{} though acknowledged, a second connection silent for {}: the server process is "
          "stopped or blocked",
          describe_pending(), to_text(now_.at - witness_->opened));
      // Asked again, ever less often, since the flow may turn out to be the one that is dead.
      next_witness_ = now_.at + full_jitter(limits_.command_timeout, limits_.backoff_max,
                                            ++stalled_witnesses_, entropy_);
      drop_witness();
      return;
  }
}

void LinkMachine::give_up(Condition condition, Cause cause, std::string detail) {
  orders_.hangup = LinkOrders::Hangup{cause, detail};
  offline_ = condition;
  offline_detail_ = std::move(detail);
  if (!proven_) ++failures_;
  forget_pending();
  wait_and_dial();
}

// --- the witness ------------------------------------------------------------------------------

void LinkMachine::open_witness(bool full) {
  drop_witness();
  witness_ = Witness{};
  witness_->full = full;
  witness_->opened = now_.at;
  orders_.open_witness = full;
}

void LinkMachine::drop_witness() {
  if (witness_) orders_.close_witness = true;
  witness_.reset();
}

void LinkMachine::handle(const event::Witnessed& e) {
  if (!witness_) return;
  witness_->result = e.result;
  witness_->result_at = now_.at;
  witness_->rtt = e.rtt;
  witness_->detail = e.detail;
}

void LinkMachine::forget_pending() {
  pending_.reset();
  verdict_.reset();
  stalled_witnesses_ = 0;
  next_witness_ = MonoTime::min();
  drop_witness();
}

// --- the condition ----------------------------------------------------------------------------

Condition LinkMachine::compute() const {
  if (phase_ != Phase::Up || !proven_) return verdict_.value_or(offline_);
  Condition c = condition_of(last_reply_);
  if (c == Condition::Ok && limits_.expect_primary && replica_.value_or(false)) {
    c = Condition::ReadOnly;
  }
  if (verdict_) c = worse(c, *verdict_);
  // A deadline granted anew is no answer: what is slow stays so until one comes.
  const bool overdue = pending_ && (condition_ == Condition::Slow ||
                                    now_.at - pending_->granted > limits_.slow_threshold);
  if (c == Condition::Ok && (last_was_slow_ || overdue)) c = Condition::Slow;
  return c;
}

std::string LinkMachine::detail() const {
  switch (condition_) {
    case Condition::Ok:
      return last_rtt_ ? fmt::format("PING answered in {}", to_text(*last_rtt_))
                       : std::string("PING answered");
    case Condition::Unknown: return "nothing is proven yet";
    case Condition::Slow:
      return pending_ ? describe_pending()
                      : fmt::format("PING answered only after {}", to_text(last_rtt_.value_or(0s)));
    case Condition::ReadOnly:
      return primary_.empty()
                 ? std::string("a primary is expected, and the node says that it is a replica")
                 : fmt::format(
                       "a primary is expected, and the node says that it is a replica "
                       "of {}",
                       primary_);
    default:
      if (phase_ == Phase::Up && verdict_ == condition_) return verdict_detail_;
      return phase_ == Phase::Up && proven_ ? last_reply_text_ : offline_detail_;
  }
}

void LinkMachine::update_condition() {
  const Condition next = compute();
  if (next == condition_) return;
  Transition t;
  t.from = std::exchange(condition_, next);
  t.to = next;
  t.since_last_proof = now_.at - last_proof_.value_or(started_);
  t.detail = detail();
  orders_.transition = std::move(t);
}

MonoTime LinkMachine::next_deadline() const {
  if (phase_ == Phase::Waiting) return dial_at_;
  if (phase_ != Phase::Up) return kNever;
  if (!pending_) return next_probe_;
  // Only ok turns to slow: in any other condition that moment changes nothing.
  const MonoTime slow_at = pending_->granted + limits_.slow_threshold + 1ns;
  const bool may_turn_slow = condition_ == Condition::Ok && now_.at < slow_at;
  return may_turn_slow ? std::min(slow_at, next_look()) : next_look();
}

MonoTime LinkMachine::next_look() const {
  const MonoTime granted = pending_->granted;
  const MonoTime late_at = granted + probe_deadline();
  if (now_.at < late_at) return late_at;
  // How many transmissions came before the witness's proof shows a look at once, not one later.
  if (witness_ && witness_->result && !witness_->transmissions_at_result) return now_.at;
  if (pending_->was_unacked) return now_.at + kSuspectPoll;
  const MonoTime witness_at =
      std::max(granted + limits_.command_timeout / 2 + pending_->jitter, next_witness_);
  return !witness_ && now_.at < witness_at ? witness_at : now_.at + kWitnessPoll;
}

}  // namespace relinkd::core
