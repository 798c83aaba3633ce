// SPDX-License-Identifier: Apache-2.0
// Where applications of this host may be connected for an endpoint's sake.
#include <algorithm>
#include <map>
#include <utility>

#include "watch/endpoint.hpp"

namespace relinkd::watch {

namespace {

using Standing = core::NodeStanding;

/// What the watch knows of the node at `address`; the part is the caller's to say.
Standing standing_of(const Node* node, const Address& address, Standing::Part part, MonoTime now) {
  Standing s;
  s.part = part;
  // Of a name with several addresses only the one in use is watched.
  if (node == nullptr || node->link().address() != address) return s;
  const core::LinkMachine& machine = node->link().machine();
  s.condition = machine.condition();
  s.proof_sent = machine.last_proof_sent();
  s.proof_received = machine.last_proof();
  s.required = machine.required_transmissions(now);
  s.grace = machine.grace();
  return s;
}

std::optional<Address> address_of(const HostPort& where) {
  return Address::parse(where.host, where.port);
}

}  // namespace

const Node* Endpoint::node_at(const Address& address) const {
  const auto is_there = [&](const Node& node) { return node.link().address() == address; };
  for (const auto& m : members_) {
    if (is_there(*m->node)) return m->node.get();
  }
  for (const auto& [where, node] : others_) {
    if (is_there(*node)) return node.get();
  }
  return nullptr;
}

Node* Endpoint::node_at(const Address& address) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the nodes are this object's own.
  return const_cast<Node*>(std::as_const(*this).node_at(address));
}

bool Endpoint::has_proven(const Member& member) const {
  if (settings_.expect == config::Expect::Primary) return member.detector.proven();
  return member.node->link().machine().last_proof().has_value();
}

bool Endpoint::is_proven() const {
  return !members_.empty() && std::all_of(members_.begin(), members_.end(),
                                          [this](const auto& m) { return has_proven(*m); });
}

bool Endpoint::serves(const Member& member) const {
  if (member.node->condition() != core::Condition::Ok) return false;
  return settings_.expect != config::Expect::Primary || member.node->link().is_proven_primary();
}

bool Endpoint::serves() const {
  return !members_.empty() && std::all_of(members_.begin(), members_.end(),
                                          [this](const auto& m) { return serves(*m); });
}

/// Another one has proven itself: whether this one is known to be none any more.
Standing::Part Endpoint::part_of(const Former& former) const {
  const MonoTime now = shared_.around.loop.now().at;
  // A name's old address may serve on, and as a primary, while nobody is led there any more.
  const bool named =
      !settings_.url.has_seeds() && !members_.empty() && members_.front()->node->has_name();
  if (named && members_.front()->node->names().long_gone(former.address, now)) {
    return Standing::Part::Former;
  }
  const Node* node = node_at(former.address);
  if (node == nullptr) return Standing::Part::Leaving;
  const auto& role = node->link().role();
  const bool replica = node->is_up() && role && role->role == resp::Role::Replica;
  const bool silent = !node->is_up() && node->condition() != core::Condition::Unknown;
  return replica || silent ? Standing::Part::Former : Standing::Part::Leaving;
}

std::vector<Place> Endpoint::places() const {
  const MonoTime now = shared_.around.loop.now().at;
  std::map<Address, Standing> all;
  const auto add = [&](const Address& address, const Node* node, Standing::Part part) {
    if (!address.is_unix()) all.emplace(address, standing_of(node, address, part, now));
  };
  // What comes first counts: a former primary is a replica only to those who know it as one.
  for (const auto& m : members_) {
    const auto part = has_proven(*m) ? Standing::Part::Primary : Standing::Part::Unknown;
    if (m->proven_at && m->found_elsewhere) {
      // The endpoint's own node was demoted, and its heir found; the name or address still leads to
      // the old one.
      add(*m->proven_at, node_at(*m->proven_at), Standing::Part::Primary);
      continue;
    }
    if (m->node->link().address()) add(*m->node->link().address(), m->node.get(), part);
    for (const Address& a : m->node->names().last_answer()) add(a, m->node.get(), part);
    // The member has moved, and the new place has not proven itself yet: what was opened to the old
    // one stays known as opened to the primary.
    if (m->proven_at) add(*m->proven_at, node_at(*m->proven_at), Standing::Part::Leaving);
  }
  for (const Former& f : formers_) add(f.address, node_at(f.address), part_of(f));
  const auto add_replicas = [&](const std::vector<HostPort>& replicas) {
    for (const HostPort& r : replicas) {
      if (const auto address = address_of(r)) {
        add(*address, node_at(*address), Standing::Part::Replica);
      }
    }
  };
  for (const auto& m : members_) add_replicas(m->replicas);
  if (cluster_) {
    for (const auto& shard : cluster_->map().shards()) add_replicas(shard.replicas);
  }
  std::vector<Place> places;
  places.reserve(all.size());
  for (auto& [address, standing] : all) places.push_back({address, standing});
  return places;
}

void Endpoint::hurry(const Address& address) {
  // One that is dialling has its back-off, which this must not shorten.
  Node* node = node_at(address);
  if (node != nullptr && node->link().connected()) node->link().ask_now();
}

bool Endpoint::inquire(const Address& address, std::function<void(const core::Inquired&)> then) {
  Node* node = node_at(address);
  if (node != nullptr) node->link().inquire(std::move(then));
  return node != nullptr;
}

core::Circumstances Endpoint::circumstances(const Address& address) const {
  core::Circumstances c;
  c.maintenance = in_maintenance();
  const auto former = std::find_if(formers_.begin(), formers_.end(),
                                   [&](const Former& f) { return f.address == address; });
  if (former != formers_.end()) {
    c.demoted = std::max(Duration(loop::Loop::wall() - former->demoted), Duration::zero());
  }
  const Node* node = node_at(address);
  if (node == nullptr) return c;
  c.condition = node->condition();
  c.server_timeout = node->link().server_timeout();
  c.idle_cut = node->idle_cut();
  const auto& role = node->link().role();
  if (!c.demoted && node->part() == Part::Primary && role && role->role == resp::Role::Replica &&
      settings_.expect == config::Expect::Primary) {
    c.demoted = Duration::zero();
  }
  return c;
}

void Endpoint::count_connections(const Address& address, std::uint64_t sockets) {
  const auto it = std::find_if(formers_.begin(), formers_.end(),
                               [&](const Former& f) { return f.address == address; });
  if (it == formers_.end()) return;
  const std::uint64_t before = std::exchange(it->sockets, sockets);
  const bool counted = std::exchange(it->counted, true);
  // Also when nothing changed: what is shown long enough goes.
  if (!counted || sockets != before || sockets == 0) want_arrangement();
  if (before == 0 || sockets > 0) return;
  // Whoever connects from now on finds it as it is.
  const Former left = *it;
  formers_.erase(it);
  observer_.on_former_left(left);
}

}  // namespace relinkd::watch
