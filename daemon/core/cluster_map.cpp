// SPDX-License-Identifier: Apache-2.0
#include "core/cluster_map.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace relinkd::core {

namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// By what a node is told from others.
std::string identity_of(const std::string& id, const HostPort& where) {
  return id.empty() ? where.to_string() : id;
}
std::string identity_of(const ClusterMap::Shard& shard) {
  return identity_of(shard.primary_id, shard.primary);
}

}  // namespace

/// What one node says, with addresses as clients should use them.
struct ClusterMap::View {
  struct Member {
    const ClusterNode* node = nullptr;
    HostPort where;
    std::vector<HostPort> replicas;  ///< of a primary
  };
  [[nodiscard]] std::size_t find(const std::string& identity) const {
    const auto it = by_identity.find(identity);
    return it == by_identity.end() ? kNone : it->second;
  }

  HostPort asked;
  std::vector<Member> members;
  std::unordered_map<std::string, std::size_t> by_identity;
  /// Of each slot: the member that claims it at the highest epoch, or kNone.
  std::vector<std::size_t> claimants = std::vector<std::size_t>(kClusterSlots, kNone);
  bool claims = false;       ///< of any slot
  std::uint64_t newest = 0;  ///< the highest config-epoch
};

/// What a view changes. Holders are counted on from shards_: behind them come the members of the
/// view that were no shard's primary.
struct ClusterMap::Step {
  std::vector<std::size_t> members;  ///< of each holder: its place in the view, or kNone
  std::vector<unsigned> sizes;       ///< of each holder: slots after the view
  std::vector<unsigned> before;      ///< of each shard: slots before it
  std::map<std::pair<std::uint16_t, std::uint16_t>, unsigned> taken;  ///< slots from one by another
  std::vector<std::uint16_t> heirs;  ///< of each shard: the holder that continues it, or kNobody
  std::vector<std::string> keys;     ///< of each holder
  std::vector<Shard> shards;
  Change change;
};

ClusterMap::Change ClusterMap::on_view(const HostPort& asked, const ClusterNodes& nodes,
                                       const ClusterNodes& names) {
  const View view = read(asked, nodes, names);
  if (!view.claims || strange(view)) return {};

  Step step;
  take_claims(view, step);
  give_keys(view, step);
  describe(view, step);
  const unsigned uncovered = uncovered_;
  cover(view, step);
  newest_ = std::max(newest_, view.newest);
  step.change.any = uncovered != uncovered_ || step.shards != shards_;
  shards_ = std::move(step.shards);
  return std::move(step.change);
}

ClusterMap::View ClusterMap::read(const HostPort& asked, const ClusterNodes& nodes,
                                  const ClusterNodes& names) const {
  std::unordered_map<std::string, const HostPort*> named;
  for (const ClusterNode& n : names) {
    if (!n.id.empty()) named.try_emplace(n.id, &n.where);
  }
  std::unordered_map<std::string, const HostPort*> known;
  for (const Shard& s : shards_) known.try_emplace(identity_of(s), &s.primary);

  View view;
  view.asked = asked;
  view.members.reserve(nodes.size());
  for (const ClusterNode& n : nodes) {
    View::Member member{&n, n.where, {}};
    if (const auto it = named.find(n.id); it != named.end()) member.where = *it->second;
    const auto before = known.find(n.id);
    // A node that does not tell its own host is called by the name under which it was asked, which
    // may be one of several: the address that is in use stays. One without an address keeps it.
    const bool keep =
        before != known.end() &&
        (!n.usable || (member.where.host.empty() && member.where.port == before->second->port));
    if (keep) {
      member.where = *before->second;
    } else if (member.where.host.empty()) {
      member.where.host = asked.host;
    }
    if (!view.by_identity.try_emplace(identity_of(n.id, member.where), view.members.size())
             .second) {
      continue;
    }
    view.members.push_back(std::move(member));
    if (!n.primary || (!n.usable && !keep)) continue;
    view.newest = std::max(view.newest, n.epoch);
    const std::size_t self = view.members.size() - 1;
    for (const SlotRange& range : n.slots) {
      for (unsigned s = range.first; s <= range.last && s < kClusterSlots; ++s) {
        std::size_t& claimant = view.claimants[s];
        if (claimant == kNone || view.members[claimant].node->epoch < n.epoch) claimant = self;
        view.claims = true;
      }
    }
  }
  for (const View::Member& m : view.members) {
    if (m.node->primary || !m.node->usable) continue;
    const std::size_t primary = view.find(m.node->primary_id);
    if (primary != kNone) view.members[primary].replicas.push_back(m.where);
  }
  for (View::Member& m : view.members) std::sort(m.replicas.begin(), m.replicas.end());
  return view;
}

