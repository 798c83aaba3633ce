// SPDX-License-Identifier: Apache-2.0
#include "resp/facts.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reading.hpp"
#include "replies.hpp"

namespace relinkd::resp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Reply reply_of(std::string_view wire) {
  Reader reader;
  reader.set_budget(kInfoBudget);
  reader.feed(wire);
  auto reply = reader.next();
  return reply && *reply ? std::move(**reply) : Reply{};
}

std::string role_error(std::string_view wire) {
  const auto fact = parse_role(reply_of(wire));
  return fact ? "" : fact.error().message;
}

TEST(RoleReply, OfAPrimary) {
  const auto fact =
      parse_role(reply_of("*3\r\n$6\r\nmaster\r\n:448\r\n*1\r\n*3\r\n$9\r\n127."
                          "0.0.1\r\n$4\r\n6380\r\n$3\r\n291\r\n"));
  ASSERT_TRUE(fact);
  EXPECT_EQ(fact->role, Role::Primary);
  EXPECT_THAT(fact->replicas, ElementsAre(HostPort{"127.0.0.1", 6380}));
}

TEST(RoleReply, OfAPrimaryLeavesOutReplicasWithoutAnAddress) {
  const auto replica = [](std::string_view host, std::string_view port) {
    return list({text(host), text(port), text("0")});
  };
  const auto fact = parse_role(list({text("master"), integer(0),
                                     list({
                                         replica("127.0.0.1", "0"),
                                         replica("127.0.0.1", "65536"),
                                         replica("", "6379"),
                                         replica("a b", "6379"),
                                         replica(std::string(256, 'h'), "6379"),
                                         list({text("127.0.0.1")}),
                                         list({text("127.0.0.1"), integer(6379), text("0")}),
                                         text("127.0.0.1"),
                                         nil(),
                                         replica("::1", "6379"),
                                     })}));
  ASSERT_TRUE(fact);
  EXPECT_THAT(fact->replicas, ElementsAre(HostPort{"::1", 6379}));
}

TEST(RoleReply, OfAPrimaryMayListNoReplicas) {
  for (const Reply& reply : {list({text("master")}), list({text("master"), integer(0), text("x")}),
                             list({text("master"), integer(0), list({})})}) {
    const auto fact = parse_role(reply);
    ASSERT_TRUE(fact);
    EXPECT_EQ(fact->role, Role::Primary);
    EXPECT_TRUE(fact->replicas.empty());
  }
}

TEST(RoleReply, OfAPrimaryListsReplicasUpToABound) {
  const std::vector<Reply> many(kMaxReplicas + 1, texts("127.0.0.1 6379 0"));
  const auto fact = parse_role(list({text("master"), integer(0), list(many)}));
  ASSERT_TRUE(fact);
  EXPECT_EQ(fact->replicas.size(), kMaxReplicas);
}

TEST(RoleReply, OfAReplicaNamesItsPrimary) {
  const auto fact =
      parse_role(reply_of("*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$"
                          "9\r\nconnected\r\n:448\r\n"));
  ASSERT_TRUE(fact);
  EXPECT_EQ(fact->role, Role::Replica);
  EXPECT_EQ(fact->primary_host, "127.0.0.1");
  EXPECT_EQ(fact->primary_port, 6379);
  EXPECT_TRUE(fact->link_up);
  EXPECT_TRUE(fact->replicas.empty());
}

TEST(RoleReply, OfAReplicaWhoseLinkIsNotInStep) {
  for (const std::string_view state : {"connect", "connecting", "sync", "handshake", "none", ""}) {
    const auto fact = parse_role(reply_of("*5\r\n$5\r\nslave\r\n$2\r\n::\r\n:6379\r\n$" +
                                          std::to_string(state.size()) + "\r\n" +
                                          std::string(state) + "\r\n:-1\r\n"));
    ASSERT_TRUE(fact) << state;
    EXPECT_FALSE(fact->link_up) << state;
  }
}

TEST(RoleReply, OfASentinel) {
  const auto fact = parse_role(reply_of("*2\r\n$8\r\nsentinel\r\n*1\r\n$8\r\nmymaster\r\n"));
  ASSERT_TRUE(fact);
  EXPECT_EQ(fact->role, Role::Sentinel);
}

