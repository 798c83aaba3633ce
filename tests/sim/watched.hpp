// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/link_machine.hpp"
#include "flow.hpp"
#include "support/link_invariants.hpp"
#include "world.hpp"

namespace relinkd::sim {

class Watched;

/// The event loop of the simulated relinkd: serves what has arrived before what is due, with some
/// timer slack, and can be suspended (SIGSTOP, starvation) while the kernels go on.
class Host : public Actor {
 public:
  explicit Host(World& world) : world_(world) {}

  void add(Watched& watched) { all_.push_back(&watched); }
  [[nodiscard]] bool suspended() const { return suspended_; }
  void suspend_for(Duration time);
  /// What came while the loop was away, in the order of arrival.
  void keep(std::function<void(Duration lag)> what) { waiting_.push_back(std::move(what)); }
  [[nodiscard]] Duration slack() { return world_.random(10ms); }

  void on_event(const Event& event) override;

 private:
  World& world_;
  std::vector<Watched*> all_;
  std::vector<std::function<void(Duration)>> waiting_;
  bool suspended_ = false;
};

/// What happened to one watched node, as the outputs of relinkd would tell it.
struct Record {
  MonoTime at{};
  core::Transition transition;
};

/// A LinkMachine with its connections: carries out the orders over simulated flows, checks the
/// invariants at every step, and keeps the transitions.
class Watched : public Actor, private Flow::Owner {
 public:
  Watched(World& world, Host& host, Path& path, Server& server, core::LinkLimits limits = {});

  /// What the idle watch of the same node is told.
  class Observer {
   public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;
    virtual void on_proof(MonoTime sent, int required_transmissions) = 0;
    virtual void on_lost(core::Cause cause) = 0;
  };

  void observe(Observer& observer) { observer_ = &observer; }
  void start();
  void probe_now() { hear(core::event::ProbeNow{}); }
  /// The present watch connection's flow is forgotten by a middlebox; new ones pass.
  void forget_flow() { watch_.forget(); }

  [[nodiscard]] const core::LinkMachine& machine() const { return machine_; }
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }
  [[nodiscard]] std::uint64_t probes() const { return probes_; }
  [[nodiscard]] std::uint64_t witnesses() const { return witnesses_; }
  [[nodiscard]] std::uint64_t hangups() const { return hangups_; }
  [[nodiscard]] std::uint64_t dials() const { return dials_; }
  /// The first invariant that broke, or empty.
  [[nodiscard]] const std::string& broken() const { return broken_; }
  /// Transitions into a condition.
  [[nodiscard]] std::size_t entered(core::Condition condition) const;
  /// Into anything but ok and slow, "unreachable at 3.20 s, …"; since: what counts.
  [[nodiscard]] std::string troubles(MonoTime since) const;

  /// A deadline that came due while the loop was suspended.
  void on_late_turn(Duration lag);
  [[nodiscard]] MonoTime deadline() const { return deadline_; }
  void on_event(const Event& event) override;

 private:
  enum Kind : std::uint32_t { DeadlineCame, DialTimedOut };
  static constexpr Duration kConnectTimeout = 5s;
  static constexpr Duration kUserTimeout = 8s;  // keepalive's 5 s + 3 × 1 s

  void on_established(Flow& flow, Duration rtt) override;
  void on_three_syns(Flow& flow) override;
  void on_message(Flow& flow) override;
  void on_end(Flow& flow, core::Ending::How how, bool was_established) override;

  void hear(core::LinkEvent event);
  void on_deadline(Duration lag);
  void step(const core::LinkEvent& event, Duration lag);
  void carry_out(const core::LinkOrders& orders);
  void schedule(MonoTime when, Kind kind, std::uint32_t generation);

  World& world_;
  Host& host_;
  Path& path_;
  core::LinkLimits limits_;
  core::LinkMachine machine_;
  test::LinkInvariants invariants_;
  Flow watch_;
  Flow witness_;
  bool witness_full_ = false;
  std::uint32_t life_ = 0;  ///< of the watch connection and the witness: stale news are dropped
  std::uint32_t witness_life_ = 0;
  std::uint32_t deadline_generation_ = 0;
  MonoTime deadline_ = kNever;

  Observer* observer_ = nullptr;
  MonoTime ping_sent_{};
  std::vector<Record> records_;
  std::uint64_t probes_ = 0;
  std::uint64_t witnesses_ = 0;
  std::uint64_t hangups_ = 0;
  std::uint64_t dials_ = 0;
  std::string broken_;
};

}  // namespace relinkd::sim
