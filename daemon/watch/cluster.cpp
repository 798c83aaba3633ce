// SPDX-License-Identifier: Apache-2.0
#include "watch/cluster.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "resp/cluster.hpp"

namespace relinkd::watch {

namespace {

constexpr Duration kLook = 1s;
constexpr Duration kHurriedLook = 250ms;
/// So many nodes in turn must say that something is wrong with the cluster.
constexpr unsigned kSureLooks = 3;
/// What CLUSTER INFO shows is asked about as soon as the PING sent with it is answered.
constexpr Duration kSoon = 20ms;

}  // namespace

Cluster::Cluster(loop::Loop& loop, const config::Endpoint& settings, Owner& owner)
    : loop_(loop),
      settings_(settings),
      owner_(owner),
      poll_at_(loop.deadlines(), [this] { poll(); }) {}

void Cluster::start() { poll_at_.set(loop_.now().at + kLook); }

void Cluster::stop() { poll_at_.clear(); }

void Cluster::hurry(bool hurry) {
  if (std::exchange(hurry_, hurry) || !hurry) return;
  poll_at_.set(loop_.now().at);
}

void Cluster::forget(const Node& node) {
  if (asked_ == &node) asked_ = nullptr;
}

void Cluster::poll() {
  const MonoTime now = loop_.now().at;
  poll_at_.set(now + (hurry_ ? kHurriedLook : kLook));
  want_picture_ = want_picture_ || hurry_ || now >= next_picture_;
  const std::vector<Node*> nodes = owner_.informants();
  if (nodes.empty()) return;
  Node* node = nodes[turn_++ % nodes.size()];
  asked_ = node;
  node->link().ask_now();
}

std::vector<Question> Cluster::questions(const Node& node, bool greeting) {
  const bool first = greeting && !has_view_;
  if (!first && asked_ != &node) return {};
  if (asked_ == &node) asked_ = nullptr;
  std::vector<Question> all;
  const auto add = [&](Ask ask) { all.push_back({ask, command_of(ask)}); };
  add(Ask::ClusterInfo);
  if (!want_picture_ && !first) return all;
  want_picture_ = false;
  next_picture_ = loop_.now().at + settings_.watch.topology_interval;
  add(node.link().refuses(Ask::ClusterShards) ? Ask::ClusterSlots : Ask::ClusterShards);
  add(Ask::ClusterNodes);
  return all;
}

void Cluster::on_topology(Node& node, Ask ask, const resp::Reply& reply) {
  switch (ask) {
    case Ask::ClusterInfo: return take_info(node, reply);
    case Ask::ClusterShards:
    case Ask::ClusterSlots: return take_names(node, ask, reply);
    case Ask::ClusterNodes: return take_nodes(node, reply);
    default: return;
  }
}

void Cluster::take_info(Node& node, const resp::Reply& reply) {
  // Without it the picture comes every topology_interval.
  if (reply.is_error()) return;
  const auto health = resp::parse_cluster_info(reply);
  if (!health) return complain(node, Ask::ClusterInfo, health.error().message);
  if (health_ && *health_ != *health) {
    want_picture_ = true;
    poll_at_.set(loop_.now().at + kSoon);
  }
  health_ = *health;
  judge_health();
}

void Cluster::take_names(Node& node, Ask ask, const resp::Reply& reply) {
  if (reply.is_error()) {
    // SHARDS is new in 7.0; the same node is asked for SLOTS the next time.
    if (ask == Ask::ClusterShards && node.link().refuses(ask)) want_picture_ = true;
    return;
  }
  auto names = ask == Ask::ClusterShards
                   ? resp::parse_cluster_shards(
                         reply, node.settings().url.scheme == config::Url::Scheme::Rediss)
                   : resp::parse_cluster_slots(reply);
  if (!names) return complain(node, ask, names.error().message);
  for (core::ClusterNode& n : *names) {
    if (n.where.host.empty()) n.where.host = node.where().host;
  }
  names_ = std::move(*names);
  // Where NODES is refused this is all that can be known.
  if (node.link().refuses(Ask::ClusterNodes)) take_view(node, names_);
}

void Cluster::take_nodes(Node& node, const resp::Reply& reply) {
  if (reply.is_error()) {
    if (node.link().refuses(Ask::ClusterNodes) && !names_.empty()) return take_view(node, names_);
    return complain(node, Ask::ClusterNodes,
                    fmt::format("CLUSTER NODES is answered \"{}\"", printable(reply.text)));
  }
  const auto nodes = resp::parse_cluster_nodes(reply);
  if (!nodes) return complain(node, Ask::ClusterNodes, nodes.error().message);
  take_view(node, *nodes);
}

void Cluster::take_view(const Node& node, const core::ClusterNodes& nodes) {
  const auto change = map_.on_view(node.where(), nodes, names_);
  has_view_ = has_view_ || !map_.shards().empty();
  if (change.any) owner_.on_cluster_changed(change);
}

void Cluster::judge_health() {
  if (!has_view_ || !health_) return;
  std::string trouble;
  if (!health_->ok) trouble = "cluster_state is fail";
  if (const unsigned slots = unserved_slots(); slots > 0) {
    trouble += fmt::format("{}{} of {} hash slots are not served", trouble.empty() ? "" : "; ",
                           slots, core::kClusterSlots);
  }
  troubled_looks_ = trouble.empty() ? 0 : troubled_looks_ + 1;
  // A node that joined just now says so too, and is alone in it.
  if (!trouble.empty() && troubled_looks_ < kSureLooks) return;
  const bool was_fine = told_unhealthy_.empty();
  if (std::exchange(told_unhealthy_, trouble) == trouble) return;
  if (!trouble.empty() || !was_fine) {
    owner_.on_cluster_health(trouble.empty(),
                             trouble.empty() ? "all hash slots are served" : trouble);
  }
}

unsigned Cluster::unserved_slots() const {
  unsigned slots = map_.uncovered_slots();
  for (const auto& shard : map_.shards()) {
    if (shard.failed && shard.covered) slots += core::count_slots(shard.slots);
  }
  return slots;
}

void Cluster::complain(const Node& node, Ask ask, const std::string& why) {
  if (std::exchange(told_trouble_[ask], why) != why) owner_.on_cluster_trouble(node, why);
}

std::string Cluster::describe() const {
  if (!has_view_) return "no node has described the cluster yet";
  std::string text = plural(map_.shards().size(), "shard");
  if (!told_unhealthy_.empty()) text += "; " + told_unhealthy_;
  return text;
}

}  // namespace relinkd::watch
