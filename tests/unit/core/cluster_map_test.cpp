// SPDX-License-Identifier: Apache-2.0
#include "core/cluster_map.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Nodes are letters; the letter gives the address.
HostPort at(char node) { return {fmt::format("10.0.0.{}", node - 'a' + 1), 6379}; }
std::string id(char node) { return std::string(40, node); }

ClusterNode primary(char node, std::uint64_t epoch, std::vector<SlotRange> slots) {
  ClusterNode n;
  n.id = id(node);
  n.where = at(node);
  n.primary = true;
  n.epoch = epoch;
  n.slots = std::move(slots);
  return n;
}
ClusterNode replica(char node, char of, std::uint64_t epoch) {
  ClusterNode n;
  n.id = id(node);
  n.where = at(node);
  n.primary_id = id(of);
  n.epoch = epoch;
  return n;
}

constexpr SlotRange kFirst{0, 5460};
constexpr SlotRange kSecond{5461, 10922};
constexpr SlotRange kThird{10923, 16383};

/// a, b, c with replicas d, e, f.
ClusterNodes healthy() {
  return {primary('a', 1, {kFirst}), primary('b', 2, {kSecond}), primary('c', 3, {kThird}),
          replica('d', 'a', 1),      replica('e', 'b', 2),       replica('f', 'c', 3)};
}
/// d has taken a's place; a is said to be down.
ClusterNodes failed_over() {
  ClusterNodes nodes = healthy();
  nodes[0] = primary('a', 1, {});
  nodes[0].failed = true;
  nodes[3] = primary('d', 4, {kFirst});
  return nodes;
}

struct Map : ClusterMap {
  Change view(char asked, const ClusterNodes& nodes, const ClusterNodes& names = {}) {
    return on_view(at(asked), nodes, names);
  }
  [[nodiscard]] const Shard& shard(char key) const {
    for (const Shard& s : shards()) {
      if (s.key == id(key)) return s;
    }
    static const Shard kMissing;
    ADD_FAILURE() << "no shard " << key;
    return kMissing;
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const Shard& s : shards()) all.push_back(s.key);
    return all;
  }
};

TEST(ClusterMap, TheFirstViewAddsEachPrimaryWithSlots) {
  Map map;
  EXPECT_EQ(map.uncovered_slots(), 0U);
  ClusterNodes nodes = healthy();
  nodes.push_back(primary('g', 0, {}));
  const auto change = map.view('a', nodes);
  EXPECT_TRUE(change.any);
  EXPECT_THAT(change.added, ElementsAre(id('a'), id('b'), id('c')));
  EXPECT_THAT(change.moved, IsEmpty());
  EXPECT_THAT(change.removed, IsEmpty());
  EXPECT_FALSE(change.resharded);
  EXPECT_THAT(map.keys(), ElementsAre(id('a'), id('b'), id('c')));
  EXPECT_EQ(map.shard('b'),
            (ClusterMap::Shard{id('b'), id('b'), at('b'), 2, false, {kSecond}, {at('e')}, true}));
  EXPECT_EQ(map.uncovered_slots(), 0U);
}

TEST(ClusterMap, TheSameViewOfAnotherNodeIsNoChange) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  std::reverse(nodes.begin(), nodes.end());
  EXPECT_FALSE(map.view('c', nodes).any);
}

TEST(ClusterMap, AnEmptyViewIsNoNews) {
  Map map;
  EXPECT_FALSE(map.view('a', {}).any);
  map.view('a', healthy());
  EXPECT_FALSE(map.view('a', {primary('a', 9, {})}).any);
  EXPECT_EQ(map.shards().size(), 3U);
}

// --- failovers --------------------------------------------------------------------------------

TEST(ClusterMap, AShardKeepsItsKeyOverAFailover) {
  Map map;
  map.view('a', healthy());
  const auto change = map.view('d', failed_over());
  EXPECT_THAT(change.moved, ElementsAre(id('a')));
  EXPECT_THAT(change.added, IsEmpty());
  EXPECT_THAT(change.removed, IsEmpty());
  EXPECT_FALSE(change.resharded);
  EXPECT_EQ(map.shard('a').primary, at('d'));
  EXPECT_EQ(map.shard('a').primary_id, id('d'));
  EXPECT_EQ(map.shard('a').epoch, 4U);
  EXPECT_THAT(map.shard('a').replicas, IsEmpty());
}

