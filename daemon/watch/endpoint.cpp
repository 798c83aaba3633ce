// SPDX-License-Identifier: Apache-2.0
// Who is the primary. What nodes there are, and their life, is in endpoint_nodes.cpp.
#include "watch/endpoint.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::watch {

namespace {

/// Azure's documentation: a maintenance may start 3 minutes before the announced time; for how long
/// it takes there is no promise, so that an hour without "Ended" is the end.
constexpr Duration kMaintenanceEarly = 3min;
constexpr Duration kMaintenanceLasts = 1h;
constexpr std::size_t kMaxFormers = 64;

/// What the failover detector calls a node: as its source names it, since an announced host name is
/// one node whatever it resolves to; behind a configured name, the address.
std::string detector_name(const Node& node, const config::Endpoint& settings) {
  return settings.url.has_seeds() ? node.where().to_string() : node.label();
}

}  // namespace

// --- evidence of nodes ------------------------------------------------------------------------

void Endpoint::on_transition(Node& node, const core::Transition& t) {
  if (Member* member = find_member(node)) {
    const MonoTime now = shared_.around.loop.now().at;
    member->detector.on_condition(detector_name(node, settings_), t.to, now);
    hurry_if_troubled();
  } else if (!settings_.url.has_seeds() && !members_.empty()) {
    // The primary that was found in place of the endpoint's own.
    members_.front()->detector.on_condition(node.label(), t.to, shared_.around.loop.now().at);
  }
  observer_.on_transition(node, t);
  want_arrangement();
}

void Endpoint::hurry_if_troubled() {
  const auto trouble = [](const auto& m) {
    return !core::is_up(m->node->condition()) && m->node->condition() != core::Condition::Unknown;
  };
  if (cluster_) cluster_->hurry(std::any_of(members_.begin(), members_.end(), trouble));
}

void Endpoint::on_evidence(Node& node) {
  if (settings_.expect != config::Expect::Primary) return;
  if (Member* member = find_member(node)) {
    take_primary_evidence(*member, node);
  } else if (node.part() != Part::Sentinel && !settings_.url.has_seeds()) {
    take_candidate_evidence(node);
  }
}

void Endpoint::take_primary_evidence(Member& member, const Node& node) {
  const MonoTime now = shared_.around.loop.now().at;
  const auto& role = node.link().role();
  if (!role || !node.link().address()) return;
  if (role->role == resp::Role::Replica) {
    const HostPort follows{role->primary_host, role->primary_port};
    if (std::exchange(member.follows, follows) != follows) want_arrangement();
    return;
  }
  if (!node.link().is_proven_primary()) return;
  if (member.replicas != role->replicas || member.follows) {
    take_replicas(member, role->replicas, now);
    member.follows.reset();
    want_arrangement();
  }
  const Address& address = *node.link().address();
  const core::ServerIdentity& identity = node.link().identity();
  core::FailoverDetector& detector = member.detector;
  // What each PING of thousands of endpoints shows is not worth a new text.
  const bool settled =
      !settings_.url.has_seeds() && !member.found_elsewhere && member.proven_at == address;
  const std::string name = settled ? detector.primary() : detector_name(node, settings_);
  // The same process at another address: another way to it, and no other primary.
  const bool same = !identity.run_id.empty() && identity.run_id == detector.identity().run_id;
  const bool named = node.has_name() && !settings_.url.has_seeds();
  detector.on_maintenance(now >= maintenance_from_ ? maintenance_until_ : MonoTime::min());
  // So it is where only the address is remembered of before, and both are the name's.
  const bool equal = named && !detector.proven() && member.proven_at &&
                     node.names().belongs(*member.proven_at, now);
  if ((same || equal) && name != detector.primary()) detector.restore(name, now);
  if (std::exchange(member.found_elsewhere, false)) {
    // The configured node has the last word on whether it is the primary again.
    if (!same) detector.on_learnt(name, false, now);
  } else if (!same && named && member.proven_at && !node.names().belongs(*member.proven_at, now)) {
    detector.on_learnt(name, true, now);
  }
  const auto story = detector.on_primary_proven(name, identity, now);
  // Of several addresses that belong to the name, one that is well is as good as the other.
  if (!story && named && name != detector.primary()) {
    detector.restore(name, now);
    (void)detector.on_primary_proven(name, identity, now);
  }
  const auto before = std::exchange(member.proven_at, address);
  if (story) tell(member, *story, before);
}

