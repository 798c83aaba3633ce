// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cluster_map.hpp"
#include "watch/node.hpp"

namespace relinkd::watch {

/// Asks the nodes of a cluster, in turn, who they think plays which part: one of them each second
/// whether anything changed (CLUSTER INFO, which costs it some microseconds), and for the whole
/// picture where something did, every topology_interval, and ever again while a member is in
/// trouble. Decides nothing: core::ClusterMap does.
class Cluster {
 public:
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    /// Nodes that answer, in an order that stays.
    virtual std::vector<Node*> informants() = 0;
    virtual void on_cluster_changed(const core::ClusterMap::Change& change) = 0;
    virtual void on_cluster_health(bool fine, const std::string& detail) = 0;
    /// A node cannot be used to learn of the cluster; a sentence without names.
    virtual void on_cluster_trouble(const Node& node, const std::string& why) = 0;
  };

  Cluster(loop::Loop& loop, const config::Endpoint& settings, Owner& owner);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster() = default;

  void start();
  void stop();
  void update(const config::Endpoint& settings) { settings_ = settings; }
  /// Something is wrong with a member: the picture is wanted now and often, until `hurry` ends.
  void hurry(bool hurry);
  /// The node will be gone.
  void forget(const Node& node);

  std::vector<Question> questions(const Node& node, bool greeting);
  void on_topology(Node& node, Ask ask, const resp::Reply& reply);

  [[nodiscard]] const core::ClusterMap& map() const { return map_; }
  /// Slots that no living node serves.
  [[nodiscard]] unsigned unserved_slots() const;
  [[nodiscard]] std::string describe() const;

 private:
  void poll();
  void take_info(Node& node, const resp::Reply& reply);
  void take_names(Node& node, Ask ask, const resp::Reply& reply);
  void take_nodes(Node& node, const resp::Reply& reply);
  void take_view(const Node& node, const core::ClusterNodes& nodes);
  void judge_health();
  void complain(const Node& node, Ask ask, const std::string& why);

  loop::Loop& loop_;
  config::Endpoint settings_;
  Owner& owner_;
  core::ClusterMap map_;
  core::ClusterNodes names_;  ///< the forms of addresses that clients should use, told last
  std::optional<core::ClusterHealth> health_;
  unsigned troubled_looks_ = 0;  ///< in a row
  std::string told_unhealthy_;
  bool has_view_ = false;
  std::map<Ask, std::string> told_trouble_;  ///< by what was asked
  const Node* asked_ = nullptr;
  std::size_t turn_ = 0;
  bool want_picture_ = true;
  bool hurry_ = false;
  MonoTime next_picture_{};
  loop::Deadline poll_at_;
};

}  // namespace relinkd::watch
