// SPDX-License-Identifier: Apache-2.0
// A cluster that fails over and reshards while its nodes lag behind, each on its own, and one map
// that hears them in any order.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/entropy.hpp"
#include "core/cluster_map.hpp"
#include "scale.hpp"

namespace relinkd::sim {
namespace {

using core::ClusterMap;
using core::ClusterNodes;
using core::kClusterSlots;
using core::SlotRange;

std::string id_of(std::size_t node) { return fmt::format("{:040x}", node + 1); }
HostPort address_of(std::size_t node) { return {fmt::format("node-{}", node), 6379}; }

/// Who holds which slot, as the cluster's own rules make it: whoever takes a slot over has the
/// highest epoch then.
struct Cluster {
  struct Node {
    std::uint64_t epoch = 0;
    std::size_t follows = 0;  ///< of a replica; its own number: a primary
  };
  std::vector<Node> nodes;
  std::vector<std::size_t> owners = std::vector<std::size_t>(kClusterSlots, 0);

  Cluster(std::size_t primaries, std::size_t replicas_each) {
    for (std::size_t p = 0; p < primaries; ++p) nodes.push_back({p + 1, p});
    for (std::size_t r = 0; r < primaries * replicas_each; ++r) nodes.push_back({0, r % primaries});
    for (unsigned s = 0; s < kClusterSlots; ++s) owners[s] = s * primaries / kClusterSlots;
  }
  [[nodiscard]] bool is_primary(std::size_t n) const { return nodes[n].follows == n; }
  [[nodiscard]] std::uint64_t highest() const {
    return std::max_element(nodes.begin(), nodes.end(),
                            [](auto& a, auto& b) { return a.epoch < b.epoch; })
        ->epoch;
  }
  void fail_over_to(std::size_t replica) {
    const std::size_t old = nodes[replica].follows;
    for (Node& n : nodes) {
      if (n.follows == old) n.follows = replica;
    }
    nodes[replica].epoch = highest() + 1;
    std::replace(owners.begin(), owners.end(), old, replica);
  }
  void move_slots(std::size_t from, std::size_t to, std::size_t count) {
    if (nodes[to].epoch != highest()) nodes[to].epoch = highest() + 1;
    for (unsigned s = 0; s < kClusterSlots && count > 0; ++s) {
      if (owners[s] != from) continue;
      owners[s] = to;
      --count;
    }
  }
  [[nodiscard]] ClusterNodes told() const {
    ClusterNodes all(nodes.size());
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      all[n].id = id_of(n);
      all[n].where = address_of(n);
      all[n].primary = is_primary(n);
      all[n].epoch = nodes[nodes[n].follows].epoch;
      if (!all[n].primary) all[n].primary_id = id_of(nodes[n].follows);
    }
    for (unsigned s = 0; s < kClusterSlots; ++s) {
      std::vector<SlotRange>& slots = all[owners[s]].slots;
      const auto slot = static_cast<std::uint16_t>(s);
      if (!slots.empty() && slots.back().last + 1 == slot) {
        slots.back().last = slot;
      } else {
        slots.push_back({slot, slot});
      }
    }
    return all;
  }
};

std::size_t below(Entropy& entropy, std::size_t count) {
  return static_cast<std::size_t>(entropy.unit() * static_cast<double>(count));
}

std::vector<std::string> holders(const ClusterMap& map) {
  std::vector<std::string> ids(kClusterSlots);
  for (const ClusterMap::Shard& shard : map.shards()) {
    for (const SlotRange& range : shard.slots) {
      for (unsigned s = range.first; s <= range.last; ++s) ids[s] = shard.primary_id;
    }
  }
  return ids;
}

void expect_equal(const ClusterMap& map, const Cluster& truth) {
  const std::vector<std::string> ids = holders(map);
  for (unsigned s = 0; s < kClusterSlots; ++s) ASSERT_EQ(ids[s], id_of(truth.owners[s])) << s;
  for (const ClusterMap::Shard& shard : map.shards()) {
    for (std::size_t n = 0; n < truth.nodes.size(); ++n) {
      if (id_of(n) != shard.primary_id) continue;
      EXPECT_EQ(shard.primary, address_of(n));
      EXPECT_EQ(shard.epoch, truth.nodes[n].epoch);
      EXPECT_EQ(shard.replicas.size(),
                static_cast<std::size_t>(std::count_if(
                    truth.nodes.begin(), truth.nodes.end(),
                    [&](auto& other) { return other.follows == n && &other != &truth.nodes[n]; })));
    }
  }
  EXPECT_EQ(map.uncovered_slots(), 0U);
}

/// The owners that a slot has had, and which of them the map has followed last.
struct History {
  std::vector<std::string> owners;
  std::size_t at = 0;