void Endpoint::take_candidate_evidence(const Node& node) {
  if (members_.empty()) return;
  Member& member = *members_.front();
  const MonoTime now = shared_.around.loop.now().at;
  if (node.link().role() && node.link().role()->role == resp::Role::Replica) {
    return member.detector.on_demoted(node.label(), now);
  }
  if (!node.link().is_proven_primary()) return;
  // While the endpoint's own node is the primary, another one that says so is none of ours. After a
  // start its own node speaks first: a former primary, which is dialled without asking for a name,
  // may be the quicker one.
  if (member.node->link().is_proven_primary() ||
      member.node->condition() == core::Condition::Unknown) {
    return;
  }
  const auto story = member.detector.on_primary_proven(node.label(), node.link().identity(), now);
  if (!story) return;
  member.found_elsewhere = true;
  observer_.on_primary_named(fmt::format("{} says that it is the primary now", node.label()));
  tell(member, *story, std::exchange(member.proven_at, node.link().address()));
}

void Endpoint::on_malformed(Node& node, const std::string& why) {
  observer_.on_trouble(fmt::format("{}: {}", node.label(), why));
}

void Endpoint::on_passed_over(Node& node, const Address& address, core::Condition condition) {
  if (Member* member = find_member(node); member != nullptr && !settings_.url.has_seeds()) {
    member->detector.on_condition(address.to_string(), condition, shared_.around.loop.now().at);
  }
}

void Endpoint::tell(Member& member, const core::FailoverStory& story,
                    const std::optional<Address>& from) {
  const WallTime wall = loop::Loop::wall();
  // The new primary's replicas are others, and the old one is a former.
  member.lost_replicas.clear();
  std::erase_if(formers_, [&](const Former& f) { return f.address == member.proven_at; });
  // Where the URL itself names the address, nothing leads its applications elsewhere.
  const bool follows = settings_.url.has_seeds() || member.node->has_name();
  if (from && follows) {
    std::erase_if(formers_, [&](const Former& f) { return f.address == *from; });
    if (formers_.size() >= kMaxFormers) formers_.erase(formers_.begin());
    formers_.push_back({*from, wall});
  }
  observer_.on_failover(story, story.last_proof < started_);
  want_arrangement();
}

void Endpoint::on_restarted(Node& node, Duration outage, const core::Replacement& what) {
  observer_.on_restarted(node, outage, what);
}

void Endpoint::on_dns_changed(Node& node, const std::vector<Address>& before,
                              const std::vector<Address>& now, bool followed) {
  observer_.on_dns_changed(node, before, now, followed);
  if (followed && announcements_ && find_member(node) == members_.front().get()) {
    announcements_->restart();
  }
  Member* member = find_member(node);
  if (member == nullptr || settings_.url.has_seeds() || !member->proven_at) return;
  const MonoTime at = shared_.around.loop.now().at;
  if (!node.names().belongs(*member->proven_at, at)) {
    member->detector.on_learnt(now.front().to_string(), true, at);
  }
}

bool Endpoint::searches(const Member& member) const {
  using core::Condition;
  if (settings_.url.has_seeds() || settings_.expect != config::Expect::Primary) return false;
  switch (member.node->condition()) {
    case Condition::ReadOnly:
    case Condition::Refused:
    case Condition::Unreachable:
    case Condition::DnsFailed: return true;
    default: return false;
  }
}

// --- Sentinel ---------------------------------------------------------------------------------

void Endpoint::on_sentinels_changed() { observer_.on_nodes_changed(); }

