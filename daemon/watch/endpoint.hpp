// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/name_follower.hpp"
#include "net/resolver.hpp"
#include "net/tls_cache.hpp"
#include "watch/idle_link.hpp"
#include "watch/link.hpp"

namespace relinkd::watch {

/// What the endpoints share.
struct Surroundings {
  loop::Loop& loop;
  net::Resolver& resolver;
  kernel::RouteProbe& routes;
  net::TlsContextCache contexts;
};

class Endpoint;

/// What an endpoint tells the daemon: every change of state comes through here, once.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  virtual void on_transition(Endpoint& endpoint, const core::Transition& transition) = 0;
  virtual void on_disconnected(Endpoint& endpoint, const Address& address,
                               const core::Attribution& why) = 0;
  virtual void on_connect_result(Endpoint& endpoint, core::ConnectResult result,
                                 std::optional<Duration> outage) = 0;
  virtual void on_rtt(Endpoint& endpoint, Duration rtt) = 0;
  /// Something of the endpoint's host was heard.
  virtual void on_answered(Endpoint& endpoint) = 0;
  virtual void on_restarted(Endpoint& endpoint, Duration outage) = 0;
  virtual void on_certificate(Endpoint& endpoint, WallTime expiry) = 0;
  virtual void on_idle_cut(Endpoint& endpoint, const std::optional<core::IdleCut>& cut) = 0;
  /// The name has other addresses. `followed`: and the connection in use moved.
  virtual void on_dns_changed(Endpoint& endpoint, const std::vector<Address>& before,
                              const std::vector<Address>& now, bool followed) = 0;
  /// The name stopped resolving (once, until it resolves again).
  virtual void on_dns_failing(Endpoint& endpoint, const std::string& why) = 0;
};

/// One configured endpoint with one node at a time: its name, its link, its idle watch.
class Endpoint : public Link::Owner, public IdleLink::Owner {
 public:
  /// The Error: the TLS settings' files cannot be used.
  static Result<std::unique_ptr<Endpoint>> make(Surroundings& surroundings,
                                                const config::Endpoint& settings,
                                                Observer& observer, Entropy& entropy);
  ~Endpoint() override;
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void start();
  void stop();

  /// Whether `settings` leave the connections as they are; else a new Endpoint is to be made.
  [[nodiscard]] bool can_update(const config::Endpoint& settings) const;
  /// Takes over such settings.
  void update(const config::Endpoint& settings);

  [[nodiscard]] const config::Endpoint& settings() const { return settings_; }
  [[nodiscard]] const Link& link() const { return link_; }
  [[nodiscard]] const core::NameFollower& names() const { return names_; }
  [[nodiscard]] std::optional<core::IdleCut> idle_cut() const;
  /// The node's label: its address, or the host as configured while there is none.
  [[nodiscard]] std::string node_name() const;

 private:
  Endpoint(Surroundings& surroundings, const config::Endpoint& settings, Observer& observer,
           std::shared_ptr<net::TlsContext> tls, Entropy& entropy);

  void on_dial_wanted() override;
  void on_transition(const core::Transition& transition) override;
  void on_disconnected(const Address& address, const core::Attribution& why) override;
  void on_connect_result(core::ConnectResult result, std::optional<Duration> outage) override;
  void on_rtt(Duration rtt) override;
  void on_proof(MonoTime sent) override;
  void on_answered() override;
  void on_disturbed() override;
  void on_clients_killed() override;
  void on_restarted(Duration outage) override;
  void on_certificate(WallTime expiry) override;
  std::optional<net::DialTarget> idle_target() override;
  void on_idle_disconnected(const Address& address, const core::Attribution& why) override;
  void on_idle_cut(const std::optional<core::IdleCut>& cut) override;
  void on_ask_node() override;

  void resolve();
  void on_resolved(Result<net::Answer> answer);
  void dial_addresses();
  [[nodiscard]] net::DialTarget target_for(std::vector<Address> addresses) const;

  Surroundings& around_;
  config::Endpoint settings_;
  Observer& observer_;
  std::shared_ptr<net::TlsContext> tls_;
  std::optional<Address> fixed_;  ///< a Unix socket or an IP literal: nothing to resolve
  core::NameFollower names_;
  MonoTime answer_ends_{};   ///< when the last answer's TTL is over
  bool dial_waits_ = false;  ///< the link waits for the query under way
  bool last_dial_failed_ = false;
  bool told_failing_ = false;
  std::unique_ptr<net::Resolver::Query> query_;
  loop::Deadline resolve_at_;
  Link link_;
  std::unique_ptr<IdleLink> idle_;
};

}  // namespace relinkd::watch