TEST(ClusterMap, NodesThatHaveNotHeardOfAFailoverAreNotFollowed) {
  Map map;
  map.view('a', healthy());
  map.view('d', failed_over());
  for (const char behind : {'b', 'c', 'e', 'a'}) {
    EXPECT_FALSE(map.view(behind, healthy()).any) << behind;
  }
  EXPECT_EQ(map.shard('a').primary, at('d'));
}

TEST(ClusterMap, OfTwoThatClaimASlotInOneViewTheHigherEpochHasIt) {
  for (const bool swapped : {false, true}) {
    ClusterNodes nodes = {primary('a', 1, {{0, 100}}), primary('d', 4, {{50, 16383}})};
    if (swapped) std::swap(nodes[0], nodes[1]);
    Map map;
    map.view('b', nodes);
    EXPECT_THAT(map.shard('a').slots, ElementsAre(SlotRange{0, 49}));
    EXPECT_THAT(map.shard('d').slots, ElementsAre(SlotRange{50, 16383}));
  }
}

TEST(ClusterMap, ThereAndBackIsTheSameShard) {
  Map map;
  map.view('a', healthy());
  map.view('d', failed_over());
  ClusterNodes back = healthy();
  back[0].epoch = 5;
  back[3].epoch = 5;
  EXPECT_THAT(map.view('a', back).moved, ElementsAre(id('a')));
  EXPECT_EQ(map.shard('a').primary, at('a'));
  EXPECT_THAT(map.shard('a').replicas, ElementsAre(at('d')));
  EXPECT_FALSE(map.view('b', failed_over()).any) << "what was between is over";
}

TEST(ClusterMap, AFailoverThatWasMissedIsNotMadeUpFor) {
  Map map;
  map.view('a', healthy());
  ClusterNodes back = healthy();
  back[0].epoch = 5;
  map.view('a', back);
  EXPECT_FALSE(map.view('b', failed_over()).any);
}

// Two that were given the same epoch by chance: the cluster gives one of them another in a moment.
TEST(ClusterMap, AtTheSameEpochTheFirstStays) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = failed_over();
  nodes[3].epoch = 1;
  EXPECT_THAT(map.view('d', nodes).moved, IsEmpty());
  EXPECT_EQ(map.shard('a').primary, at('a'));
}

TEST(ClusterMap, TheOldPrimaryComesBackAsReplica) {
  Map map;
  map.view('a', healthy());
  map.view('d', failed_over());
  ClusterNodes nodes = failed_over();
  nodes[0] = replica('a', 'd', 4);
  const auto change = map.view('d', nodes);
  EXPECT_TRUE(change.any);
  EXPECT_THAT(change.moved, IsEmpty());
  EXPECT_THAT(map.shard('a').replicas, ElementsAre(at('a')));
}

TEST(ClusterMap, AllPrimariesMayFailOverAtOnce) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = {primary('d', 4, {kFirst}), primary('e', 5, {kSecond}),
                        primary('f', 6, {kThird}), replica('a', 'd', 4),
                        replica('b', 'e', 5),      replica('c', 'f', 6)};
  EXPECT_THAT(map.view('e', nodes).moved, ElementsAre(id('a'), id('b'), id('c')));
  EXPECT_THAT(map.keys(), ElementsAre(id('a'), id('b'), id('c')));
  EXPECT_FALSE(map.view('c', healthy()).any);
}

// A replica that was not known as one, since it joined and took over between two views.
TEST(ClusterMap, WhoHasMostOfAShardsSlotsContinuesIt) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0] = primary('x', 9, {{100, 5460}});
  nodes[2] = primary('c', 8, {kThird, {0, 99}});
  const auto change = map.view('x', nodes);
  EXPECT_THAT(change.moved, ElementsAre(id('a')));
  EXPECT_TRUE(change.resharded) << "some of them went to c";
  EXPECT_EQ(map.shard('a').primary, at('x'));
}

TEST(ClusterMap, WhoHasTheLesserPartDoesNot) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0] = primary('x', 9, {{4000, 5460}});
  nodes[2] = primary('c', 8, {kThird, {0, 3999}});
  const auto change = map.view('x', nodes);
  EXPECT_THAT(change.removed, ElementsAre(id('a')));
  EXPECT_THAT(change.added, ElementsAre(id('x')));
}

TEST(ClusterMap, WhoHasAllSlotsOfTwoShardsContinuesOne) {
  Map map;
  map.view('a', healthy());
  const auto change = map.view('x', {primary('x', 9, {kFirst, kSecond}), healthy()[2]});
  EXPECT_THAT(change.moved, ElementsAre(id('a')));
  EXPECT_THAT(change.removed, ElementsAre(id('b')));
  EXPECT_THAT(map.keys(), ElementsAre(id('a'), id('c')));
}

