// SPDX-License-Identifier: Apache-2.0
// Which nodes an endpoint watches, and their life. Who is the primary is in endpoint.cpp.
#include <algorithm>
#include <utility>

#include "watch/endpoint.hpp"

namespace relinkd::watch {

namespace {

/// A former primary to which nothing led stays known for so long, for those who ask what happened.
constexpr Duration kFormerShown = 10min;
/// A replica that the primary does not tell of any more is watched on for so long: enough for a
/// restart, and for an alert to find it down.
constexpr Duration kLostReplicaWatched = 5min;
constexpr std::size_t kMaxLostReplicas = 64;
/// Who may be the primary, and who says so, is asked each second, whatever the endpoint's pace is.
constexpr Duration kClosely = 1s;
/// Nodes that one endpoint watches besides its members.
constexpr std::size_t kMaxOthers = 2000;

HostPort host_port_of(const Address& address) { return {address.host(), address.port()}; }

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::make(Shared& shared, const config::Endpoint& settings,
                                                 Observer& observer, Entropy& entropy) {
  std::shared_ptr<net::TlsContext> tls;
  if (settings.uses_tls()) {
    auto made = shared.around.contexts.get(settings.tls);
    if (!made) return made.error();
    tls = std::move(*made);
  }
  return std::unique_ptr<Endpoint>(
      new Endpoint(shared, settings, observer, std::move(tls), entropy));
}

Endpoint::Endpoint(Shared& shared, const config::Endpoint& settings, Observer& observer,
                   std::shared_ptr<net::TlsContext> tls, Entropy& entropy)
    : shared_(shared),
      settings_(settings),
      observer_(observer),
      tls_(std::move(tls)),
      entropy_(entropy.fork()),
      started_(shared.around.loop.now().at),
      arrange_at_(shared.around.loop.deadlines(), [this] { arrange(); }),
      cluster_at_(shared.around.loop.deadlines(), [this] { follow_cluster(); }) {
  loop::Loop& loop = shared.around.loop;
  switch (settings.url.scheme) {
    case config::Url::Scheme::Sentinel:
      sentinels_ = std::make_unique<Sentinels>(loop, settings, *this, entropy_.fork());
      break;
    case config::Url::Scheme::Cluster:
      cluster_ = std::make_unique<Cluster>(loop, settings, *this);
      break;
    default: add_member("", make_node({settings.url.host, settings.url.port}, Part::Primary));
  }
  if (settings.announcements) {
    announcements_ = std::make_unique<Subscription>(loop, settings_for({}, Part::Primary),
                                                    std::vector<std::string>{"AzureRedisEvents"},
                                                    *this, entropy_.fork());
  }
}

Endpoint::~Endpoint() = default;

void Endpoint::restore(const Memory& memory) {
  restored_ = memory;
  formers_ = memory.formers;
  const bool believed = sentinels_ && memory.believed;
  if (believed) {
    sentinels_->restore(*memory.believed, memory.epoch);
    add_member("", make_node(*memory.believed, Part::Primary));
  }
  if (memory.primary.empty() || members_.empty() || cluster_) return;
  loop::Loop& loop = shared_.around.loop;
  const MonoTime proof = loop.now().at - (loop::Loop::wall() - memory.last_proof);
  Member& member = *members_.front();
  // A clock that was set back must not make it a proof of the future.
  member.detector.restore(memory.primary, std::min(proof, started_ - Duration(1)));
  member.proven_at = Address::parse_with_port(memory.primary);
  member.found_elsewhere = !settings_.url.has_seeds() && !member.node->has_name() &&
                           memory.primary != member.node->label();
}

Endpoint::Memory Endpoint::memory() const {
  Memory m = restored_;
  m.formers = formers_;
  if (sentinels_) {
    if (const auto belief = sentinels_->belief()) {
      m.believed = belief->primary;
      m.epoch = belief->epoch;
    }
  }
  if (!cluster_ && !members_.empty()) {
    const auto& detector = members_.front()->detector;
    m.primary = detector.primary();
    m.last_proof = loop::Loop::wall() - (shared_.around.loop.now().at - detector.last_proof());
  }
  return m;
}

void Endpoint::start() {
  for (const auto& m : members_) m->node->start();
  if (sentinels_) sentinels_->start();
  if (cluster_) cluster_->start();
  if (announcements_) announcements_->start();
  arrange();
}

void Endpoint::stop() {
  arrange_at_.clear();
  cluster_at_.clear();
  if (announcements_) announcements_->stop();
  if (cluster_) cluster_->stop();
  if (sentinels_) sentinels_->stop();
  for (const auto& [where, node] : others_) node->stop();
  for (const auto& m : members_) m->node->stop();
}

bool Endpoint::can_update(const config::Endpoint& s) const {
  return s.url == settings_.url && s.password == settings_.password && s.tls == settings_.tls &&
         s.uses_tls() == settings_.uses_tls() && s.sentinel == settings_.sentinel &&
         s.announcements == settings_.announcements && s.expect == settings_.expect &&
         s.watch.keepalive == settings_.watch.keepalive &&
         s.watch.idle_watch == settings_.watch.idle_watch;
}

void Endpoint::update(const config::Endpoint& settings) {
  settings_ = settings;
  // Renewed certificates serve from the next connection on; what cannot be read now was already
  // reported when the configuration was checked, and the old ones stay.
  if (tls_) {
    if (auto renewed = shared_.around.contexts.get(settings.tls)) tls_ = std::move(*renewed);
  }
  const auto renew = [this](Node& node) {
    const bool plain = node.part() == Part::Sentinel && !settings_.sentinel.tls;
    node.update(settings_for(node.where(), node.part()), plain ? nullptr : tls_);
  };
  for (const auto& m : members_) renew(*m->node);
  for (const auto& [where, node] : others_) renew(*node);
  if (sentinels_) sentinels_->each(renew);
  if (cluster_) cluster_->update(settings);
  want_arrangement();
}

// --- nodes ------------------------------------------------------------------------------------

config::Endpoint Endpoint::settings_for(const HostPort& where, Part part) const {
  using Scheme = config::Url::Scheme;
  config::Endpoint s = settings_;
  if (settings_.url.has_seeds()) {
    s.url.scheme = settings_.uses_tls() ? Scheme::Rediss : Scheme::Redis;
    s.url.seeds.clear();
    s.url.primary_name.clear();
  }
  // Behind a Unix socket is one server; its replicas are elsewhere.
  if (part != Part::Primary && s.url.scheme == Scheme::Unix) s.url.scheme = Scheme::Redis;
  s.url.host = where.host;
  s.url.port = where.port;
  if (part != Part::Primary) s.expect = config::Expect::Any;
  if (part == Part::Candidate || part == Part::Sentinel) {
    s.watch.ping_interval = std::min(s.watch.ping_interval, kClosely);
  }
  if (part == Part::Candidate || part == Part::Former) {
    s.watch.topology_interval = std::min(s.watch.topology_interval, kClosely);
  }
  if (part == Part::Sentinel) {
    if (!settings_.sentinel.tls) s.url.scheme = Scheme::Redis;
    s.url.user = settings_.sentinel.user;
    s.password = settings_.sentinel.password;
  }
  return s;
}

std::unique_ptr<Node> Endpoint::make_node(const HostPort& where, Part part) {
  const config::Endpoint s = settings_for(where, part);
  const bool unencrypted = part == Part::Sentinel && !settings_.sentinel.tls;
  return std::make_unique<Node>(shared_.around, s, Node::Options{part, part == Part::Primary},
                                *this, unencrypted ? nullptr : tls_, entropy_.fork());
}

std::unique_ptr<Node> Endpoint::make_sentinel(const HostPort& where) {
  return make_node(where, Part::Sentinel);
}

Endpoint::Member& Endpoint::add_member(std::string key, std::unique_ptr<Node> node) {
  auto member = std::make_unique<Member>();
  member->key = std::move(key);
  member->node = std::move(node);
  members_.push_back(std::move(member));
  return *members_.back();
}

void Endpoint::remove_member(const std::string& key) {
  const auto it =
      std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m->key == key; });
  if (cluster_) cluster_->forget(*(*it)->node);
  (*it)->node->stop();
  shared_.around.loop.retire(std::move(*it));
  members_.erase(it);
}

