// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/entropy.hpp"
#include "loop/loop.hpp"
#include "net/dial.hpp"
#include "resp/pubsub.hpp"
#include "watch/connection.hpp"

namespace relinkd::watch {

/// A connection beside a node's watch connection that subscribes to channels. What is published
/// while there is no connection is lost: a hint, never proof. It keeps itself alive by a PING each
/// second, and connects anew with the back-off of the settings, or after a minute where it was
/// refused. It says nothing of the node, which the watch connection does.
class Subscription : public net::Dial::Listener, public Connection::Listener {
 public:
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    /// Where to connect; nothing while the watch connection has no address that answers.
    virtual std::optional<net::DialTarget> subscription_target(Subscription& subscription) = 0;
    /// The server takes the subscription: what was published before may have been missed.
    virtual void on_subscribed(Subscription& subscription) = 0;
    virtual void on_message(Subscription& subscription, const resp::Message& message) = 0;
    /// The server refuses it, or what came is malformed. Once until the reason is another.
    virtual void on_subscription_trouble(Subscription& subscription, const std::string& why) = 0;
  };

  /// `settings`: user and password, back-off and command_timeout are used.
  Subscription(loop::Loop& loop, const config::Endpoint& settings,
               std::vector<std::string> channels, Owner& owner, Entropy entropy);
  ~Subscription() override;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  void start();
  void stop();
  /// Leaves the connection for one to the present target; tries again what was refused.
  void restart();

 private:
  void on_dialed(net::Dial::Success success) override;
  void on_dial_failed(core::DialFailure failure) override;
  void on_dial_unanswered(const Address&) override {}
  void on_reply(Connection& connection, Ask ask, resp::Reply reply) override;
  void on_ended(Connection& connection, core::Ending ending) override;

  void on_deadline();
  void dial();
  void drop();
  void wait();
  void complain(const std::string& why);

  loop::Loop& loop_;
  config::Endpoint settings_;
  std::vector<std::string> channels_;
  Owner& owner_;
  Entropy entropy_;
  unsigned failures_ = 0;
  bool subscribed_ = false;
  std::string told_;
  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<Connection> connection_;
  loop::Deadline deadline_;
};

}  // namespace relinkd::watch
