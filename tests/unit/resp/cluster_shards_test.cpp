// SPDX-License-Identifier: Apache-2.0
// CLUSTER SHARDS and CLUSTER SLOTS: the answers that say how clients reach a node.
#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replies.hpp"
#include "resp/cluster.hpp"

namespace relinkd::resp {
namespace {

using core::ClusterNode;
using core::ClusterNodes;
using core::SlotRange;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kA = "00ac9298f3e8690a8153344d0c89df03883c6498";
const std::string kB = "f21c63af693c345fc6c8007ee0caf0bd9faffb3a";
const std::string kC = "8fde9bf9b618e3342019596a3347226624ed15d0";
const std::string kReplicaOfA = "e15e17ddbb2036caaed3aee54e9a575557f8f0d8";

/// The node with that id; an empty one if it is not there.
ClusterNode node_of(const ClusterNodes& nodes, std::string_view id) {
  for (const ClusterNode& node : nodes) {
    if (node.id == id) return node;
  }
  ADD_FAILURE() << id << " is not listed";
  return {};
}

// ---------------------------------------------------------------------------------- CLUSTER SHARDS

/// A node as 7.0.15 lists it; `more` are fields in front of the rest.
Reply shard_node(std::string_view id, std::vector<Reply> more, std::string_view role,
                 std::string_view health) {
  Reply node = list({text("id"), text(id)});
  for (Reply& part : more) node.elements.push_back(std::move(part));
  for (Reply part : {text("role"), text(role), text("replication-offset"), integer(14),
                     text("health"), text(health)}) {
    node.elements.push_back(std::move(part));
  }
  return node;
}

/// Fields "port", "ip" and "endpoint".
std::vector<Reply> at(std::int64_t port, Reply endpoint) {
  return {text("port"),      integer(port),    text("ip"),
          text("127.0.0.1"), text("endpoint"), std::move(endpoint)};
}

Reply shard(std::vector<Reply> slots, std::vector<Reply> nodes) {
  return list({text("slots"), list(std::move(slots)), text("nodes"), list(std::move(nodes))});
}

ClusterNodes shards_of(std::vector<Reply> shards, bool tls = false) {
  auto nodes = parse_cluster_shards(list(std::move(shards)), tls);
  EXPECT_TRUE(nodes) << error_of(nodes);
  return nodes ? *std::move(nodes) : ClusterNodes{};
}

TEST(ClusterShards, ListNodesByShard) {
  const auto nodes = shards_of(
      {shard({integer(5461), integer(10922)},
             {shard_node(kB, at(29022, text("node-29022.example.net")), "master", "fail")}),
       shard({integer(0), integer(76), integer(78), integer(5460)},
             {shard_node(kReplicaOfA, at(29025, text("127.0.0.1")), "replica", "loading"),
              shard_node(kA, at(29021, text("127.0.0.1")), "master", "online")})});
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes[0], (ClusterNode{.id = kB,
                                   .where = {"node-29022.example.net", 29022},
                                   .primary = true,
                                   .slots = {{5461, 10922}},
                                   .failed = true}));
  EXPECT_EQ(nodes[1],
            (ClusterNode{.id = kReplicaOfA, .where = {"127.0.0.1", 29025}, .primary_id = kA}));
  EXPECT_EQ(nodes[2], (ClusterNode{.id = kA,
                                   .where = {"127.0.0.1", 29021},
                                   .primary = true,
                                   .slots = {{0, 76}, {78, 5460}}}));
}

TEST(ClusterShards, EndpointsThatAreNotTold) {
  const struct {
    const char* what;
    Reply endpoint;
    const char* host;
  } cases[] = {
      {"NULL", nil(), ""},
      {"empty, as 7.0.15 says for unknown-endpoint", text(""), ""},
      {"no host name where one is preferred", text("?"), "127.0.0.1"},
  };
  for (const auto& c : cases) {
    const auto nodes =
        shards_of({shard({}, {shard_node(kA, at(1, c.endpoint), "master", "online")})});
    ASSERT_EQ(nodes.size(), 1U) << c.what;
    EXPECT_EQ(nodes[0].where, (HostPort{c.host, 1})) << c.what;
    EXPECT_TRUE(nodes[0].usable) << c.what;
  }
  const auto nodes =
      shards_of({shard({}, {shard_node(kA, {text("port"), integer(1), text("endpoint"), text("?")},
                                       "master", "online")})});
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_FALSE(nodes[0].usable) << "it may be another than the node asked";
}

TEST(ClusterShards, TellThePortForTls) {
  const std::vector<Reply> both = {text("port"),   integer(29021),   text("tls-port"),
                                   integer(29121), text("endpoint"), text("127.0.0.1")};
  const std::vector<Reply> only_plain = {text("port"), integer(29021), text("endpoint"), nil()};
  const std::vector<Reply> only_tls = {text("tls-port"), integer(29121), text("endpoint"), nil()};
  const struct {
    const char* what;
    const std::vector<Reply>& ports;
    bool tls;
    std::uint16_t port;
  } cases[] = {
      {"both, TLS", both, true, 29121},
      {"both, plain", both, false, 29021},
      {"only port, TLS", only_plain, true, 29021},
      {"only tls-port, TLS", only_tls, true, 29121},
      {"only tls-port, plain", only_tls, false, 0},
  };
  for (const auto& c : cases) {
    const auto nodes = shards_of({shard({}, {shard_node(kA, c.ports, "master", "online")})}, c.tls);
    ASSERT_EQ(nodes.size(), 1U) << c.what;
    EXPECT_EQ(nodes[0].where.port, c.port) << c.what;
    EXPECT_EQ(nodes[0].usable, c.port != 0) << c.what;
  }
}

// Since 7.2 a shard keeps its failed primary beside the new one.
TEST(ClusterShards, OfTwoPrimariesTheOneThatHasNotFailedOwnsTheSlots) {
  const auto nodes = shards_of(
      {shard({integer(0), integer(5)}, {shard_node(kA, at(1, nil()), "master", "failed"),
                                        shard_node(kB, at(2, nil()), "master", "online"),
                                        shard_node(kC, at(3, nil()), "slave", "online")})});
  EXPECT_TRUE(node_of(nodes, kA).slots.empty());
  EXPECT_TRUE(node_of(nodes, kA).failed);
  EXPECT_THAT(node_of(nodes, kB).slots, ElementsAre(SlotRange{0, 5}));
  EXPECT_EQ(node_of(nodes, kC).primary_id, kB);
}

TEST(ClusterShards, MayHaveLostTheirPrimary) {
  const auto nodes = shards_of(
      {shard({integer(0), integer(5)}, {shard_node(kC, at(3, nil()), "replica", "online")})});
  EXPECT_EQ(node_of(nodes, kC).primary_id, "");
  EXPECT_TRUE(node_of(nodes, kC).slots.empty());
}

TEST(ClusterShards, MayBeNone) { EXPECT_TRUE(shards_of({}).empty()); }

TEST(ClusterShards, OfAnotherFormAreAnError) {
  const Reply good = shard_node(kA, at(1, nil()), "master", "online");
  const struct {
    const char* says;
    Reply shard;
  } cases[] = {
      {"lists", nil()},
      {"lists", list({})},
      {"lists", list({text("slots"), list({})})},
      {"lists", list({text("slots"), text("0-5"), text("nodes"), list({})})},
      {"lists", shard({integer(1)}, {good})},
      {"slots", shard({integer(1), integer(16384)}, {good})},
      {"slots", shard({integer(2), integer(1)}, {good})},
      {"slots", shard({integer(-1), integer(1)}, {good})},
      {"slots", shard({text("0"), text("1")}, {good})},
      {"id", shard({}, {nil()})},
      {"id", shard({}, {shard_node("a", at(1, nil()), "master", "online")})},
      {"endpoint", shard({}, {shard_node(kA, at(1, text("a b")), "master", "online")})},
      {"endpoint", shard({}, {shard_node(kA, at(1, integer(1)), "master", "online")})},
      {"endpoint",
       shard({}, {shard_node(kA, at(1, text(std::string(256, 'h'))), "master", "online")})},
      {"port", shard({}, {shard_node(kA, at(65536, nil()), "master", "online")})},
      {"port", shard({}, {shard_node(kA, at(-1, nil()), "master", "online")})},
      {"role", shard({}, {shard_node(kA, at(1, nil()), "king", "online")})},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(error_of(parse_cluster_shards(list({c.shard}), false)), HasSubstr(c.says));
  }
  EXPECT_THAT(error_of(parse_cluster_shards(text("x"), false)), HasSubstr("list"));
  EXPECT_THAT(error_of(parse_cluster_shards(error("ERR unknown subcommand"), false)),
              HasSubstr("ERR unknown subcommand"));
}

TEST(ClusterShards, AreBounded) {
  std::vector<Reply> nodes(kMaxClusterNodes, shard_node(kA, at(1, nil()), "master", "online"));
  EXPECT_EQ(shards_of({shard({}, nodes)}).size(), kMaxClusterNodes);
  EXPECT_THAT(
      error_of(parse_cluster_shards(list({shard({}, nodes), shard({}, {nodes.front()})}), false)),
      HasSubstr("more than 2000 nodes"));
  const std::vector<Reply> slots(std::size_t{2} * (core::kClusterSlots + 1), integer(7));
  EXPECT_THAT(error_of(parse_cluster_shards(list({shard(slots, {nodes.front()})}), false)),
              HasSubstr("more than 16384 ranges"));
}

// ----------------------------------------------------------------------------------- CLUSTER SLOTS

Reply slots_node(Reply endpoint, std::int64_t port, std::string_view id,
                 std::string_view metadata = "") {
  return list({std::move(endpoint), integer(port), text(id), texts(metadata)});
}

Reply range(std::int64_t first, std::int64_t last, std::vector<Reply> nodes) {
  Reply reply = list({integer(first), integer(last)});
  for (Reply& node : nodes) reply.elements.push_back(std::move(node));
  return reply;
}

ClusterNodes slots_of(std::vector<Reply> ranges) {
  auto nodes = parse_cluster_slots(list(std::move(ranges)));
  EXPECT_TRUE(nodes) << error_of(nodes);
  return nodes ? *std::move(nodes) : ClusterNodes{};
}

// As 7.0.15 answers where host names are preferred; C announces none.
TEST(ClusterSlots, GatherTheRangesOfANode) {
  const Reply a = slots_node(text("node-29021.example.net"), 29021, kA, "ip 127.0.0.1");
  const Reply replica = slots_node(text("node-29025.example.net"), 29025, kReplicaOfA);
  const auto nodes = slots_of({
      range(0, 4, {a, replica}),
      range(6, 5460, {a, replica}),
      range(10923, 16383, {slots_node(text("?"), 29023, kC, "ip 127.0.0.1")}),
  });
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes[0], (ClusterNode{.id = kA,
                                   .where = {"node-29021.example.net", 29021},
                                   .primary = true,
                                   .slots = {{0, 4}, {6, 5460}}}));
  EXPECT_EQ(nodes[1],
            (ClusterNode{
                .id = kReplicaOfA, .where = {"node-29025.example.net", 29025}, .primary_id = kA}));
  EXPECT_EQ(
      nodes[2],
      (ClusterNode{
          .id = kC, .where = {"127.0.0.1", 29023}, .primary = true, .slots = {{10923, 16383}}}));
}