Endpoint::Member* Endpoint::find_member(const Node& node) {
  for (const auto& m : members_) {
    if (m->node.get() == &node) return m.get();
  }
  return nullptr;
}

Endpoint::Member* Endpoint::find_member(const std::string& key) {
  for (const auto& m : members_) {
    if (m->key == key) return m.get();
  }
  return nullptr;
}

// --- the others -------------------------------------------------------------------------------

void Endpoint::want_arrangement() { arrange_at_.set(shared_.around.loop.now().at); }

/// A primary forgets at once a replica that dies: without these its end would only be that its
/// metrics are gone.
void Endpoint::take_replicas(Member& member, const std::vector<HostPort>& replicas, MonoTime now) {
  for (const HostPort& before : member.replicas) {
    if (member.lost_replicas.size() < kMaxLostReplicas) {
      member.lost_replicas.emplace(before, now + kLostReplicaWatched);
    }
  }
  for (const HostPort& present : replicas) member.lost_replicas.erase(present);
  member.replicas = replicas;
}

std::map<HostPort, Part> Endpoint::wanted_others() const {
  std::map<HostPort, Part> wanted;
  // What comes first counts: a former primary that is a watched replica is a replica.
  if (settings_.watch.watch_replicas) {
    for (const auto& m : members_) {
      for (const HostPort& r : m->replicas) wanted.emplace(r, Part::Replica);
      for (const auto& [r, until] : m->lost_replicas) wanted.emplace(r, Part::Replica);
    }
    if (cluster_) {
      for (const auto& shard : cluster_->map().shards()) {
        for (const HostPort& r : shard.replicas) wanted.emplace(r, Part::Replica);
      }
    }
  }
  for (const Former& f : formers_) {
    if (f.sockets > 0) wanted.emplace(host_port_of(f.address), Part::Former);
  }
  for (const auto& m : members_) {
    if (!searches(*m)) continue;
    for (const HostPort& r : m->replicas) wanted.emplace(r, Part::Candidate);
    if (m->follows) wanted.emplace(*m->follows, Part::Candidate);
  }
  const auto up = [](const auto& m) { return m->node->is_up(); };
  if (cluster_ && std::none_of(members_.begin(), members_.end(), up)) {
    for (const HostPort& seed : settings_.url.seeds) wanted.emplace(seed, Part::Candidate);
  }
  for (const auto& m : members_) {
    wanted.erase(m->node->where());
    if (m->node->link().address()) wanted.erase(host_port_of(*m->node->link().address()));
  }
  while (wanted.size() > kMaxOthers) wanted.erase(std::prev(wanted.end()));
  return wanted;
}

