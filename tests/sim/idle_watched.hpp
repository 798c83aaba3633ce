// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/idle_machine.hpp"
#include "flow.hpp"
#include "watched.hpp"
#include "world.hpp"

namespace relinkd::sim {

/// An IdleMachine with its connection, beside the watch connection to the same node.
class IdleWatched : public Actor, private Flow::Owner, private Watched::Observer {
 public:
  IdleWatched(World& world, Path& path, Server& server, Watched& node, core::IdleLimits limits);

  void start() { step(core::idle::Start{}); }

  [[nodiscard]] const core::IdleMachine& machine() const { return machine_; }
  [[nodiscard]] const std::vector<core::IdleCut>& found() const { return found_; }
  [[nodiscard]] int cleared() const { return cleared_; }
  [[nodiscard]] std::uint64_t probes() const { return probes_; }
  [[nodiscard]] std::uint64_t dials() const { return dials_; }

  void on_event(const Event& event) override;

 private:
  void on_established(Flow& flow, Duration rtt) override;
  void on_three_syns(Flow& flow) override;
  void on_message(Flow& flow) override;
  void on_end(Flow& flow, core::Ending::How how, bool was_established) override;
  void on_proof(MonoTime sent, int required_transmissions) override;
  void on_lost(core::Cause cause) override;

  void step(const core::IdleEvent& event);

  World& world_;
  Watched& node_;
  core::IdleMachine machine_;
  Flow flow_;
  bool greeted_ = false;
  std::uint32_t deadline_generation_ = 0;
  std::vector<core::IdleCut> found_;
  int cleared_ = 0;
  std::uint64_t probes_ = 0;
  std::uint64_t dials_ = 0;
};

}  // namespace relinkd::sim