TEST(RoleReply, ThatIsAnErrorIsToldInTheServersWords) {
  EXPECT_EQ(role_error("-NOPERM this user has no permissions to run the 'role' command\r\n"),
            "ROLE was answered with an error: NOPERM this user has no permissions to "
            "run the 'role' "
            "command");
  EXPECT_THAT(role_error("-a\x01\x02\r\n"), HasSubstr("a.."));
}

TEST(RoleReply, OfAnotherFormIsAnError) {
  EXPECT_THAT(role_error("+master\r\n"), HasSubstr("array"));
  EXPECT_THAT(role_error("*-1\r\n"), HasSubstr("array"));
  EXPECT_THAT(role_error("*0\r\n"), HasSubstr("array"));
  EXPECT_THAT(role_error("*1\r\n:1\r\n"), HasSubstr("array"));
  EXPECT_THAT(role_error("*1\r\n$4\r\nking\r\n"), HasSubstr("unknown role \"king\""));
  EXPECT_LT(role_error("*1\r\n$5000\r\n" + std::string(5000, '\n') + "\r\n").size(), 100U);
}

TEST(RoleReply, OfAReplicaIsRefusedIfItsPrimaryIsNotNamed) {
  const std::string start = "$5\r\nslave\r\n";
  EXPECT_THAT(role_error("*1\r\n" + start), HasSubstr("1 parts"));
  EXPECT_THAT(role_error("*3\r\n" + start + "+h\r\n:1\r\n"), HasSubstr("3 parts"));
  EXPECT_THAT(role_error("*4\r\n" + start + "$-1\r\n:1\r\n+connected\r\n"), HasSubstr("host"));
  EXPECT_THAT(role_error("*4\r\n" + start + "$0\r\n\r\n:1\r\n+connected\r\n"), HasSubstr("host"));
  EXPECT_THAT(role_error("*4\r\n" + start + "$3\r\na\nb\r\n:1\r\n+connected\r\n"),
              HasSubstr("host"));
  EXPECT_THAT(role_error("*4\r\n" + start + "+" + std::string(256, 'h') + "\r\n:1\r\n+c\r\n"),
              HasSubstr("host"));
  EXPECT_THAT(role_error("*4\r\n" + start + "+h\r\n:-1\r\n+connected\r\n"), HasSubstr("port"));
  EXPECT_THAT(role_error("*4\r\n" + start + "+h\r\n:65536\r\n+connected\r\n"), HasSubstr("port"));
  EXPECT_THAT(role_error("*4\r\n" + start + "+h\r\n+1\r\n+connected\r\n"), HasSubstr("port"));
  EXPECT_THAT(role_error("*4\r\n" + start + "+h\r\n:1\r\n:1\r\n"), HasSubstr("link"));
}

TEST(Merge, TakesWhatIsNewAndKeepsTheRest) {
  InfoFacts facts;
  facts.run_id = "old";
  facts.uptime_seconds = 5;
  facts.role = RoleFact{.role = Role::Primary};
  facts.rejected_connections = 7;
  InfoFacts newer;
  newer.run_id = "new";
  newer.version = "7.0.15";
  newer.master_replid = "id";
  newer.master_replid2 = "id2";
  newer.role = RoleFact{.role = Role::Replica, .primary_host = "h"};
  newer.rejected_connections = 0;
  newer.output_buffer_disconnections = 1;
  newer.client_kill_calls = 2;
  merge(facts, newer);
  EXPECT_EQ(facts.run_id, "new");
  EXPECT_EQ(facts.version, "7.0.15");
  EXPECT_EQ(facts.uptime_seconds, 5U);
  EXPECT_EQ(facts.master_replid, "id");
  EXPECT_EQ(facts.master_replid2, "id2");
  EXPECT_EQ(facts.role->role, Role::Replica);
  EXPECT_EQ(facts.role->primary_host, "h");
  EXPECT_EQ(facts.rejected_connections, 0U);
  EXPECT_EQ(facts.output_buffer_disconnections, 1U);
  EXPECT_EQ(facts.client_kill_calls, 2U);
  const InfoFacts nothing;
  merge(facts, nothing);
  EXPECT_EQ(facts.run_id, "new");
  EXPECT_EQ(facts.client_kill_calls, 2U);
  newer = {};
  newer.uptime_seconds = 6;
  merge(facts, newer);
  EXPECT_EQ(facts.uptime_seconds, 6U);
}

}  // namespace
}  // namespace relinkd::resp