void Endpoint::arrange() {
  arrange_at_.clear();
  const MonoTime now = shared_.around.loop.now().at;
  for (const auto& m : members_) {
    std::erase_if(m->lost_replicas, [now](const auto& lost) { return lost.second <= now; });
    for (const auto& [where, until] : m->lost_replicas) {
      if (until < arrange_at_.due()) arrange_at_.set(until);
    }
  }
  const WallTime wall = loop::Loop::wall();
  std::erase_if(formers_, [&](const Former& f) {
    return f.counted && f.sockets == 0 && wall - f.demoted > kFormerShown;
  });
  const std::map<HostPort, Part> wanted = wanted_others();
  bool changed = false;
  for (auto it = others_.begin(); it != others_.end();) {
    const auto w = wanted.find(it->first);
    if (w != wanted.end() && w->second == it->second->part()) {
      ++it;
      continue;
    }
    if (cluster_) cluster_->forget(*it->second);
    it->second->stop();
    shared_.around.loop.retire(std::move(it->second));
    it = others_.erase(it);
    changed = true;
  }
  for (const auto& [where, part] : wanted) {
    if (others_.contains(where)) continue;
    auto& node = others_[where] = make_node(where, part);
    node->start();
    changed = true;
  }
  if (changed) observer_.on_nodes_changed();
}

// --- for those who look -----------------------------------------------------------------------

std::vector<const Node*> Endpoint::members() const {
  std::vector<const Node*> nodes;
  for (const auto& m : members_) nodes.push_back(m->node.get());
  return nodes;
}

std::vector<const Node*> Endpoint::others() const {
  std::vector<const Node*> nodes;
  for (const auto& [where, node] : others_) nodes.push_back(node.get());
  return nodes;
}

std::vector<const Node*> Endpoint::sentinels() const {
  std::vector<const Node*> nodes;
  if (sentinels_) sentinels_->each([&](Node& node) { nodes.push_back(&node); });
  return nodes;
}

const Node* Endpoint::best_source() const {
  const Node* best = nullptr;
  const auto sources = sentinels_ ? sentinels() : others();
  for (const Node* node : sources) {
    if (best == nullptr || node->condition() > best->condition()) best = node;
  }
  return best;
}

std::string Endpoint::topology_detail() const {
  if (sentinels_) return sentinels_->describe();
  return cluster_ ? cluster_->describe() : std::string();
}

bool Endpoint::confirmed() const {
  if (!sentinels_) return true;
  const auto belief = sentinels_->belief();
  return belief && belief->confirmed();
}

unsigned Endpoint::uncovered_slots() const { return cluster_ ? cluster_->unserved_slots() : 0; }

}  // namespace relinkd::watch
