// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resp/facts.hpp"

namespace relinkd::resp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// An INFO text as servers send it: each line ends with CRLF.
std::string wire(std::string_view lines) {
  std::string text;
  for (const char c : lines) text += c == '\n' ? "\r\n" : std::string(1, c);
  return text;
}

InfoFacts facts_of(std::string text) {
  const auto facts = parse_info({.type = Reply::Type::String, .text = std::move(text)});
  EXPECT_TRUE(facts);
  return facts ? *facts : InfoFacts{};
}

// What redis-server 7.0.15 of Debian 12 answers to INFO server, replication, stats, commandstats.
constexpr std::string_view kPrimary = R"(# Server
redis_version:7.0.15
redis_git_sha1:00000000
redis_git_dirty:0
redis_build_id:ae4d7c971a948f0
redis_mode:standalone
os:Linux 6.1.0-18-amd64 x86_64
arch_bits:64
monotonic_clock:POSIX clock_gettime
multiplexing_api:epoll
atomicvar_api:c11-builtin
gcc_version:12.2.0
process_id:5190
process_supervised:no
run_id:5e0a8c2229d67da891d19e0bca32d1763548e4bc
tcp_port:6379
server_time_usec:1795312484704085
uptime_in_seconds:734
uptime_in_days:0
hz:10
configured_hz:10
lru_clock:150372
executable:/usr/bin/redis-server
config_file:
io_threads_active:0

# Replication
role:master
connected_slaves:0
master_failover_state:no-failover
master_replid:7d673a1c262756bfbbe8f8cf7b45e7c8c4cac279
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:0
second_repl_offset:-1
repl_backlog_active:0
repl_backlog_size:1048576
repl_backlog_first_byte_offset:0
repl_backlog_histlen:0

# Stats
total_connections_received:11
total_commands_processed:6
instantaneous_ops_per_sec:1
total_net_input_bytes:306
total_net_output_bytes:1361
rejected_connections:2
sync_full:0
sync_partial_ok:0
sync_partial_err:0
total_error_replies:6
io_threaded_writes_processed:0

# Commandstats
cmdstat_info:calls=3,usec=57,usec_per_call=19.00,rejected_calls=0,failed_calls=0
cmdstat_client:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0
cmdstat_client|kill:calls=3,usec=15,usec_per_call=5.00,rejected_calls=0,failed_calls=0
cmdstat_client|id:calls=1,usec=2,usec_per_call=2.00,rejected_calls=0,failed_calls=0
cmdstat_auth:calls=2,usec=19,usec_per_call=9.50,rejected_calls=0,failed_calls=2
)";

constexpr std::string_view kReplica = R"(# Replication
role:slave
master_host:127.0.0.1
master_port:6379
master_link_status:up
master_last_io_seconds_ago:0
master_sync_in_progress:0
slave_read_repl_offset:582
slave_repl_offset:582
slave_priority:100
slave_read_only:1
replica_announced:1
connected_slaves:0
master_failover_state:no-failover
master_replid:2bb5f885c4ab609a77a42b3d22f624b082c474d7
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:582
second_repl_offset:-1
repl_backlog_active:1
repl_backlog_size:1048576
repl_backlog_first_byte_offset:292
repl_backlog_histlen:291
)";

TEST(Info, OfAPrimary) {
  const InfoFacts facts = facts_of(wire(kPrimary));
  EXPECT_EQ(facts.run_id, "5e0a8c2229d67da891d19e0bca32d1763548e4bc");
  EXPECT_EQ(facts.version, "7.0.15");
  EXPECT_EQ(facts.uptime_seconds, 734U);
  EXPECT_EQ(facts.master_replid, "7d673a1c262756bfbbe8f8cf7b45e7c8c4cac279");
  EXPECT_EQ(facts.master_replid2, std::string(40, '0'));
  ASSERT_TRUE(facts.role);
  EXPECT_EQ(facts.role->role, Role::Primary);
  EXPECT_EQ(facts.rejected_connections, 2U);
  EXPECT_EQ(facts.output_buffer_disconnections, std::nullopt);  // only since 7.2
  EXPECT_EQ(facts.client_kill_calls, 3U);
}

TEST(Info, OfAReplica) {
  const InfoFacts facts = facts_of(wire(kReplica));
  ASSERT_TRUE(facts.role);
  EXPECT_EQ(facts.role->role, Role::Replica);
  EXPECT_EQ(facts.role->primary_host, "127.0.0.1");
  EXPECT_EQ(facts.role->primary_port, 6379);
  EXPECT_TRUE(facts.role->link_up);
  EXPECT_EQ(facts.run_id, std::nullopt);
}

