// SPDX-License-Identifier: Apache-2.0
#include "resp/cluster.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replies.hpp"

namespace relinkd::resp {
namespace {

using core::ClusterNode;
using core::ClusterNodes;
using core::SlotRange;
using testing::HasSubstr;

const std::string kA = "00ac9298f3e8690a8153344d0c89df03883c6498";
const std::string kB = "f21c63af693c345fc6c8007ee0caf0bd9faffb3a";
const std::string kReplicaOfA = "e15e17ddbb2036caaed3aee54e9a575557f8f0d8";

ClusterNodes nodes_of(std::string_view lines) {
  auto nodes = parse_cluster_nodes(text(lines));
  EXPECT_TRUE(nodes) << error_of(nodes);
  return nodes ? *std::move(nodes) : ClusterNodes{};
}

/// The only node of a text with one line: kA, and then `rest`.
ClusterNode line_of(std::string_view rest) {
  const auto nodes = nodes_of(kA + " " + std::string(rest));
  EXPECT_EQ(nodes.size(), 1U);
  return nodes.empty() ? ClusterNode{} : nodes[0];
}

// Lines of redis-server 7.0.15 of Debian 12: slots 0 and 7000 are on the move, B has died.
constexpr std::string_view kFailedNodes =
    R"(f21c63af693c345fc6c8007ee0caf0bd9faffb3a 127.0.0.1:29022@39022 master,fail - 1795547192084 1795547191075 2 disconnected 5461-10922
00ac9298f3e8690a8153344d0c89df03883c6498 127.0.0.1:29021@39021,node-29021.example.net myself,master - 0 1795547193000 1 connected 0-4 6-76 78 80-5460 [0->-f21c63af693c345fc6c8007ee0caf0bd9faffb3a] [7000-<-f21c63af693c345fc6c8007ee0caf0bd9faffb3a]
8fde9bf9b618e3342019596a3347226624ed15d0 127.0.0.1:29023@39023,node-29023.example.net master - 0 1795547194104 3 connected 10923-16383
e15e17ddbb2036caaed3aee54e9a575557f8f0d8 127.0.0.1:29025@39025,node-29025.example.net slave 00ac9298f3e8690a8153344d0c89df03883c6498 0 1795547194205 1 connected
e03f68711244417b2ca16209ec0483507376fa36 127.0.0.1:29099@39099 handshake - 0 0 0 disconnected
)";

TEST(ClusterNodesText, ListsPartsSlotsAndEpochs) {
  const auto nodes = nodes_of(kFailedNodes);
  ASSERT_EQ(nodes.size(), 5U);
  EXPECT_EQ(nodes[0], (ClusterNode{.id = kB,
                                   .where = {"127.0.0.1", 29022},
                                   .primary = true,
                                   .slots = {{5461, 10922}},
                                   .epoch = 2,
                                   .failed = true}));
  EXPECT_EQ(nodes[1], (ClusterNode{.id = kA,
                                   .where = {"127.0.0.1", 29021},
                                   .primary = true,
                                   .slots = {{0, 4}, {6, 76}, {78, 78}, {80, 5460}},
                                   .epoch = 1}));
  EXPECT_EQ(nodes[3],
            (ClusterNode{
                .id = kReplicaOfA, .where = {"127.0.0.1", 29025}, .primary_id = kA, .epoch = 1}));
  EXPECT_FALSE(nodes[4].usable) << "it shakes hands";
}

TEST(ClusterNodesText, AddressesHaveManyForms) {
  const struct {
    const char* address;
    HostPort where;
  } cases[] = {
      {"127.0.0.1:6379@16379", {"127.0.0.1", 6379}},
      {"127.0.0.1:6379", {"127.0.0.1", 6379}},  // before 4.0
      {":29021@39021", {"", 29021}},            // a node that knows no other
      {"::1:29041@39041", {"::1", 29041}},
      {"2001:db8::7:6379@16379,cache-1.example.net", {"2001:db8::7", 6379}},
      {"10.0.0.7:6379@16379,", {"10.0.0.7", 6379}},
      {"10.0.0.7:6379@16379,,tls-port=6380,shard-id=69bc080733d1355567173199cff4a6a039a2f024",
       {"10.0.0.7", 6379}},
  };
  for (const auto& c : cases) {
    const auto node = line_of(std::string(c.address) + " myself,master - 0 0 0 connected");
    EXPECT_EQ(node.where, c.where) << c.address;
    EXPECT_TRUE(node.usable) << c.address;
  }
}

TEST(ClusterNodesText, FlagsAreWholeWords) {
  const struct {
    const char* flags;
    bool primary;
    bool failed;
    bool usable;
  } cases[] = {
      {"myself,master", true, false, true},     {"master,fail?", true, false, true},
      {"master,fail", true, true, true},        {"slave,fail", false, true, true},
      {"slave,nofailover", false, false, true}, {"handshake", false, false, false},
      {"master,noaddr", true, false, false},    {"slave,fail,noaddr", false, true, false},
      {"noflags", false, false, true},          {"master,of-the-future", true, false, true},
  };
  for (const auto& c : cases) {
    const auto node = line_of("10.0.0.7:6379@16379 " + std::string(c.flags) + " - 0 0 7 connected");
    EXPECT_EQ(node.primary, c.primary) << c.flags;
    EXPECT_EQ(node.failed, c.failed) << c.flags;
    EXPECT_EQ(node.usable, c.usable) << c.flags;
  }
  EXPECT_FALSE(line_of(":0@0 master - 0 0 7 connected").usable) << "it has no port";
}

TEST(ClusterNodesText, EndsLinesWithOrWithoutCarriageReturn) {
  EXPECT_EQ(line_of("h:1@2 master - 0 0 1 connected 5\r\n\r\n").slots,
            (std::vector<SlotRange>{{5, 5}}));
  EXPECT_EQ(line_of("h:1@2 master - 0 0 1 connected 5").slots, (std::vector<SlotRange>{{5, 5}}));
}

TEST(ClusterNodesText, OnlyPrimariesHaveSlots) {
  EXPECT_TRUE(line_of("h:1@2 slave " + kB + " 0 0 1 connected 5").slots.empty());
}

TEST(ClusterNodesText, WithAMalformedNodeIsAnErrorAsAWhole) {
  const std::string start = kA + " h:1@2 master - 0 0 1 connected";
  const struct {
    std::string line;
    const char* says;
  } cases[] = {
      {"x" + start, "id"},
      {kA.substr(1) + " h:1@2 master - 0 0 1 connected", "id"},
      {kA, "address"},
      {kA + " h master - 0 0 1 connected", "address"},
      {kA + " h:@2 master - 0 0 1 connected", "address"},
      {kA + " h:65536@2 master - 0 0 1 connected", "address"},
      {kA + " h\x01:1@2 master - 0 0 1 connected", "address"},
      {kA + " " + std::string(256, 'h') + ":1@2 master - 0 0 1 connected", "address"},
      {kA + " h:1@2", "flags"},
      {kA + " h:1@2 slave " + kB.substr(1) + " 0 0 1 connected", "primary"},
      {kA + " h:1@2 slave", "primary"},
      {kA + " h:1@2 master - 0 0 x connected", "config-epoch"},
      {kA + " h:1@2 master - 0 0", "config-epoch"},
      {kA + " h:1@2 master - 0 0 1", "link"},
      {start + " x", "slots"},
      {start + " 16384", "slots"},
      {start + " 5-4", "slots"},
      {start + " 5-", "slots"},
      {start + " -5", "slots"},
      {start + " 5-6-7", "slots"},
      {start + " 99999999999999999999", "slots"},
  };
  for (const auto& c : cases) {
    const auto nodes = parse_cluster_nodes(text(std::string(kFailedNodes) + c.line + "\n"));
    EXPECT_THAT(error_of(nodes), HasSubstr(c.says)) << c.line;
    EXPECT_LT(error_of(nodes).size(), 250U);
  }
}

TEST(ClusterNodesText, IsBounded) {
  std::string lines;
  for (std::size_t i = 0; i < kMaxClusterNodes; ++i) {
    lines += numbered_id(i) + " h:1@2 master - 0 0 1 connected\n";
  }
  EXPECT_EQ(nodes_of(lines).size(), kMaxClusterNodes);
  lines += kA + " h:1@2 master - 0 0 1 connected\n";
  EXPECT_THAT(error_of(parse_cluster_nodes(text(lines))), HasSubstr("more than 2000 nodes"));

  std::string ranges;
  for (unsigned i = 0; i < core::kClusterSlots; ++i) ranges += " 7";
  const std::string start = " h:1@2 master - 0 0 1 connected";
  EXPECT_EQ(nodes_of(kA + start + ranges).size(), 1U);
  EXPECT_THAT(error_of(parse_cluster_nodes(text(kA + start + ranges + "\n" + kB + start + " 8"))),
              HasSubstr("more than 16384 ranges"));
}

TEST(ClusterNodesText, MayBeAnyBytesOfAnySize) {
  constexpr std::size_t kSize = std::size_t{4} << 20U;
  EXPECT_THAT(error_of(parse_cluster_nodes(text(std::string(kSize, '\n')))), HasSubstr("no node"));
  EXPECT_FALSE(parse_cluster_nodes(text(std::string(kSize, ' '))));
  EXPECT_FALSE(parse_cluster_nodes(text(std::string(kSize, ':'))));
  const std::string start = kA + " h:1@2 master - 0 0 1 connected ";
  EXPECT_TRUE(parse_cluster_nodes(text(start + std::string(kSize, ' '))));
  EXPECT_TRUE(parse_cluster_nodes(text(start + std::string(kSize, '['))));
  EXPECT_TRUE(parse_cluster_nodes(text(kA + " h:1@2 " + std::string(kSize, ',') + " - 0 0 1 x")));
}

TEST(ClusterNodesText, OfAnotherFormIsAnError) {
  EXPECT_THAT(error_of(parse_cluster_nodes(text(""))), HasSubstr("no node"));
  EXPECT_THAT(error_of(parse_cluster_nodes(list({}))), HasSubstr("no text"));
  EXPECT_EQ(
      error_of(parse_cluster_nodes(error("ERR This instance has cluster support disabled"))),
      "CLUSTER NODES was answered with an error: ERR This instance has cluster support disabled");
}

// ------------------------------------------------------------------------------------ CLUSTER INFO

const std::string kInfo7_0 =
    "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n"
    "cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:6\r\n"
    "cluster_size:3\r\ncluster_current_epoch:7\r\ncluster_my_epoch:1\r\n"
    "cluster_stats_messages_ping_sent:21\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n";

TEST(ClusterInfo, TellsStateAndSize) {
  const auto health = parse_cluster_info(text(kInfo7_0));
  ASSERT_TRUE(health) << error_of(health);
  EXPECT_EQ(
      *health,
      (core::ClusterHealth{
          .ok = true, .slots_assigned = 16384, .known_nodes = 6, .size = 3, .current_epoch = 7}));
}

TEST(ClusterInfo, OfAClusterThatDoesNotServe) {
  std::string info = kInfo7_0;
  info.replace(info.find(":ok"), 3, ":fail");
  const auto health = parse_cluster_info(text(info));
  ASSERT_TRUE(health);
  EXPECT_FALSE(health->ok);
}

TEST(ClusterInfo, WithoutAFieldIsAnError) {
  for (const char* field : {"cluster_state", "cluster_slots_assigned", "cluster_known_nodes",
                            "cluster_size", "cluster_current_epoch"}) {
    std::string info = kInfo7_0;
    info.insert(info.find(field), "x");
    EXPECT_THAT(error_of(parse_cluster_info(text(info))), HasSubstr(field));
  }
  std::string info = kInfo7_0;
  info.replace(info.find("size:3"), 6, "size:-3");
  EXPECT_THAT(error_of(parse_cluster_info(text(info))), HasSubstr("cluster_size"));
  EXPECT_THAT(error_of(parse_cluster_info(list({}))), HasSubstr("no text"));
  EXPECT_THAT(error_of(parse_cluster_info(error("ERR no cluster"))), HasSubstr("ERR no cluster"));
}

}  // namespace
}  // namespace relinkd::resp
