// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

#include <utility>

namespace relinkd::sim {

using core::AppSocketState;

App::App(World& world, Path& path, Server& server, Watched& node, Duration longest_pause)
    : world_(world),
      node_(node),
      longest_pause_(longest_pause),
      flow_(world, path, server, *this, 24h),  // the kernel's own give-up is out of the picture
      socket_(core::AppSocket(world.now(), false)) {
  schedule(world.random(1s), FullLook);
}

void App::schedule(Duration in, Kind kind, std::uint32_t generation) {
  Event e;
  e.at = world_.now() + in;
  e.actor = this;
  e.kind = kind;
  e.generation = generation;
  world_.schedule(e);
}

void App::reconnect() {
  ++life_;
  waits_since_.reset();
  flow_.open();
  socket_.emplace(world_.now(), false);
}

void App::on_established(Flow&, Duration) { schedule(Duration::zero(), Use, life_); }

void App::on_message(Flow&) {
  ++answers_;
  waits_since_.reset();
  schedule(world_.random(longest_pause_), Use, life_);
}

void App::on_end(Flow&, core::Ending::How, bool) { reconnect(); }

void App::on_event(const Event& e) {
  switch (static_cast<Kind>(e.kind)) {
    case Use:
      if (e.generation != life_) return;
      waits_since_ = world_.now();
      return flow_.send();
    case FullLook: schedule(1s, FullLook); return look();
    case CloseLook: looks_closely_ = false; return look();
  }
}

void App::look() {
  if (!flow_.is_open()) return;
  const core::LinkMachine& machine = node_.machine();
  core::NodeStanding standing;
  standing.part = core::NodeStanding::Part::Primary;
  standing.condition = machine.condition();
  standing.proof_sent = machine.last_proof_sent();
  standing.proof_received = machine.last_proof();
  standing.required = machine.required_transmissions(world_.now());
  standing.grace = machine.grace();
  const AppSocketState before = socket_->state();
  const AppSocketState state = socket_->look(flow_.seen_by_others(), standing, world_.now());
  if (state != before) ++entered_[static_cast<std::size_t>(state)];
  if (!socket_->suspect()) return;
  node_.probe_now();
  if (!std::exchange(looks_closely_, true)) schedule(100ms, CloseLook);
}

}  // namespace relinkd::sim
