// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/app_socket.hpp"
#include "core/failover.hpp"
#include "watch/cluster.hpp"
#include "watch/node.hpp"
#include "watch/sentinels.hpp"

namespace relinkd::watch {

/// What the endpoints share.
struct Shared {
  Shared(loop::Loop& loop, net::Resolver& resolver, kernel::RouteProbe& routes)
      : around{loop, resolver, routes, {}} {}
  Surroundings around;
};

/// A node that the endpoint held as primary before.
struct Former {
  Address address;
  WallTime demoted{};
  std::uint64_t sockets = 0;  ///< connections of this host's other processes to it
  bool counted = false;       ///< else their number is not known yet
};

/// Where applications of this host may be connected for an endpoint's sake, and what is known of
/// the node there.
struct Place {
  Address address;
  core::NodeStanding standing;
};

/// What an endpoint tells the daemon: every change of state comes through here, once.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  // Of a node, whichever part it plays.
  virtual void on_transition(const Node& node, const core::Transition& transition) = 0;
  virtual void on_disconnected(const Node& node, const Address& address,
                               const core::Attribution& why) = 0;
  virtual void on_connect_result(const Node& node, core::ConnectResult result,
                                 std::optional<Duration> outage) = 0;
  virtual void on_rtt(const Node& node, Duration rtt) = 0;
  virtual void on_answered(const Node& node) = 0;
  virtual void on_restarted(const Node& node, Duration outage, const core::Replacement& what) = 0;
  virtual void on_certificate(const Node& node, WallTime expiry) = 0;
  virtual void on_idle_cut(const Node& node, const std::optional<core::IdleCut>& cut) = 0;
  virtual void on_dns_changed(const Node& node, const std::vector<Address>& before,
                              const std::vector<Address>& now, bool followed) = 0;
  virtual void on_dns_failing(const Node& node, const std::string& why) = 0;

  // Of the endpoint.
  /// Nodes have come or gone, or are elsewhere.
  virtual void on_nodes_changed() = 0;
  /// A new primary has proven itself. `away`: the old one was last seen before relinkd started.
  virtual void on_failover(const core::FailoverStory& story, bool away) = 0;
  /// Somebody names another primary, which is followed; a sentence without the endpoint's name.
  virtual void on_primary_named(const std::string& sentence) = 0;
  virtual void on_confirmed(bool confirmed, const std::string& sentence) = 0;
  virtual void on_sentinel_news(const Node& sentinel, const core::SentinelEvent& event) = 0;
  virtual void on_cluster_changed(const std::string& sentence) = 0;
  virtual void on_cluster_health(bool fine, const std::string& detail) = 0;
  virtual void on_announcement(const core::Announcement& announcement) = 0;
  /// The last connection of this host to a former primary is gone.
  virtual void on_former_left(const Former& former) = 0;
  /// Something cannot be done or understood; a sentence without the endpoint's name.
  virtual void on_trouble(const std::string& sentence) = 0;
};