TEST(ClusterMap, AReplicaContinuesWhateverPartItHas) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0] = primary('d', 9, {{5000, 5460}});
  nodes[2] = primary('c', 8, {kThird, {0, 4999}});
  EXPECT_THAT(map.view('d', nodes).moved, ElementsAre(id('a')));
}

TEST(ClusterMap, TheFailFlagIsTold) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0].failed = true;
  EXPECT_TRUE(map.view('b', nodes).any);
  EXPECT_TRUE(map.shard('a').failed);
  EXPECT_FALSE(map.view('a', healthy()).any) << "its own word is no proof that others hear it";
  EXPECT_TRUE(map.view('b', healthy()).any);
  EXPECT_FALSE(map.shard('a').failed);
  map.view('b', nodes);
  map.view('b', failed_over());
  EXPECT_FALSE(map.shard('a').failed) << "the new primary is not";
}

TEST(ClusterMap, AnAddressThatChangesMovesTheShard) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[1].where = {"10.9.9.9", 7000};
  EXPECT_THAT(map.view('b', nodes).moved, ElementsAre(id('b')));
  EXPECT_EQ(map.shard('b').primary, nodes[1].where);
}

// --- nodes and slots that come and go ---------------------------------------------------------

TEST(ClusterMap, SlotsThatMoveOneByOneChangeNoKey) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[1].epoch = 4;
  for (std::uint16_t moved = 1; moved < 200; ++moved) {
    const ClusterNodes before = nodes;
    nodes[0].slots = {{moved, kFirst.last}};
    nodes[1].slots = {{0, static_cast<std::uint16_t>(moved - 1)}, kSecond};
    const auto change = map.view('b', nodes);
    ASSERT_TRUE(change.resharded && change.added.empty() && change.removed.empty() &&
                change.moved.empty())
        << moved;
    ASSERT_FALSE(map.view('c', before).any) << "a node that has not heard of it yet";
  }
  EXPECT_THAT(map.keys(), ElementsAre(id('b'), id('a'), id('c')));
  EXPECT_EQ(map.shard('a').slots, nodes[0].slots);
}

TEST(ClusterMap, ANodeThatIsAddedIsAShardWithItsFirstSlot) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes.push_back(primary('g', 0, {}));
  EXPECT_FALSE(map.view('a', nodes).any);
  nodes[0].slots = {{1, kFirst.last}};
  nodes.back() = primary('g', 4, {{0, 0}});
  const auto change = map.view('g', nodes);
  EXPECT_THAT(change.added, ElementsAre(id('g')));
  EXPECT_TRUE(change.resharded);
  // Most of a's slots, one view later: it is still not a that moved.
  nodes[0].slots = {{5000, kFirst.last}};
  nodes.back().slots = {{0, 4999}};
  const auto more = map.view('g', nodes);
  EXPECT_TRUE(more.resharded && more.moved.empty() && more.added.empty());
}

TEST(ClusterMap, AShardIsRemovedWithItsLastSlot) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0].slots = {};
  nodes[1] = primary('b', 4, {kFirst, kSecond});
  const auto change = map.view('b', nodes);
  EXPECT_THAT(change.removed, ElementsAre(id('a')));
  EXPECT_FALSE(change.resharded) << "the one of the two is gone";
  EXPECT_FALSE(map.view('c', healthy()).any) << "and does not come back with an old view";
}

TEST(ClusterMap, AKeyInUseIsNotGivenTwice) {
  Map map;
  map.view('a', healthy());
  map.view('d', failed_over());
  ClusterNodes nodes = failed_over();
  nodes[0] = primary('a', 5, {{0, 99}});
  nodes[3].slots = {{100, kFirst.last}};
  EXPECT_THAT(map.view('a', nodes).added, ElementsAre(id('a') + "+"));
  EXPECT_THAT(map.keys(), ElementsAre(id('a') + "+", id('a'), id('b'), id('c')));
}

TEST(ClusterMap, AViewThatMissesAShardRemovesNothing) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes.erase(nodes.begin());
  const auto change = map.view('b', nodes);
  EXPECT_FALSE(change.any) << "b may have joined just now";
  EXPECT_EQ(map.uncovered_slots(), 0U);
}

// --- slots that nobody claims -----------------------------------------------------------------

TEST(ClusterMap, SlotsThatWereNeverGivenAreUncovered) {
  Map map;
  map.view('a', {primary('a', 1, {{0, 9}}), primary('b', 2, {{20, 16383}})});
  EXPECT_EQ(map.uncovered_slots(), 10U);
}

