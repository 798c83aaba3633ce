// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "core/link_machine.hpp"
#include "loop/loop.hpp"
#include "net/dial.hpp"
#include "watch/connection.hpp"

namespace relinkd::watch {

/// A fresh connection to the node, opened to tell a dead flow from a dead node. A plain one stops
/// at the SYN-ACK; a full one goes on to TLS, AUTH and PING, and any RESP reply will do. Reports
/// one result, or none as long as there is silence.
class Witness : public net::Dial::Listener, public Connection::Listener {
 public:
  using Report = std::function<void(core::event::Witnessed)>;

  /// `target`: the node's one address, with TLS settings if the endpoint has them. The owner parts
  /// with it by cancel() and Loop::retire().
  Witness(loop::Loop& loop, net::DialTarget target, bool full, const config::Endpoint& settings,
          Report report);
  ~Witness() override;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  void cancel();

 private:
  void on_dialed(net::Dial::Success success) override;
  void on_dial_failed(core::DialFailure failure) override;
  void on_dial_unanswered(const Address&) override {}
  void on_reply(Connection& connection, Ask ask, resp::Reply reply) override;
  void on_ended(Connection& connection, core::Ending ending) override;
  void report(core::WitnessResult result, std::string detail = {});

  loop::Loop& loop_;
  bool full_;
  config::Endpoint settings_;
  Report report_;
  MonoTime opened_;
  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace relinkd::watch
