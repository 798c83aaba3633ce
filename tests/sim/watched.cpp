// SPDX-License-Identifier: Apache-2.0
#include "watched.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace relinkd::sim {

using core::Condition;
using core::ConnectResult;
using core::Ending;
using core::WitnessResult;

// --- the loop ---------------------------------------------------------------------------------

void Host::suspend_for(Duration time) {
  suspended_ = true;
  Event e;
  e.at = world_.now() + time;
  e.actor = this;
  world_.schedule(e);
}

void Host::on_event(const Event&) {
  suspended_ = false;
  MonoTime earliest = kNever;
  for (const Watched* w : all_) earliest = std::min(earliest, w->deadline());
  const Duration lag = earliest < world_.now() ? world_.now() - earliest : Duration::zero();
  // What has arrived is heard first.
  for (const auto& what : std::exchange(waiting_, {})) what(lag);
  for (Watched* w : all_) {
    if (w->deadline() <= world_.now()) w->on_late_turn(lag);
  }
}

// --- one node ---------------------------------------------------------------------------------

Watched::Watched(World& world, Host& host, Path& path, Server& server, core::LinkLimits limits)
    : world_(world),
      host_(host),
      path_(path),
      limits_(limits),
      machine_(limits, Entropy(static_cast<std::uint64_t>(world.chance() * 1e18))),
      invariants_(limits),
      watch_(world, path, server, *this, kUserTimeout),
      witness_(world, path, server, *this, kUserTimeout) {
  host.add(*this);
}

void Watched::start() { step(core::event::Start{}, Duration::zero()); }

std::size_t Watched::entered(Condition condition) const {
  return static_cast<std::size_t>(
      std::count_if(records_.begin(), records_.end(),
                    [&](const Record& r) { return r.transition.to == condition; }));
}

std::string Watched::troubles(MonoTime since) const {
  std::string text;
  for (const Record& r : records_) {
    if (r.at < since || core::is_up(r.transition.to)) continue;
    text += fmt::format("{} after {}: {}; ", to_string(r.transition.to), to_text(r.at - since),
                        r.transition.detail);
  }
  return text;
}

void Watched::schedule(MonoTime when, Kind kind, std::uint32_t generation) {
  Event e;
  e.at = when;
  e.actor = this;
  e.kind = kind;
  e.generation = generation;
  world_.schedule(e);
}

void Watched::on_event(const Event& e) {
  if (e.kind == DeadlineCame) {
    if (e.generation != deadline_generation_ || host_.suspended()) return;
    return on_deadline(world_.now() - deadline_);
  }
  if (e.generation != life_ || watch_.established() || !watch_.is_open()) return;
  watch_.close();
  const auto result =
      path_.local == core::LocalPath::Usable ? ConnectResult::Timeout : ConnectResult::LocalFault;
  hear(core::event::DialFailed{{result, "the SYN is unanswered", false, false}});
}

void Watched::on_late_turn(Duration lag) { on_deadline(lag); }

void Watched::on_deadline(Duration lag) {
  core::event::Deadline e;
  const MonoTime now = world_.now();
  if (machine_.wants_sample(now)) e.sample = watch_.sample();
  if (machine_.wants_local_path(now)) e.local = path_.local;
  step(e, lag);
}

void Watched::hear(core::LinkEvent event) {
  if (!host_.suspended()) return step(event, Duration::zero());
  host_.keep(
      [this, event = std::move(event), life = life_, witness_life = witness_life_](Duration lag) {
        // Given up meanwhile, in this same turn: nobody listens any more.
        const bool of_witness = std::holds_alternative<core::event::Witnessed>(event);
        if (of_witness ? witness_life == witness_life_ : life == life_) step(event, lag);
      });
}

void Watched::step(const core::LinkEvent& event, Duration lag) {
  const Now now{world_.now(), lag};
  const core::LinkOrders orders = machine_.on(event, now);
  if (auto broken = invariants_.check(event, now, orders, machine_.condition())) {
    if (broken_.empty()) {
      broken_ = fmt::format("{}, at {}, ordered: {}", *broken, to_text(now.at.time_since_epoch()),
                            test::describe(orders));
    }
  }
  carry_out(orders);
}

void Watched::carry_out(const core::LinkOrders& orders) {
  if (orders.hangup) {
    if (observer_ != nullptr) observer_->on_lost(orders.hangup->cause);
    ++hangups_;
    ++life_;
    watch_.close();
  }
  if (orders.close_witness) {
    ++witness_life_;
    witness_.close();
  }
  if (orders.transition) records_.push_back({world_.now(), *orders.transition});
  if (orders.open_witness) {
    ++witnesses_;
    ++witness_life_;
    witness_full_ = *orders.open_witness;
    witness_.open();
  }
  deadline_ = orders.deadline;
  ++deadline_generation_;
  if (deadline_ != kNever) {
    // What is due already is served in this same turn, without timer slack.
    const MonoTime when = deadline_ > world_.now() ? deadline_ + host_.slack() : world_.now();
    schedule(when, DeadlineCame, deadline_generation_);
  }
  if (orders.dial) {
    ++dials_;
    ++life_;
    watch_.open();
    schedule(world_.now() + kConnectTimeout, DialTimedOut, life_);
  }
  if (orders.probe) {
    ++probes_;
    ping_sent_ = world_.now();
    watch_.send();
    machine_.probe_sent(watch_.sample());
  }
}

void Watched::on_established(Flow& flow, Duration rtt) {
  if (&flow == &watch_) return hear(core::event::Dialed{rtt});
  if (witness_full_) return witness_.send();
  witness_.close();
  hear(core::event::Witnessed{WitnessResult::Connected, rtt, ""});
}

void Watched::on_three_syns(Flow& flow) {
  if (&flow == &watch_) hear(core::event::DialUnanswered{path_.local});
}

void Watched::on_message(Flow& flow) {
  if (&flow == &watch_) {
    const MonoTime sent = ping_sent_;
    hear(core::event::Replied{});
    if (observer_ != nullptr) {
      observer_->on_proof(sent, machine_.required_transmissions(world_.now()));
    }
    return;
  }
  witness_.close();
  hear(core::event::Witnessed{WitnessResult::Answered, 1ms, ""});
}

void Watched::on_end(Flow& flow, Ending::How how, bool was_established) {
  if (&flow == &witness_) {
    const auto result = how == Ending::How::Rst ? WitnessResult::Refused : WitnessResult::Failed;
    return hear(core::event::Witnessed{result, 1ms, "refused"});
  }
  if (was_established) {
    if (observer_ != nullptr) observer_->on_lost(core::Cause::PeerClosed);
    return hear(core::event::Ended{{how, how == Ending::How::Fin   ? "closed by the peer"
                                         : how == Ending::How::Rst ? "reset by the peer"
                                                                   : "given up by the kernel"}});
  }
  hear(core::event::DialFailed{
      {how == Ending::How::Rst ? ConnectResult::Refused : ConnectResult::Closed,
       "connection refused", false, false}});
}

}  // namespace relinkd::sim