TEST(ClusterMap, UncoveredSlotsStayWithTheirLastPrimary) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0].slots = {};
  nodes[0].failed = true;
  EXPECT_TRUE(map.view('b', nodes).any);
  EXPECT_EQ(map.uncovered_slots(), 5461U);
  EXPECT_FALSE(map.shard('a').covered);
  EXPECT_TRUE(map.shard('a').failed);
  EXPECT_THAT(map.shard('a').slots, ElementsAre(kFirst));
  EXPECT_TRUE(map.view('b', healthy()).any);
  EXPECT_EQ(map.uncovered_slots(), 0U);
  EXPECT_TRUE(map.shard('a').covered);
}

TEST(ClusterMap, AShardWithSomeUncoveredSlotsIsCovered) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[0].slots = {{10, kFirst.last}};
  map.view('a', nodes);
  EXPECT_EQ(map.uncovered_slots(), 10U);
  EXPECT_TRUE(map.shard('a').covered);
}

TEST(ClusterMap, UncoveredSlotsGoToWhoeverClaimsThemNext) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes.erase(nodes.begin() + 1);  // b, with a higher epoch than a
  for (int i = 0; i < 3; ++i) map.view('a', nodes);
  EXPECT_EQ(map.uncovered_slots(), 5462U) << "forgotten by all";
  EXPECT_FALSE(map.shard('b').covered);
  nodes[0].slots = {{0, kSecond.last}};  // CLUSTER ADDSLOTS changes no epoch
  const auto change = map.view('a', nodes);
  EXPECT_THAT(change.removed, ElementsAre(id('b')));
  EXPECT_EQ(map.uncovered_slots(), 0U);
}

TEST(ClusterMap, AFailoverTakesUncoveredSlotsAlong) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = failed_over();
  nodes[3].slots = {{10, kFirst.last}};
  EXPECT_THAT(map.view('d', nodes).moved, ElementsAre(id('a')));
  EXPECT_THAT(map.keys(), ElementsAre(id('a'), id('b'), id('c')));
  EXPECT_EQ(map.uncovered_slots(), 10U);
}

TEST(ClusterMap, AViewThatIsBehindTellsNothingOfUncoveredSlots) {
  Map map;
  map.view('d', failed_over());
  ClusterNodes behind = healthy();
  behind[1].slots = {};
  EXPECT_FALSE(map.view('c', behind).any);
  EXPECT_EQ(map.uncovered_slots(), 0U);
}

TEST(ClusterMap, AViewThatDoesNotKnowAllPrimariesTellsOfUncoveredSlotsOnlyAsTheThirdInARow) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes.erase(nodes.begin());
  for (int i = 0; i < 5; ++i) {
    map.view('b', nodes);
    map.view('c', nodes);
    map.view('a', healthy());
  }
  EXPECT_EQ(map.uncovered_slots(), 0U);
  map.view('b', nodes);
  map.view('b', nodes);
  EXPECT_TRUE(map.view('b', nodes).any);
  EXPECT_EQ(map.uncovered_slots(), 5461U);
}

// --- addresses --------------------------------------------------------------------------------

TEST(ClusterMap, ANodeThatDoesNotTellItsHostIsAtTheOneAsked) {
  Map map;
  ClusterNode node = primary('a', 1, {{0, 16383}});
  node.where.host.clear();
  map.on_view({"seed-1.example.net", 6379}, {node}, {});
  EXPECT_EQ(map.shards().front().primary, (HostPort{"seed-1.example.net", 6379}));
  EXPECT_FALSE(map.on_view({"seed-2.example.net", 6379}, {node}, {}).any)
      << "the same node, asked by another name";
}

TEST(ClusterMap, NamesReplaceAddressesById) {
  Map map;
  ClusterNodes names = healthy();
  for (ClusterNode& n : names) n.where.host = fmt::format("node-{}.example.net", n.id[0]);
  names[2].where.host.clear();
  names[2].where.port = 7000;
  names[1].id = "";  // told without: nothing says whose name it is
  map.view('a', healthy(), names);
  EXPECT_EQ(map.shard('a').primary, (HostPort{"node-a.example.net", 6379}));
  EXPECT_THAT(map.shard('a').replicas, ElementsAre(HostPort{"node-d.example.net", 6379}));
  EXPECT_EQ(map.shard('b').primary, at('b'));
  EXPECT_EQ(map.shard('c').primary, (HostPort{"10.0.0.1", 7000})) << "at the node asked";
  EXPECT_FALSE(map.view('a', healthy(), names).any);
}

