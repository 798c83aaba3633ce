// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.hpp"
#include "base/host_port.hpp"
#include "config/settings.hpp"
#include "core/name_follower.hpp"
#include "net/resolver.hpp"
#include "net/tls_cache.hpp"
#include "watch/idle_link.hpp"
#include "watch/link.hpp"

namespace relinkd::watch {

/// What all nodes share.
struct Surroundings {
  loop::Loop& loop;
  net::Resolver& resolver;
  kernel::RouteProbe& routes;
  net::TlsContextCache contexts;
};

/// Which part a node plays for its endpoint.
enum class Part : std::uint8_t {
  Primary,    ///< a member: its condition is the endpoint's
  Replica,    ///< watched besides (watch_replicas)
  Former,     ///< was the primary; connections of this host still lead there
  Candidate,  ///< asked whether it is the primary now, or where the cluster is
  Sentinel,
};
inline constexpr auto kPartNames =
    enum_names<Part>("primary", "replica", "former", "candidate", "sentinel");

class Node;

/// What a node tells its endpoint. Calls come from within the node's own handlers: the endpoint
/// parts with a node by Loop::retire(), and moves none from within its own call.
class NodeOwner {
 public:
  NodeOwner() = default;
  NodeOwner(const NodeOwner&) = delete;
  NodeOwner& operator=(const NodeOwner&) = delete;
  virtual ~NodeOwner() = default;

  virtual void on_transition(Node& node, const core::Transition& transition) = 0;
  virtual void on_disconnected(Node& node, const Address& address,
                               const core::Attribution& why) = 0;
  virtual void on_connect_result(Node& node, core::ConnectResult result,
                                 std::optional<Duration> outage) = 0;
  virtual void on_rtt(Node& node, Duration rtt) = 0;
  /// An answer that relinkd can do without cannot be understood; once until it is another one.
  virtual void on_malformed(Node& node, const std::string& why) = 0;
  /// The name's address in use before failed in this way, and another one was taken.
  virtual void on_passed_over(Node& node, const Address& address, core::Condition condition) = 0;
  /// Something of the node's host was heard.
  virtual void on_answered(Node& node) = 0;
  /// An answer brought condition, role or identity up to date.
  virtual void on_evidence(Node& node) = 0;
  virtual std::vector<Question> questions(Node& node, bool greeting, bool topology) = 0;
  virtual void on_topology(Node& node, Ask ask, const resp::Reply& reply) = 0;
  virtual void on_restarted(Node& node, Duration outage, const core::Replacement& what) = 0;
  virtual void on_certificate(Node& node, WallTime expiry) = 0;
  virtual void on_idle_cut(Node& node, const std::optional<core::IdleCut>& cut) = 0;
  /// The name has other addresses. `followed`: and the connection in use moved.
  virtual void on_dns_changed(Node& node, const std::vector<Address>& before,
                              const std::vector<Address>& now, bool followed) = 0;
  /// The name stopped resolving (once, until it resolves again).
  virtual void on_dns_failing(Node& node, const std::string& why) = 0;
};

/// One server, at a name or address that may come to be another: its name, its link, and the idle
/// watch where it has one.
class Node : public Link::Owner, public IdleLink::Owner {
 public:
  struct Options {
    Part part = Part::Primary;
    bool idle_watch = false;
  };
  /// `settings`: the endpoint's, with the URL of this node. `tls`: null for plain.
  Node(Surroundings& surroundings, const config::Endpoint& settings, Options options,
       NodeOwner& owner, std::shared_ptr<net::TlsContext> tls, Entropy entropy);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void start();
  void stop();
  /// The node is elsewhere now: leaves its connections for new ones there. The condition stays what
  /// it was until the new place speaks.
  void move_to(const HostPort& where, const std::string& reason);
  /// Settings that leave the connections as they are; the URL is this node's.
  void update(const config::Endpoint& settings, std::shared_ptr<net::TlsContext> tls);

  [[nodiscard]] Part part() const { return options_.part; }
  [[nodiscard]] const config::Endpoint& settings() const { return settings_; }
  [[nodiscard]] HostPort where() const { return {settings_.url.host, settings_.url.port}; }
  [[nodiscard]] bool has_name() const { return !fixed_; }
  [[nodiscard]] Link& link() { return link_; }
  [[nodiscard]] const Link& link() const { return link_; }
  [[nodiscard]] core::Condition condition() const { return link_.machine().condition(); }
  [[nodiscard]] bool is_up() const { return core::is_up(condition()); }
  [[nodiscard]] const core::NameFollower& names() const { return names_; }
  [[nodiscard]] std::optional<core::IdleCut> idle_cut() const;
  /// The node's label: its address, or the host as configured while there is none.
  [[nodiscard]] std::string label() const;
  /// How to connect beside the watch connection: nothing while that has no connection.
  [[nodiscard]] std::optional<net::DialTarget> target_in_use() const;

 private:
  void on_dial_wanted() override;
  void on_transition(const core::Transition& transition) override;
  void on_disconnected(const Address& address, const core::Attribution& why) override;
  void on_connect_result(core::ConnectResult result, std::optional<Duration> outage) override;
  void on_rtt(Duration rtt) override;
  void on_proof(MonoTime sent) override;
  void on_evidence() override;
  std::vector<Question> questions(bool greeting, bool topology) override;
  void on_topology(Ask ask, const resp::Reply& reply) override;
  void on_malformed(const std::string& why) override;
  void on_passed_over(const Address& address, core::Condition condition) override;
  void on_answered() override;
  void on_disturbed() override;
  void on_clients_killed() override;
  void on_restarted(Duration outage, const core::Replacement& what) override;
  void on_certificate(WallTime expiry) override;
  std::optional<net::DialTarget> idle_target() override { return target_in_use(); }
  void on_idle_disconnected(const Address& address, const core::Attribution& why) override;
  void on_idle_cut(const std::optional<core::IdleCut>& cut) override;
  void on_ask_node() override;

  void leave(const std::string& reason);
  void resolve();
  void on_resolved(Result<net::Answer> answer);
  void dial_addresses();
  [[nodiscard]] net::DialTarget target_for(std::vector<Address> addresses) const;

  Surroundings& around_;
  config::Endpoint settings_;
  Options options_;
  NodeOwner& owner_;
  std::shared_ptr<net::TlsContext> tls_;
  std::optional<Address> fixed_;  ///< a Unix socket or an IP literal: nothing to resolve
  core::NameFollower names_;
  MonoTime answer_ends_{};   ///< when the last answer's TTL is over
  bool dial_waits_ = false;  ///< the link waits for the query under way
  bool last_dial_failed_ = false;
  bool told_failing_ = false;
  std::string told_malformed_;
  std::unique_ptr<net::Resolver::Query> query_;
  loop::Deadline resolve_at_;
  Link link_;
  std::unique_ptr<IdleLink> idle_;
};

}  // namespace relinkd::watch