void Endpoint::on_belief(const core::SentinelQuorum::Belief& belief) {
  const MonoTime now = shared_.around.loop.now().at;
  const std::string reason = sentinels_->describe();
  if (members_.empty()) {
    add_member("", make_node(belief.primary, Part::Primary)).node->start();
    return observer_.on_nodes_changed();
  }
  Member& member = *members_.front();
  if (member.node->where() == belief.primary) return;
  member.detector.on_learnt(belief.primary.to_string(), false, now);
  observer_.on_primary_named(reason);
  member.node->move_to(belief.primary,
                       fmt::format("{} is the primary now", belief.primary.to_string()));
  if (announcements_) announcements_->restart();
  want_arrangement();
  observer_.on_nodes_changed();
}

void Endpoint::on_confirmed(bool confirmed) {
  observer_.on_confirmed(confirmed, sentinels_->describe());
}

void Endpoint::on_agreed_down(const HostPort& primary) {
  if (members_.empty()) return;
  Member& member = *members_.front();
  // Right after a switch it is said of the old primary still.
  if (member.detector.primary() == primary.to_string()) {
    member.detector.on_agreed_down(shared_.around.loop.now().at);
  }
}

void Endpoint::on_sentinel_news(const Node& sentinel, const core::SentinelEvent& event) {
  observer_.on_sentinel_news(sentinel, event);
}

void Endpoint::on_sentinel_trouble(const Node& sentinel, const std::string& why) {
  observer_.on_trouble(fmt::format("Sentinel {}: {}", sentinel.label(), why));
}

// --- cluster ----------------------------------------------------------------------------------

void Endpoint::on_cluster_changed(const core::ClusterMap::Change& change) {
  std::string text;
  const auto add = [&](std::size_t count, const char* what) {
    if (count == 0) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", plural(count, "shard"), what);
  };
  add(change.added.size(), "added");
  add(change.removed.size(), "removed");
  add(change.moved.size(), "with another primary");
  if (change.resharded) text += text.empty() ? "slots were moved" : ", slots were moved";
  if (!text.empty() && !members_.empty()) observer_.on_cluster_changed(text);
  for (const auto& shard : cluster_->map().shards()) {
    Member* member = find_member(shard.key);
    if (member != nullptr && shard.failed &&
        member->detector.primary() == shard.primary.to_string()) {
      member->detector.on_agreed_down(shared_.around.loop.now().at);
    }
  }
  // The answer came on a connection of one of the nodes that are about to be moved.
  cluster_at_.set(shared_.around.loop.now().at);
}

void Endpoint::follow_cluster() {
  const MonoTime now = shared_.around.loop.now().at;
  bool moved_first = false;
  std::vector<std::string> keys;
  for (const auto& shard : cluster_->map().shards()) {
    keys.push_back(shard.key);
    Member* member = find_member(shard.key);
    if (member == nullptr) {
      add_member(shard.key, make_node(shard.primary, Part::Primary)).node->start();
    } else if (member->node->where() != shard.primary) {
      const std::string name = shard.primary.to_string();
      member->detector.on_learnt(name, false, now);
      observer_.on_primary_named(fmt::format(
          "the cluster names {} the primary of {} slots that {} "
          "had, epoch {}",
          name, core::count_slots(shard.slots), member->node->where().to_string(), shard.epoch));
      member->node->move_to(shard.primary, fmt::format("{} is the primary now", name));
      moved_first = moved_first || member == members_.front().get();
    }
  }
  std::vector<std::string> gone;
  for (const auto& m : members_) {
    if (std::find(keys.begin(), keys.end(), m->key) == keys.end()) gone.push_back(m->key);
  }
  for (const std::string& key : gone) remove_member(key);
  arrange();
  hurry_if_troubled();
  if (announcements_ && moved_first) announcements_->restart();
  observer_.on_nodes_changed();
}