bool ClusterMap::strange(const View& view) {
  const bool met = shards_.empty() || std::any_of(shards_.begin(), shards_.end(), [&](auto& s) {
                     return view.find(identity_of(s)) != kNone;
                   });
  const bool untold = newest_ > 0 && view.newest == 0;
  if (met && !untold) {
    strange_views_ = 0;
    return false;
  }
  if (++strange_views_ < kInARow) return true;
  strange_views_ = 0;
  newest_ = 0;
  std::fill(epochs_.begin(), epochs_.end(), 0);
  for (Shard& s : shards_) s.epoch = 0;
  return false;
}

void ClusterMap::take_claims(const View& view, Step& step) {
  std::vector<std::uint16_t> holder_of(view.members.size(), kNobody);
  for (const Shard& s : shards_) {
    const std::size_t member = view.find(identity_of(s));
    if (member != kNone) holder_of[member] = static_cast<std::uint16_t>(step.members.size());
    step.members.push_back(member);
  }
  step.before.assign(shards_.size(), 0);
  step.sizes.assign(shards_.size(), 0);
  for (unsigned s = 0; s < kClusterSlots; ++s) {
    std::uint16_t& holder = holders_[s];
    if (holder != kNobody) ++step.before[holder];
    if (const std::size_t member = view.claimants[s]; member != kNone) {
      const std::uint64_t epoch = view.members[member].node->epoch;
      std::uint16_t& claimant = holder_of[member];
      if (holder != kNobody && holder == claimant) {
        epochs_[s] = std::max(epochs_[s], epoch);
      } else if (holder == kNobody || epoch > epochs_[s] || epochs_[s] == 0) {
        if (claimant == kNobody) {
          claimant = static_cast<std::uint16_t>(step.members.size());
          step.members.push_back(member);
          step.sizes.push_back(0);
        }
        if (holder != kNobody) ++step.taken[{holder, claimant}];
        holder = claimant;
        epochs_[s] = epoch;
      }
    }
    if (holder != kNobody) ++step.sizes[holder];
  }
}

std::uint16_t ClusterMap::heir_of(std::uint16_t from, const View& view, const Step& step) const {
  const std::size_t self = step.members[from];
  // Slots that nobody claims are still counted as its own.
  const bool claims_none = self != kNone && (!view.members[self].node->primary ||
                                             view.members[self].node->slots.empty());
  if (step.sizes[from] > 0 && !claims_none) return kNobody;
  // A replica took over whatever it holds; another newcomer, if it has most of the slots.
  const std::vector<HostPort>& replicas = shards_[from].replicas;
  std::uint16_t heir = kNobody;
  unsigned most = 0;
  for (auto it = step.taken.lower_bound({from, 0});
       it != step.taken.end() && it->first.first == from; ++it) {
    const std::uint16_t to = it->first.second;
    const unsigned slots = it->second;
    if (to < shards_.size() || !step.keys[to].empty() || slots <= most) continue;
    const HostPort& where = view.members[step.members[to]].where;
    if (slots > step.before[from] / 2 ||
        std::binary_search(replicas.begin(), replicas.end(), where)) {
      heir = to;
      most = slots;
    }
  }
  return heir;
}