TEST(ClusterSlots, EndpointsThatAreNotTold) {
  EXPECT_EQ(slots_of({range(0, 1, {slots_node(nil(), 6379, kA)})})[0].where, (HostPort{"", 6379}));
  EXPECT_EQ(slots_of({range(0, 1, {slots_node(text(""), 6379, kA)})})[0].where,
            (HostPort{"", 6379}));
  EXPECT_TRUE(slots_of({range(0, 1, {slots_node(nil(), 6379, kA)})})[0].usable);
  EXPECT_FALSE(slots_of({range(0, 1, {slots_node(text("?"), 6379, kA)})})[0].usable);
  EXPECT_FALSE(slots_of({range(0, 1, {slots_node(text("?"), 6379, kA, "ip a\x01")})})[0].usable);
  EXPECT_FALSE(slots_of({range(0, 1, {slots_node(text("h"), 0, kA)})})[0].usable);
}

TEST(ClusterSlots, BeforeRedis40NodesHaveNoIds) {
  const Reply primary = list({text("10.0.0.7"), integer(6379)});
  const Reply replica = list({text("10.0.0.8"), integer(6379)});
  const auto nodes = slots_of({range(0, 5, {primary, replica}), range(7, 9, {primary, replica})});
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0],
            (ClusterNode{.where = {"10.0.0.7", 6379}, .primary = true, .slots = {{0, 5}, {7, 9}}}));
  EXPECT_EQ(nodes[1], (ClusterNode{.where = {"10.0.0.8", 6379}}));
}

