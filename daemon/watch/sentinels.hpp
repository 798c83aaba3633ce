// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sentinel_news.hpp"
#include "core/sentinel_quorum.hpp"
#include "watch/node.hpp"
#include "watch/subscription.hpp"

namespace relinkd::watch {

/// The Sentinels of one primary: those that are configured, and those that they name. Each has a
/// watch connection, over which it is asked each second, and a subscription, which makes relinkd
/// ask at once. Decides nothing: core::SentinelQuorum does.
class Sentinels : public Subscription::Owner {
 public:
  /// What the Sentinels tell their endpoint. Never from within a call of the endpoint.
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    /// A node with part Sentinel, whose owner hands its news back to the Sentinels.
    virtual std::unique_ptr<Node> make_sentinel(const HostPort& where) = 0;
    /// One has been added, or is about to go.
    virtual void on_sentinels_changed() = 0;
    /// The primary or its epoch is another now.
    virtual void on_belief(const core::SentinelQuorum::Belief& belief) = 0;
    /// A majority of the known Sentinels agrees (again), or has not for a while.
    virtual void on_confirmed(bool confirmed) = 0;
    /// They agree that `primary` is down (+odown). One that has not heard of a switch yet still
    /// says it of the old one.
    virtual void on_agreed_down(const HostPort& primary) = 0;
    virtual void on_sentinel_news(const Node& sentinel, const core::SentinelEvent& event) = 0;
    /// A Sentinel cannot be used as it should; a sentence without names.
    virtual void on_sentinel_trouble(const Node& sentinel, const std::string& why) = 0;
  };

  Sentinels(loop::Loop& loop, const config::Endpoint& settings, Owner& owner, Entropy entropy);
  ~Sentinels() override;
  Sentinels(const Sentinels&) = delete;
  Sentinels& operator=(const Sentinels&) = delete;

  void start();
  void stop();
  /// What was believed before a restart.
  void restore(const HostPort& primary, std::uint64_t epoch) { quorum_.restore(primary, epoch); }

  /// News of a Sentinel's node, handed on by its owner.
  std::vector<Question> questions(const Node& node, bool greeting, bool topology) const;
  void on_topology(Node& node, Ask ask, const resp::Reply& reply);

  [[nodiscard]] std::optional<core::SentinelQuorum::Belief> belief() const;
  /// "3 of 3 Sentinels name 198.18.0.3:6379, epoch 2".
  [[nodiscard]] std::string describe() const;
  void each(const std::function<void(Node&)>& visit) const;

 private:
  struct Entry {
    std::string id;  ///< its own, or its address as long as that is not known
    bool configured = false;
    std::unique_ptr<Node> node;
    std::unique_ptr<Subscription> subscription;
    MonoTime named{};                 ///< when another Sentinel named it last
    std::map<Ask, std::string> told;  ///< the trouble that was told last, by what was asked
  };

  std::optional<net::DialTarget> subscription_target(Subscription& subscription) override;
  void on_subscribed(Subscription& subscription) override;
  void on_message(Subscription& subscription, const resp::Message& message) override;
  void on_subscription_trouble(Subscription& subscription, const std::string& why) override;

  void add(const HostPort& where, const std::string& id, bool configured);
  void remove(Entry& entry);
  Entry* find(const Node& node);
  Entry* find(const Subscription& subscription);
  Entry* find_id(const std::string& id);
  /// The one at this place, configured by whatever name, whose own id is not known yet.
  Entry* find_unidentified(const HostPort& where);
  void take_id(Entry& entry, const resp::Reply& reply);
  void take_peers(Entry& entry, const resp::Reply& reply);
  void take_report(Entry& entry, const resp::Reply& reply);
  void forget_lost();
  void complain(Entry& entry, Ask ask, const std::string& why);
  void settle();

  loop::Loop& loop_;
  config::Endpoint settings_;
  Owner& owner_;
  Entropy entropy_;
  core::SentinelQuorum quorum_;
  core::SentinelNews news_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::optional<bool> told_confirmed_;
  MonoTime unconfirmed_since_ = kNever;
  loop::Deadline settle_at_;
};

}  // namespace relinkd::watch