// 7.0.15, with `redis-cli --replica` beside a replica: a tool that copies the data has no port.
TEST(Info, OfAPrimaryListsItsReplicas) {
  const InfoFacts facts = facts_of(wire(R"(# Replication
role:master
connected_slaves:3
slave0:ip=127.0.0.1,port=29002,state=online,offset=0,lag=1
slave1:ip=127.0.0.1,port=0,state=wait_bgsave,offset=0,lag=0
slave2:ip=2001:db8::1,port=29003,state=send_bulk,offset=0,lag=0
master_failover_state:no-failover
master_replid:6f0f872379b1a68fb164b41cd98ae59f8a016002
master_replid2:b704597bda04a8ff3755d7bb5dea0e83051637e2
)"));
  ASSERT_TRUE(facts.role);
  EXPECT_EQ(facts.role->role, Role::Primary);
  EXPECT_THAT(facts.role->replicas,
              ElementsAre(HostPort{"127.0.0.1", 29002}, HostPort{"2001:db8::1", 29003}));
}

TEST(Info, OfAPrimaryLeavesOutReplicasThatAreMalformed) {
  const std::string long_host(256, 'h');
  for (const std::string& line :
       {std::string("slave0:"), std::string("slave0:ip=h"), std::string("slave0:port=1,ip=h"),
        std::string("slave0:ip=,port=1"), std::string("slave0:ip=h,port=65536"),
        std::string("slave0:ip=h,port=x"), std::string("slave:ip=h,port=1"),
        std::string("slaves:ip=h,port=1"), std::string("slave0ip=h,port=1"),
        std::string("xslave0:ip=h,port=1"), std::string("slave-1:ip=h,port=1"),
        "slave0:ip=" + long_host + ",port=1"}) {
    const InfoFacts facts = facts_of("role:master\r\n" + line + "\r\n");
    ASSERT_TRUE(facts.role);
    EXPECT_TRUE(facts.role->replicas.empty()) << line;
  }
}

TEST(Info, OfAPrimaryListsReplicasUpToABound) {
  std::string info = "role:master\n";
  for (std::size_t i = 0; i < 2 * kMaxReplicas; ++i) {
    info += "slave" + std::to_string(i) + ":ip=h" + std::to_string(i) + ",port=1\n";
  }
  const InfoFacts facts = facts_of(info);
  ASSERT_EQ(facts.role->replicas.size(), kMaxReplicas);
  EXPECT_EQ(facts.role->replicas.back().host, "h31");
}

// A replica may have replicas of its own. They are not those of the primary.
TEST(Info, OfAReplicaListsNone) {
  EXPECT_TRUE(facts_of("role:slave\r\nslave0:ip=h,port=1\r\n").role->replicas.empty());
}

TEST(Info, OfAReplicaWithoutALinkThatIsUp) {
  std::string text = wire(kReplica);
  text.replace(text.find("status:up"), 9, "status:down");
  EXPECT_FALSE(facts_of(text).role->link_up);
  EXPECT_FALSE(facts_of("role:slave\r\nmaster_host:h\r\nmaster_port:1\r\n").role->link_up);
}

TEST(Info, OfASentinel) {
  EXPECT_EQ(facts_of("# Server\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n").role->role,
            Role::Sentinel);
  // Its answer to INFO replication is an empty text.
  EXPECT_EQ(facts_of("").role, std::nullopt);
}

TEST(Info, OfValkeyHasItsOwnVersionWhereverItStands) {
  EXPECT_EQ(facts_of("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_"
                     "version:8.1.1\r\n")
                .version,
            "8.1.1");
  EXPECT_EQ(facts_of("valkey_version:8.1.1\r\nredis_version:7.2.4\r\n").version, "8.1.1");
}

TEST(Info, SinceRedis72CountsOutputBufferDisconnections) {
  EXPECT_EQ(facts_of("# Stats\r\nclient_output_buffer_limit_disconnections:4\r\n")
                .output_buffer_disconnections,
            4U);
}

TEST(Info, LinesMayEndWithLineFeedAlone) {
  const InfoFacts facts = facts_of(std::string(kPrimary));
  EXPECT_EQ(facts.version, "7.0.15");
  EXPECT_EQ(facts.client_kill_calls, 3U);
}

TEST(Info, OfAFieldGivenTwiceTheFirstCounts) {
  EXPECT_EQ(facts_of("uptime_in_seconds:1\r\nuptime_in_seconds:2\r\n").uptime_seconds, 1U);
  EXPECT_EQ(facts_of("uptime_in_seconds:x\r\nuptime_in_seconds:2\r\n").uptime_seconds,
            std::nullopt);
  EXPECT_EQ(info_field("a:1\r\na:2\r\n", "a"), "1");
}

TEST(Info, AFieldStandsAtTheStartOfALine) {
  EXPECT_EQ(info_field("xa:1\r\n a:2\r\nb:a:3\r\na:4", "a"), "4");
  EXPECT_EQ(info_field("a_b:1\r\na\r\n", "a"), std::nullopt);
  EXPECT_EQ(info_field("a:\r\n", "a"), "");
  EXPECT_EQ(info_field("a:x:y z\r\n", "a"), "x:y z");
  EXPECT_EQ(info_field("", "a"), std::nullopt);
  EXPECT_EQ(info_field("# a:1\r\n", "a"), std::nullopt);
  EXPECT_EQ(facts_of("db0:run_id:5e0a8c2229d67da891d19e0bca32d1763548e4bc\r\n").run_id,
            std::nullopt);
}

TEST(Info, MalformedValuesCountAsAbsent) {
  const InfoFacts facts = facts_of(
      "run_id:5e0a8c2229d67da891d19e0bca32d1763548e4b\r\nredis_version:\r\n"
      "uptime_in_seconds:-1\r\nmaster_replid:"
      "5e0a8c2229d67da891d19e0bca32d1763548e4bZ\r\n"
      "master_replid2: 5e0a8c2229d67da891d19e0bca32d1763548e4b\r\nrole:king\r\n"
      "rejected_connections:99999999999999999999\r\n# Commandstats\r\n"
      "client_output_buffer_limit_disconnections:1.5\r\ncmdstat_client|kill:"
      "usec=1,calls=1\r\n");
  EXPECT_EQ(facts.run_id, std::nullopt);
  EXPECT_EQ(facts.version, std::nullopt);
  EXPECT_EQ(facts.uptime_seconds, std::nullopt);
  EXPECT_EQ(facts.master_replid, std::nullopt);
  EXPECT_EQ(facts.master_replid2, std::nullopt);
  EXPECT_EQ(facts.role, std::nullopt);
  EXPECT_EQ(facts.rejected_connections, std::nullopt);
  EXPECT_EQ(facts.output_buffer_disconnections, std::nullopt);
  EXPECT_EQ(facts.client_kill_calls, std::nullopt);
}

TEST(Info, AReplicaMayHideOrGarbleItsPrimary) {
  for (const std::string& rest : {std::string(), std::string("master_host:a\x1b[2J\r\n"),
                                  "master_host:" + std::string(300, 'h') + "\r\n",
                                  std::string("master_host:\r\nmaster_port:65536\r\n")}) {
    const InfoFacts facts = facts_of("role:slave\r\n" + rest);
    ASSERT_TRUE(facts.role);
    EXPECT_EQ(facts.role->role, Role::Replica);
    EXPECT_EQ(facts.role->primary_host, "");
    EXPECT_EQ(facts.role->primary_port, 0);
  }
}

TEST(Info, CommandstatsWithoutAKillMeansThatNoneWasCalled) {
  EXPECT_EQ(facts_of("# Commandstats\r\ncmdstat_ping:calls=1,usec=1\r\n").client_kill_calls, 0U);
  EXPECT_EQ(facts_of("# Commandstats\r\n").client_kill_calls, 0U);
  EXPECT_EQ(
      facts_of("# Commandstats\r\ncmdstat_client:calls=0,rejected_calls=4\r\n").client_kill_calls,
      0U);
  EXPECT_EQ(facts_of("# Stats\r\nrejected_connections:0\r\n").client_kill_calls, std::nullopt);
}

TEST(Info, BeforeRedis70TheCallsOfClientCommandsAreCountedTogether) {
  EXPECT_EQ(facts_of("# "
                     "Commandstats\r\ncmdstat_client:calls=4,usec=9,usec_per_"
                     "call=2.25\r\n")
                .client_kill_calls,
            std::nullopt);
}

TEST(Info, MayBeAnyBytesOfAnySize) {
  std::string binary;
  for (int i = 0; i < 100000; ++i) binary += static_cast<char>(i * 7 % 251);
  EXPECT_EQ(facts_of(binary).version, std::nullopt);
  EXPECT_EQ(facts_of(std::string(std::size_t{4} << 20U, '\n')).version, std::nullopt);
  EXPECT_EQ(facts_of(std::string(std::size_t{4} << 20U, ':')).version, std::nullopt);
  EXPECT_EQ(facts_of("redis_version:" + std::string(std::size_t{4} << 20U, '7')).version,
            std::nullopt);
  EXPECT_EQ(facts_of(binary + "\nuptime_in_seconds:8").uptime_seconds, 8U);
}

TEST(Info, ThatIsNoTextIsAnError) {
  EXPECT_FALSE(parse_info({.type = Reply::Type::Nil}));
  EXPECT_FALSE(parse_info({.type = Reply::Type::Integer, .integer = 1}));
  EXPECT_FALSE(parse_info({.type = Reply::Type::Array}));
  const auto refused = parse_info({.type = Reply::Type::Error, .text = "NOPERM no 'info' for you"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("NOPERM no 'info' for you"));
}

TEST(Setting, IsTheNumberThatStandsBesideItsName) {
  Reply reply{.type = Reply::Type::Array};
  EXPECT_FALSE(parse_setting(reply)) << "a server that does not know it";
  reply.elements = {{.type = Reply::Type::String, .text = "timeout"},
                    {.type = Reply::Type::String, .text = "300"}};
  EXPECT_EQ(parse_setting(reply), 300U);
  reply.elements[1].text = "5m";
  EXPECT_FALSE(parse_setting(reply));
  EXPECT_FALSE(parse_setting({.type = Reply::Type::Error, .text = "NOPERM"}));
}

}  // namespace
}  // namespace relinkd::resp
