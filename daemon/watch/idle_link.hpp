// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "core/attribution.hpp"
#include "core/idle_machine.hpp"
#include "loop/loop.hpp"
#include "net/dial.hpp"
#include "watch/connection.hpp"
#include "watch/greeting.hpp"

namespace relinkd::watch {

/// The idle watch's connection: carries out what core::IdleMachine orders.
class IdleLink : public net::Dial::Listener, public Connection::Listener {
 public:
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    /// Where to connect: the address that the watch connection uses; nothing while it has none.
    virtual std::optional<net::DialTarget> idle_target() = 0;
    virtual void on_idle_disconnected(const Address& address, const core::Attribution& why) = 0;
    /// A finding is new, changed, or (nothing) gone.
    virtual void on_idle_cut(const std::optional<core::IdleCut>& cut) = 0;
    /// The node is to be probed now: its answer decides what an ending means.
    virtual void on_ask_node() = 0;
  };

  /// Precondition: the idle watch is not off.
  IdleLink(loop::Loop& loop, const config::Endpoint& settings, Owner& owner, Entropy entropy);
  ~IdleLink() override;
  IdleLink(const IdleLink&) = delete;
  IdleLink& operator=(const IdleLink&) = delete;

  void start();
  void stop();
  void node_proven(MonoTime probe_sent, int required_transmissions);
  void node_disturbed();
  void move(const std::string& reason);
  void node_explained(const core::Attribution& why);

  [[nodiscard]] const std::optional<core::IdleCut>& cut() const { return machine_.cut(); }

 private:
  void on_dialed(net::Dial::Success success) override;
  void on_dial_failed(core::DialFailure failure) override;
  void on_dial_unanswered(const Address&) override {}
  void on_reply(Connection& connection, Ask ask, resp::Reply reply) override;
  void on_ended(Connection& connection, core::Ending ending) override;

  void on_deadline();
  void feed(const core::IdleEvent& event);
  void drop_connection(bool abort);

  loop::Loop& loop_;
  config::Endpoint settings_;
  Owner& owner_;
  core::IdleMachine machine_;
  loop::Deadline deadline_;
  /// From the greeting until its PING is answered.
  bool greeted_ = false;
  Address address_;
  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace relinkd::watch
