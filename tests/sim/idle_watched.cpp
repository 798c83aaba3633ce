// SPDX-License-Identifier: Apache-2.0
#include "idle_watched.hpp"

#include <utility>

namespace relinkd::sim {

namespace {
/// An application's pooled connection has no user timeout; the kernel tries for a quarter of an
/// hour (tcp_retries2 = 15).
constexpr Duration kGiveUp = 925s;
}  // namespace

IdleWatched::IdleWatched(World& world, Path& path, Server& server, Watched& node,
                         core::IdleLimits limits)
    : world_(world),
      node_(node),
      machine_(std::move(limits), Entropy(static_cast<std::uint64_t>(world.chance() * 1e18))),
      flow_(world, path, server, *this, kGiveUp) {
  node.observe(*this);
}

void IdleWatched::step(const core::IdleEvent& event) {
  const core::IdleOrders orders = machine_.on(event, Now{world_.now(), Duration::zero()});
  if (orders.hangup) flow_.close();
  if (orders.found) found_.push_back(*orders.found);
  if (orders.cleared) ++cleared_;
  ++deadline_generation_;
  if (orders.deadline != kNever) {
    Event e;
    e.at = orders.deadline;
    e.actor = this;
    e.generation = deadline_generation_;
    world_.schedule(e);
  }
  if (orders.dial) {
    ++dials_;
    greeted_ = false;
    flow_.open();
  }
  if (orders.probe) {
    ++probes_;
    flow_.send();
    machine_.probe_sent(flow_.sample());
  }
  if (orders.ask_node) node_.probe_now();
}

void IdleWatched::on_event(const Event& e) {
  if (e.generation != deadline_generation_) return;
  core::idle::Deadline d;
  if (machine_.wants_sample()) d.sample = flow_.sample();
  step(d);
}

void IdleWatched::on_established(Flow&, Duration) { flow_.send(); }

void IdleWatched::on_three_syns(Flow&) {
  flow_.close();
  step(core::idle::DialFailed{});
}

void IdleWatched::on_message(Flow&) {
  if (std::exchange(greeted_, true)) return step(core::idle::Replied{});
  step(core::idle::Ready{});
}

void IdleWatched::on_end(Flow&, core::Ending::How how, bool was_established) {
  if (!was_established) return step(core::idle::DialFailed{});
  step(core::idle::Ended{{how, "how it ended"}});
}

void IdleWatched::on_proof(MonoTime sent, int required_transmissions) {
  step(core::idle::NodeProven{sent, required_transmissions});
}

void IdleWatched::on_lost(core::Cause cause) {
  step(core::idle::NodeDisturbed{});
  step(core::idle::NodeExplained{cause, "the watch connection ended"});
}

}  // namespace relinkd::sim