/// One configured endpoint: its members (one primary; of a cluster, one a shard), the other nodes
/// that are watched for their sake, and where it learns who is who.
class Endpoint : public NodeOwner,
                 public Sentinels::Owner,
                 public Cluster::Owner,
                 public Subscription::Owner {
 public:
  /// What outlives a restart of the daemon.
  struct Memory {
    std::string primary;  ///< the last proven primary of an endpoint with one; else empty
    WallTime last_proof{};
    std::optional<HostPort> believed;  ///< whom the Sentinels named
    std::uint64_t epoch = 0;
    std::vector<Former> formers;
  };

  /// The Error: the TLS settings' files cannot be used.
  static Result<std::unique_ptr<Endpoint>> make(Shared& shared, const config::Endpoint& settings,
                                                Observer& observer, Entropy& entropy);
  ~Endpoint() override;
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// To be called before start(), if at all.
  void restore(const Memory& memory);
  [[nodiscard]] Memory memory() const;
  void start();
  void stop();

  /// Whether `settings` leave the connections as they are; else a new Endpoint is to be made.
  [[nodiscard]] bool can_update(const config::Endpoint& settings) const;
  /// Takes over such settings.
  void update(const config::Endpoint& settings);

  [[nodiscard]] const config::Endpoint& settings() const { return settings_; }
  /// The nodes whose worst condition is the endpoint's. Empty while Sentinels or seeds have not
  /// told any.
  [[nodiscard]] std::vector<const Node*> members() const;
  /// Replicas, former primaries and candidates that are watched besides.
  [[nodiscard]] std::vector<const Node*> others() const;
  [[nodiscard]] std::vector<const Node*> sentinels() const;
  /// Where no member is known: what those that should name it are like; the least bad of them.
  [[nodiscard]] const Node* best_source() const;
  [[nodiscard]] const std::vector<Former>& formers() const { return formers_; }
  /// "3 of 3 Sentinels name 198.18.0.3:6379, epoch 2"; empty where nothing is to be said.
  [[nodiscard]] std::string topology_detail() const;
  /// False while fewer than a majority of the known Sentinels agree on the primary.
  [[nodiscard]] bool confirmed() const;
  [[nodiscard]] unsigned uncovered_slots() const;
  /// Maintenance is announced, or under way.
  [[nodiscard]] bool in_maintenance() const;

  // For those who look at the applications' connections: endpoint_places.cpp.
  /// Each address once: members (all addresses of a name), former primaries, replicas.
  [[nodiscard]] std::vector<Place> places() const;
  /// Tells how many connections of other processes of this host lead to a former primary.
  void count_connections(const Address& former, std::uint64_t sockets);
  /// Asks the node at this address for a sign of life now, if relinkd is connected to it.
  void hurry(const Address& address);
  /// What is known of the node at this address, but for the incident.
  [[nodiscard]] core::Circumstances circumstances(const Address& address) const;
  /// Asks it what its counters are now (Link::inquire). False: relinkd does not watch it.
  bool inquire(const Address& address, std::function<void(const core::Inquired&)> then);
  /// Whether each member has answered since the start, and where a primary is expected, as one.
  [[nodiscard]] bool is_proven() const;
  /// Whether each of them does so now, in time.
  [[nodiscard]] bool serves() const;

 private:
  struct Member {
    std::string key;  ///< of the shard
    std::unique_ptr<Node> node;
    core::FailoverDetector detector;
    std::optional<Address> proven_at;  ///< the primary that proved itself last
    bool found_elsewhere = false;      ///< it is not the endpoint's own node
    std::vector<HostPort> replicas;    ///< as the primary told last
    /// Those that it told of before, and until when they are watched on.
    std::map<HostPort, MonoTime> lost_replicas;
    std::optional<HostPort> follows;  ///< of a member that turned replica: whom
  };

  Endpoint(Shared& shared, const config::Endpoint& settings, Observer& observer,
           std::shared_ptr<net::TlsContext> tls, Entropy& entropy);

  // Of a node.
  void on_transition(Node& node, const core::Transition& transition) override;
  void on_disconnected(Node& node, const Address& address, const core::Attribution& why) override;
  void on_connect_result(Node& node, core::ConnectResult result,
                         std::optional<Duration> outage) override;
  void on_rtt(Node& node, Duration rtt) override;
  void on_malformed(Node& node, const std::string& why) override;
  void on_passed_over(Node& node, const Address& address, core::Condition condition) override;
  void on_answered(Node& node) override;
  void on_evidence(Node& node) override;
  std::vector<Question> questions(Node& node, bool greeting, bool topology) override;
  void on_topology(Node& node, Ask ask, const resp::Reply& reply) override;
  void on_restarted(Node& node, Duration outage, const core::Replacement& what) override;
  void on_certificate(Node& node, WallTime expiry) override;
  void on_idle_cut(Node& node, const std::optional<core::IdleCut>& cut) override;
  void on_dns_changed(Node& node, const std::vector<Address>& before,
                      const std::vector<Address>& now, bool followed) override;
  void on_dns_failing(Node& node, const std::string& why) override;
  // Of the Sentinels.
  std::unique_ptr<Node> make_sentinel(const HostPort& where) override;
  void on_sentinels_changed() override;
  void on_belief(const core::SentinelQuorum::Belief& belief) override;
  void on_confirmed(bool confirmed) override;
  void on_agreed_down(const HostPort& primary) override;
  void on_sentinel_news(const Node& sentinel, const core::SentinelEvent& event) override;
  void on_sentinel_trouble(const Node& sentinel, const std::string& why) override;
  // Of the cluster.
  std::vector<Node*> informants() override;
  void on_cluster_changed(const core::ClusterMap::Change& change) override;
  void on_cluster_health(bool fine, const std::string& detail) override;
  void on_cluster_trouble(const Node& node, const std::string& why) override;
  // Of announcements.
  std::optional<net::DialTarget> subscription_target(Subscription& subscription) override;
  void on_subscribed(Subscription& subscription) override;
  void on_message(Subscription& subscription, const resp::Message& message) override;
  void on_subscription_trouble(Subscription& subscription, const std::string& why) override;

  // Nodes: endpoint_nodes.cpp.
  [[nodiscard]] config::Endpoint settings_for(const HostPort& where, Part part) const;
  std::unique_ptr<Node> make_node(const HostPort& where, Part part);
  Member& add_member(std::string key, std::unique_ptr<Node> node);
  void remove_member(const std::string& key);
  Member* find_member(const Node& node);
  Member* find_member(const std::string& key);
  void arrange();
  [[nodiscard]] std::map<HostPort, Part> wanted_others() const;
  void want_arrangement();
  static void take_replicas(Member& member, const std::vector<HostPort>& replicas, MonoTime now);

  // Who is the primary: endpoint.cpp.
  void take_primary_evidence(Member& member, const Node& node);
  void take_candidate_evidence(const Node& node);
  void tell(Member& member, const core::FailoverStory& story, const std::optional<Address>& from);
  void follow_cluster();
  void hurry_if_troubled();
  [[nodiscard]] bool has_proven(const Member& member) const;
  [[nodiscard]] bool serves(const Member& member) const;
  [[nodiscard]] core::NodeStanding::Part part_of(const Former& former) const;
  [[nodiscard]] const Node* node_at(const Address& address) const;
  Node* node_at(const Address& address);
  [[nodiscard]] bool searches(const Member& member) const;

  Shared& shared_;
  config::Endpoint settings_;
  Observer& observer_;
  std::shared_ptr<net::TlsContext> tls_;
  Entropy entropy_;
  MonoTime started_{};
  Memory restored_;  ///< what holds as long as nothing newer is known
  std::vector<std::unique_ptr<Member>> members_;
  std::map<HostPort, std::unique_ptr<Node>> others_;
  std::unique_ptr<Sentinels> sentinels_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Subscription> announcements_;
  MonoTime maintenance_from_ = kNever;
  MonoTime maintenance_until_ = MonoTime::min();
  std::vector<Former> formers_;
  loop::Deadline arrange_at_;
  loop::Deadline cluster_at_;
};

}  // namespace relinkd::watch
