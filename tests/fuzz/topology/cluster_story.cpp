// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "core/cluster_map.hpp"
#include "stories.hpp"

namespace relinkd::fuzz {

namespace {

using core::ClusterMap;
using core::ClusterNode;
using core::ClusterNodes;

core::ClusterNodes read_nodes(Bytes& bytes) {
  ClusterNodes nodes(bytes.next() % 8U);
  for (ClusterNode& n : nodes) {
    const unsigned flags = bytes.next();
    const unsigned who = bytes.next() % 8;
    if (flags % 8 != 0) n.id = fmt::format("n{}", who);
    if (flags / 8 % 8 != 0) n.where.host = fmt::format("10.0.0.{}", bytes.next() % 8);
    n.where.port = 6379;
    n.primary = flags / 64 % 4 != 0;
    if (!n.primary) n.primary_id = fmt::format("n{}", bytes.next() % 8);
    const unsigned more = bytes.next();
    n.epoch = more % 8;
    n.failed = more / 8 % 8 == 0;
    n.usable = more / 64 != 0;
    for (unsigned i = bytes.next() % 3U; i > 0; --i) {
      const auto first = static_cast<std::uint16_t>(bytes.next() * 64);
      const unsigned length = bytes.next() * 32U;
      n.slots.push_back(
          {first, static_cast<std::uint16_t>(std::min(first + length, core::kClusterSlots - 1))});
    }
  }
  return nodes;
}

void check(const ClusterMap& map, const std::vector<ClusterMap::Shard>& before,
           const ClusterMap::Change& change, const std::string& step) {
  std::set<std::string> keys;
  std::set<std::pair<std::string, HostPort>> primaries;
  std::vector<bool> held(core::kClusterSlots, false);
  int last_first = -1;
  for (const ClusterMap::Shard& s : map.shards()) {
    require(keys.insert(s.key).second, "a key is given once", step);
    require(primaries.insert({s.primary_id, s.primary}).second, "a primary has one shard", step);
    require(!s.slots.empty(), "a shard has slots", step);
    require(s.slots.front().first > last_first, "in the order of their first slot", step);
    last_first = s.slots.front().first;
    int previous = -2;
    for (const core::SlotRange& range : s.slots) {
      require(range.first <= range.last && range.first > previous + 1, "ranges are apart", step);
      previous = range.last;
      for (unsigned slot = range.first; slot <= range.last; ++slot) {
        require(!held[slot], "a slot has one holder", step);
        held[slot] = true;
      }
    }
  }
  std::set<std::string> old;
  for (const ClusterMap::Shard& s : before) old.insert(s.key);
  for (const std::string& key : change.added) {
    require(keys.contains(key) && !old.contains(key), "what is added is new", step);
  }
  for (const std::string& key : change.removed) {
    require(!keys.contains(key) && old.contains(key), "what is removed was there", step);
  }
  for (const std::string& key : change.moved) {
    require(keys.contains(key) && old.contains(key), "what moved is there", step);
  }
  require(old.size() + change.added.size() == keys.size() + change.removed.size(),
          "every key that comes or goes is told", step);
  require(map.uncovered_slots() <= core::kClusterSlots, "no more slots than there are", step);
}

}  // namespace

void tell_cluster(Bytes bytes) {
  ClusterMap map;
  ClusterNodes nodes;
  const HostPort asked{"10.0.0.1", 6379};
  for (int views = 0; views < 20 && !bytes.empty(); ++views) {
    nodes = read_nodes(bytes);
    const ClusterNodes names = bytes.next() % 4 == 0 ? read_nodes(bytes) : ClusterNodes{};
    const auto before = map.shards();
    const unsigned uncovered = map.uncovered_slots();
    const auto change = map.on_view(asked, nodes, names);
    const std::string step = fmt::format("view {}", views);
    check(map, before, change, step);
    require(change.any == (before != map.shards() || uncovered != map.uncovered_slots()),
            "a change is told, and nothing else", step);
    require(change.any || (change.added.empty() && change.removed.empty() && change.moved.empty() &&
                           !change.resharded),
            "what is told is a change", step);
  }
  for (int i = 0; i < 6; ++i) map.on_view(asked, nodes, {});
  require(!map.on_view(asked, nodes, {}).any, "the same view again and again settles", "the end");
}

}  // namespace relinkd::fuzz