void ClusterMap::give_keys(const View& view, Step& step) const {
  step.keys.resize(step.members.size());
  std::set<std::string> used;
  for (std::size_t from = 0; from < shards_.size(); ++from) {
    const std::string& key = shards_[from].key;
    used.insert(key);
    const std::uint16_t heir =
        step.heirs.emplace_back(heir_of(static_cast<std::uint16_t>(from), view, step));
    if (heir != kNobody) {
      step.keys[heir] = key;
      step.change.moved.push_back(key);
    } else if (step.sizes[from] > 0) {
      step.keys[from] = key;
    } else {
      step.change.removed.push_back(key);
    }
  }
  for (std::size_t h = shards_.size(); h < step.members.size(); ++h) {
    if (!step.keys[h].empty()) continue;
    const View::Member& m = view.members[step.members[h]];
    std::string key = identity_of(m.node->id, m.where);
    while (!used.insert(key).second) key += '+';
    step.keys[h] = key;
    step.change.added.push_back(key);
  }
  step.change.resharded = std::any_of(step.taken.begin(), step.taken.end(), [&](const auto& entry) {
    const auto& [from, to] = entry.first;
    const std::string& key = shards_[from].key;
    const auto& gone = step.change.removed;
    return key != step.keys[to] && std::find(gone.begin(), gone.end(), key) == gone.end();
  });
}

void ClusterMap::describe(const View& view, Step& step) {
  std::vector<std::size_t> place(step.members.size(), kNone);  // of each holder: in step.shards
  for (unsigned s = 0; s < kClusterSlots; ++s) {
    if (holders_[s] == kNobody) continue;
    std::uint16_t holder = holders_[s];
    if (holder < shards_.size() && step.heirs[holder] != kNobody) holder = step.heirs[holder];
    if (place[holder] == kNone) {
      place[holder] = step.shards.size();
      Shard& shard = step.shards.emplace_back(holder < shards_.size() ? shards_[holder] : Shard{});
      shard.key = step.keys[holder];
      shard.slots.clear();
    }
    holders_[s] = static_cast<std::uint16_t>(place[holder]);
    std::vector<SlotRange>& slots = step.shards[place[holder]].slots;
    const auto slot = static_cast<std::uint16_t>(s);
    if (!slots.empty() && slots.back().last + 1 == slot) {
      slots.back().last = slot;
    } else {
      slots.push_back({slot, slot});
    }
  }
  for (std::size_t h = 0; h < step.members.size(); ++h) {
    if (place[h] == kNone || step.members[h] == kNone) continue;
    const View::Member& m = view.members[step.members[h]];
    Shard& shard = step.shards[place[h]];
    if (!m.node->primary || m.node->epoch < shard.epoch) continue;
    if (h < shards_.size() && shard.primary != m.where) step.change.moved.push_back(shard.key);
    shard.primary_id = m.node->id;
    shard.primary = m.where;
    shard.epoch = m.node->epoch;
    if (m.where != view.asked) shard.failed = m.node->failed;
    shard.replicas = m.replicas;
  }
}

bool ClusterMap::counts(const View& view) {
  if (view.newest < newest_) return false;
  const bool partial = std::any_of(shards_.begin(), shards_.end(), [&](const Shard& s) {
    return view.find(identity_of(s)) == kNone;
  });
  partial_views_ = partial ? std::min(partial_views_ + 1, kInARow) : 0;
  return !partial || partial_views_ == kInARow;
}

void ClusterMap::cover(const View& view, Step& step) {
  const bool newest = counts(view);
  std::vector<bool> covered(step.shards.size(), false);
  unsigned uncovered = 0;
  for (unsigned s = 0; s < kClusterSlots; ++s) {
    if (view.claimants[s] != kNone) {
      if (holders_[s] != kNobody) covered[holders_[s]] = true;
    } else if (newest) {
      ++uncovered;
      epochs_[s] = 0;
    }
  }
  for (std::size_t i = 0; i < step.shards.size(); ++i) {
    Shard& shard = step.shards[i];
    shard.covered = covered[i] || (!newest && shard.covered);
  }
  if (newest) uncovered_ = uncovered;
}

}  // namespace relinkd::core