std::vector<Node*> Endpoint::informants() {
  std::vector<Node*> nodes;
  for (const auto& m : members_) {
    if (m->node->link().connected() && m->node->condition() >= core::Condition::ReadOnly) {
      nodes.push_back(m->node.get());
    }
  }
  for (const auto& [where, node] : others_) {
    if (node->is_up()) nodes.push_back(node.get());
  }
  return nodes;
}

void Endpoint::on_cluster_health(bool fine, const std::string& detail) {
  observer_.on_cluster_health(fine, detail);
}

void Endpoint::on_cluster_trouble(const Node& node, const std::string& why) {
  observer_.on_trouble(fmt::format("{}: {}", node.label(), why));
}

// --- announcements ----------------------------------------------------------------------------

std::optional<net::DialTarget> Endpoint::subscription_target(Subscription&) {
  return members_.empty() ? std::nullopt : members_.front()->node->target_in_use();
}

void Endpoint::on_subscribed(Subscription&) {}

void Endpoint::on_message(Subscription&, const resp::Message& message) {
  const auto announcement = resp::parse_azure_event(message.payload);
  if (!announcement) {
    return observer_.on_trouble(
        fmt::format("an announcement cannot be read: {}", announcement.error().message));
  }
  using Type = core::Announcement::Type;
  const MonoTime now = shared_.around.loop.now().at;
  const WallTime wall = loop::Loop::wall();
  switch (announcement->type) {
    case Type::Scheduled:
    case Type::Starting:
    case Type::Start: {
      // A clock that is wrong must not make the next year a maintenance.
      const Duration until = std::clamp(announcement->starts.value_or(wall) - wall, Duration(0s),
                                        Duration(kMaintenanceLasts));
      maintenance_from_ = announcement->type == Type::Scheduled
                              ? now + std::max(until - kMaintenanceEarly, Duration(0s))
                              : now;
      maintenance_until_ = now + until + kMaintenanceLasts;
      break;
    }
    case Type::FailoverComplete: break;
    case Type::Ended:
    case Type::ScaleComplete: maintenance_until_ = now; break;
    case Type::Other: break;
  }
  observer_.on_announcement(*announcement);
}

void Endpoint::on_subscription_trouble(Subscription&, const std::string& why) {
  observer_.on_trouble(fmt::format("cannot listen for announcements: {}", why));
}

bool Endpoint::in_maintenance() const {
  const MonoTime now = shared_.around.loop.now().at;
  return now >= maintenance_from_ && now < maintenance_until_;
}

// --- what is passed on ------------------------------------------------------------------------

void Endpoint::on_disconnected(Node& node, const Address& address, const core::Attribution& why) {
  observer_.on_disconnected(node, address, in_maintenance() ? core::during_maintenance(why) : why);
}

void Endpoint::on_connect_result(Node& node, core::ConnectResult result,
                                 std::optional<Duration> outage) {
  observer_.on_connect_result(node, result, outage);
}

void Endpoint::on_rtt(Node& node, Duration rtt) { observer_.on_rtt(node, rtt); }

void Endpoint::on_answered(Node& node) { observer_.on_answered(node); }

void Endpoint::on_certificate(Node& node, WallTime expiry) {
  observer_.on_certificate(node, expiry);
}

void Endpoint::on_idle_cut(Node& node, const std::optional<core::IdleCut>& cut) {
  observer_.on_idle_cut(node, cut);
}

void Endpoint::on_dns_failing(Node& node, const std::string& why) {
  observer_.on_dns_failing(node, why);
}

std::vector<Question> Endpoint::questions(Node& node, bool greeting, bool topology) {
  if (node.part() == Part::Sentinel) return sentinels_->questions(node, greeting, topology);
  return cluster_ ? cluster_->questions(node, greeting) : std::vector<Question>();
}

void Endpoint::on_topology(Node& node, Ask ask, const resp::Reply& reply) {
  if (node.part() == Part::Sentinel) return sentinels_->on_topology(node, ask, reply);
  if (cluster_) cluster_->on_topology(node, ask, reply);
}

}  // namespace relinkd::watch