TEST(ClusterSlots, ANodeThatOwnsARangeIsAPrimaryWhateverElseIsSaidOfIt) {
  const Reply a = slots_node(text("a"), 1, kA);
  const Reply b = slots_node(text("b"), 2, kB);
  const auto nodes = slots_of({range(0, 5, {a, b}), range(6, 9, {b, a})});
  for (const std::string& id : {kA, kB}) {
    EXPECT_TRUE(node_of(nodes, id).primary);
    EXPECT_EQ(node_of(nodes, id).primary_id, "");
    EXPECT_EQ(node_of(nodes, id).slots.size(), 1U);
  }
}

TEST(ClusterSlots, MayBeNone) { EXPECT_TRUE(slots_of({}).empty()); }

TEST(ClusterSlots, OfAnotherFormAreAnError) {
  const Reply good = slots_node(text("h"), 1, kA);
  const struct {
    const char* says;
    Reply range;
  } cases[] = {
      {"range", nil()},
      {"range", range(0, 1, {})},
      {"slots", range(0, 16384, {good})},
      {"slots", range(2, 1, {good})},
      {"slots", range(-1, 1, {good})},
      {"slots", list({text("0"), text("1"), good})},
      {"endpoint", range(0, 1, {nil()})},
      {"endpoint", range(0, 1, {list({text("h")})})},
      {"endpoint", range(0, 1, {slots_node(text("a b"), 1, kA)})},
      {"endpoint", range(0, 1, {slots_node(integer(1), 1, kA)})},
      {"port", range(0, 1, {slots_node(text("h"), 65536, kA)})},
      {"port", range(0, 1, {list({text("h"), text("1")})})},
      {"id", range(0, 1, {slots_node(text("h"), 1, "a")})},
      {"id", range(0, 1, {list({text("h"), integer(1), integer(1)})})},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(error_of(parse_cluster_slots(list({c.range}))), HasSubstr(c.says));
  }
  EXPECT_THAT(error_of(parse_cluster_slots(text("x"))), HasSubstr("list"));
  EXPECT_THAT(error_of(parse_cluster_slots(error("NOPERM no"))), HasSubstr("NOPERM no"));
}

TEST(ClusterSlots, AreBounded) {
  std::vector<Reply> nodes;
  for (std::size_t i = 0; i < kMaxClusterNodes; ++i) {
    nodes.push_back(slots_node(text("h"), 1, numbered_id(i)));
  }
  EXPECT_EQ(slots_of({range(0, 1, nodes)}).size(), kMaxClusterNodes);
  nodes.push_back(slots_node(text("h"), 1, kA));
  EXPECT_THAT(error_of(parse_cluster_slots(list({range(0, 1, nodes)}))),
              HasSubstr("more than 2000 nodes"));
  const std::vector<Reply> ranges(core::kClusterSlots + 1, range(7, 7, {nodes.front()}));
  EXPECT_THAT(error_of(parse_cluster_slots(list(ranges))), HasSubstr("more than 16384 ranges"));
}

}  // namespace
}  // namespace relinkd::resp