TEST(ClusterMap, WithoutIdsAddressesTellNodesApart) {
  ClusterNodes before = healthy();
  ClusterNodes after = failed_over();
  for (ClusterNodes* nodes : {&before, &after}) {
    for (ClusterNode& n : *nodes) n.id.clear();
  }
  Map map;
  EXPECT_THAT(map.view('a', before).added,
              ElementsAre(at('a').to_string(), at('b').to_string(), at('c').to_string()));
  EXPECT_THAT(map.view('d', after).moved, ElementsAre(at('a').to_string()));
}

TEST(ClusterMap, ANodeWithoutAnAddressKeepsTheOneItHad) {
  Map map;
  map.view('a', healthy());
  ClusterNodes nodes = healthy();
  nodes[1].usable = nodes[5].usable = false;
  nodes[1].where = nodes[5].where = {"", 0};
  map.view('a', nodes);
  EXPECT_EQ(map.shard('b').primary, at('b'));
  EXPECT_THAT(map.shard('c').replicas, IsEmpty());
  Map fresh;
  fresh.view('a', nodes);
  EXPECT_THAT(fresh.keys(), ElementsAre(id('a'), id('c')));
}

// --- epochs that are not told, clusters set up anew -------------------------------------------

ClusterNodes without_epochs(ClusterNodes nodes) {
  for (ClusterNode& n : nodes) n.epoch = 0;
  return nodes;
}

TEST(ClusterMap, WithoutEpochsTheLastViewHolds) {
  Map map;
  map.view('a', without_epochs(healthy()));
  EXPECT_THAT(map.view('d', without_epochs(failed_over())).moved, ElementsAre(id('a')));
  EXPECT_THAT(map.view('b', without_epochs(healthy())).moved, ElementsAre(id('a')));
}

TEST(ClusterMap, EpochsThatAreNoLongerToldAreMissedForThreeViews) {
  Map map;
  map.view('a', healthy());
  const ClusterNodes nodes = without_epochs(failed_over());
  EXPECT_FALSE(map.view('d', nodes).any);
  EXPECT_FALSE(map.view('d', nodes).any);
  EXPECT_THAT(map.view('d', nodes).moved, ElementsAre(id('a')));
  EXPECT_EQ(map.shard('b').epoch, 0U) << "or nothing of b would be news any more";
  EXPECT_THAT(map.view('a', without_epochs(healthy())).moved, ElementsAre(id('a')));
}

TEST(ClusterMap, AClusterThatWasSetUpAnewIsBelievedAtTheThirdView) {
  Map map;
  ClusterNodes old = healthy();
  for (ClusterNode& n : old) n.epoch += 100;
  map.view('a', old);
  const ClusterNodes anew = {primary('x', 1, {kFirst}), primary('y', 2, {kSecond}),
                             primary('z', 3, {kThird})};
  EXPECT_FALSE(map.view('x', anew).any);
  EXPECT_FALSE(map.view('y', anew).any);
  EXPECT_FALSE(map.view('a', old).any) << "the known one is still there: x is a stranger";
  EXPECT_FALSE(map.view('x', anew).any);
  EXPECT_FALSE(map.view('y', anew).any);
  EXPECT_THAT(map.view('z', anew).moved, ElementsAre(id('a'), id('b'), id('c')));
  EXPECT_EQ(map.shard('a').primary, at('x'));
  EXPECT_EQ(map.shard('a').epoch, 1U);
}

// --- size -------------------------------------------------------------------------------------

TEST(ClusterMap, AThousandPrimariesAndEverySlotApart) {
  ClusterNodes nodes;
  for (unsigned i = 0; i < 1000; ++i) {
    ClusterNode n = primary('a', i + 1, {});
    n.id = fmt::format("{:040x}", i);
    n.where = {fmt::format("node-{}", i), 6379};
    for (unsigned s = i; s < kClusterSlots; s += 1000) {
      n.slots.push_back({static_cast<std::uint16_t>(s), static_cast<std::uint16_t>(s)});
    }
    nodes.push_back(n);
  }
  Map map;
  EXPECT_EQ(map.view('a', nodes).added.size(), 1000U);
  EXPECT_EQ(map.uncovered_slots(), 0U);
  EXPECT_FALSE(map.view('a', nodes).any);
  EXPECT_EQ(map.shards()[7].slots.size(), 17U);
}

}  // namespace
}  // namespace relinkd::core