  void became(const std::string& owner) {
    if (owners.empty() || owners.back() != owner) owners.push_back(owner);
  }
  /// Whether the map went on, or stayed.
  bool follow(const std::string& owner) {
    while (at < owners.size() && owners[at] != owner) ++at;
    return at < owners.size();
  }
};

}  // namespace

TEST(ClusterSim, TheMapNeverGoesBackAndEndsWhereTheClusterIs) {
  const int runs = scaled(6);
  for (int run = 0; run < runs; ++run) {
    Entropy entropy(static_cast<std::uint64_t>(run) + 1);
    Cluster cluster(3 + below(entropy, 4), 2);
    cluster.nodes.push_back({0, cluster.nodes.size()});  // a primary without slots
    std::vector<ClusterNodes> states = {cluster.told()};
    std::vector<std::size_t> known(cluster.nodes.size(), 0);  // by each node: a state
    std::vector<History> history(kClusterSlots);
    const auto remember = [&] {
      for (unsigned s = 0; s < kClusterSlots; ++s) history[s].became(id_of(cluster.owners[s]));
    };
    remember();
    ClusterMap map;
    for (int step = 0; step < 60; ++step) {
      const std::size_t a = below(entropy, cluster.nodes.size());
      const std::size_t b = below(entropy, cluster.nodes.size());
      if (!cluster.is_primary(a)) {
        cluster.fail_over_to(a);
      } else if (cluster.is_primary(b) && a != b) {
        const bool all = entropy.unit() < 0.1;
        cluster.move_slots(a, b, all ? kClusterSlots : 1 + below(entropy, 300));
      }
      states.push_back(cluster.told());
      remember();
      for (int views = 0; views < 3; ++views) {
        const std::size_t node = below(entropy, known.size());
        known[node] += below(entropy, states.size() - known[node]);
        map.on_view(address_of(node), states[known[node]], {});
        const std::vector<std::string> ids = holders(map);
        for (unsigned s = 0; s < kClusterSlots; ++s) {
          ASSERT_TRUE(history[s].follow(ids[s])) << "slot " << s << " went back in run " << run;
        }
      }
    }
    map.on_view(address_of(0), states.back(), {});
    expect_equal(map, cluster);
    for (const std::size_t state : known) map.on_view(address_of(1), states[state], {});
    expect_equal(map, cluster);
    if (HasFailure()) break;
  }
}

// Each node hears of each failover at another time, so that a view may mix old and new.
TEST(ClusterSim, KeysOutliveAnyNumberOfFailovers) {
  const int runs = scaled(6);
  for (int run = 0; run < runs; ++run) {
    Entropy entropy(static_cast<std::uint64_t>(run) + 1000);
    const std::size_t primaries = 3;
    Cluster cluster(primaries, 2);
    ClusterMap map;
    map.on_view(address_of(0), cluster.told(), {});
    std::vector<std::vector<ClusterNodes>> states(primaries, {cluster.told()});  // of each shard
    const auto shard_of = [&](std::size_t node) { return node % primaries; };
    std::vector<std::vector<std::size_t>> known(cluster.nodes.size(),
                                                std::vector<std::size_t>(primaries, 0));
    std::map<std::string, std::uint64_t> epochs;
    for (int step = 0; step < 60; ++step) {
      const std::size_t replica = below(entropy, cluster.nodes.size());
      if (cluster.is_primary(replica)) continue;
      cluster.fail_over_to(replica);
      states[shard_of(replica)].push_back(cluster.told());
      for (int views = 0; views < 4; ++views) {
        const std::size_t asked = below(entropy, cluster.nodes.size());
        ClusterNodes view;
        for (std::size_t shard = 0; shard < primaries; ++shard) {
          std::size_t& state = known[asked][shard];
          state += below(entropy, states[shard].size() - state);
          for (std::size_t n = shard; n < cluster.nodes.size(); n += primaries) {
            view.push_back(states[shard][state][n]);
          }
        }
        const auto change = map.on_view(address_of(asked), view, {});
        ASSERT_TRUE(change.added.empty() && change.removed.empty() && !change.resharded);
        for (const ClusterMap::Shard& shard : map.shards()) {
          ASSERT_GE(shard.epoch, epochs[shard.key]) << "went back in run " << run;
          epochs[shard.key] = shard.epoch;
        }
      }
    }
    map.on_view(address_of(0), cluster.told(), {});
    expect_equal(map, cluster);
    for (std::size_t shard = 0; shard < primaries; ++shard) {
      EXPECT_EQ(map.shards()[shard].key, id_of(shard));
    }
    if (HasFailure()) break;
  }
}

}  // namespace relinkd::sim
