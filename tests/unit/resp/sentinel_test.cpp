// SPDX-License-Identifier: Apache-2.0
#include "resp/sentinel.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replies.hpp"

namespace relinkd::resp {
namespace {

using core::SentinelEvent;
using testing::HasSubstr;
using Kind = SentinelEvent::Kind;
using Subject = SentinelEvent::Subject;

const std::string kId = "774a206b42799338fe8ec6c0319146d4f4a0901a";

// What redis-sentinel 7.0.15 of Debian 12 answers to SENTINEL MASTER mymaster.
constexpr std::string_view kMaster =
    "name mymaster ip 127.0.0.1 port 29001 runid 1720bdd1a0c2961a2a6ee1161ca65dfe1cc135e5 "
    "flags master link-pending-commands 0 link-refcount 1 last-ping-sent 0 "
    "last-ok-ping-reply 193 last-ping-reply 193 down-after-milliseconds 1000 info-refresh 2306 "
    "role-reported master role-reported-time 2311 config-epoch 0 num-slaves 2 "
    "num-other-sentinels 2 quorum 2 failover-timeout 5000 parallel-syncs 1";

// While it fails over, and when it has just switched: the new primary's runid is not known yet.
constexpr std::string_view kFailingOver =
    "name mymaster ip 127.0.0.1 port 29051 runid 2c079c55fb74a64c57bddaab739e42cf41be4e06 "
    "flags s_down,o_down,master,disconnected,failover_in_progress link-pending-commands 1 "
    "link-refcount 1 failover-state select_slave last-ping-sent 532 last-ok-ping-reply 947 "
    "last-ping-reply 947 s-down-time 24 o-down-time 24 down-after-milliseconds 500 "
    "info-refresh 3645 role-reported master role-reported-time 3649 config-epoch 0 num-slaves 1 "
    "num-other-sentinels 0 quorum 1 failover-timeout 8000 parallel-syncs 1";
constexpr std::string_view kSwitched =
    "name mymaster ip 127.0.0.1 port 29052 runid '' flags master,disconnected "
    "link-pending-commands 2 link-refcount 1 last-ping-sent 304 last-ok-ping-reply 304 "
    "last-ping-reply 304 down-after-milliseconds 1000 info-refresh 4885 role-reported master "
    "role-reported-time 304 config-epoch 1 num-slaves 2 num-other-sentinels 2 quorum 2 "
    "failover-timeout 5000 parallel-syncs 1";

TEST(SentinelMaster, OfAHealthyPrimary) {
  const auto report = parse_sentinel_master(texts(kMaster));
  ASSERT_TRUE(report) << error_of(report);
  EXPECT_EQ(report->primary, (HostPort{"127.0.0.1", 29001}));
  EXPECT_EQ(report->epoch, 0U);
  EXPECT_FALSE(report->subjectively_down);
  EXPECT_FALSE(report->objectively_down);
  EXPECT_FALSE(report->failover_under_way);
}

TEST(SentinelMaster, OfAPrimaryThatIsBeingReplaced) {
  const auto report = parse_sentinel_master(texts(kFailingOver));
  ASSERT_TRUE(report) << error_of(report);
  EXPECT_TRUE(report->subjectively_down);
  EXPECT_TRUE(report->objectively_down);
  EXPECT_TRUE(report->failover_under_way);
}

TEST(SentinelMaster, OfANewPrimaryHasAHigherEpoch) {
  const auto report = parse_sentinel_master(texts(kSwitched));
  ASSERT_TRUE(report) << error_of(report);
  EXPECT_EQ(report->primary, (HostPort{"127.0.0.1", 29052}));
  EXPECT_EQ(report->epoch, 1U);
  EXPECT_FALSE(report->subjectively_down);
}

TEST(SentinelMaster, FlagsAreWholeWords) {
  const auto report =
      parse_sentinel_master(texts("ip h port 1 config-epoch 1 flags xs_down,o_downx,master"));
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->subjectively_down);
  EXPECT_FALSE(report->objectively_down);
}

TEST(SentinelMaster, MayNameThePrimaryByHostNameOrIpv6Address) {
  for (const char* host : {"cache-1.example.net", "2001:db8::1"}) {
    const auto report = parse_sentinel_master(
        texts("ip " + std::string(host) + " port 6379 config-epoch 3 flags master"));
    ASSERT_TRUE(report);
    EXPECT_EQ(report->primary.host, host);
  }
}

TEST(SentinelMaster, WithoutWhatIsNeededIsAnError) {
  const std::string long_host(256, 'h');
  const struct {
    std::string fields;
    const char* says;
  } cases[] = {
      {"", "ip and port"},
      {"ip h flags master config-epoch 1", "ip and port"},
      {"ip '' port 1 flags master config-epoch 1", "ip and port"},
      {"ip " + long_host + " port 1 flags master config-epoch 1", "ip and port"},
      {"ip h\x01 port 1 flags master config-epoch 1", "ip and port"},
      {"ip h port 0 flags master config-epoch 1", "ip and port"},
      {"ip h port 65536 flags master config-epoch 1", "ip and port"},
      {"ip h port 1 config-epoch 1", "flags"},
      {"ip h port 1 flags master", "config-epoch"},
      {"ip h port 1 flags master config-epoch -1", "config-epoch"},
      {"ip h port 1 flags master config-epoch", "config-epoch"},  // a key without a value
  };
  for (const auto& c : cases) {
    EXPECT_THAT(error_of(parse_sentinel_master(texts(c.fields))), HasSubstr(c.says)) << c.fields;
  }
  EXPECT_THAT(error_of(parse_sentinel_master(list({text("ip"), integer(1)}))),
              HasSubstr("ip and port"));
  EXPECT_THAT(error_of(parse_sentinel_master(text("ip h"))), HasSubstr("fields"));
  EXPECT_THAT(error_of(parse_sentinel_master(nil())), HasSubstr("fields"));
}

TEST(SentinelMaster, ThatTheSentinelDoesNotKnowIsToldInItsWords) {
  EXPECT_EQ(error_of(parse_sentinel_master(error("ERR No such master with that name"))),
            "SENTINEL MASTER was answered with an error: ERR No such master with that name");
}

// The second Sentinel has died.
Reply sentinels_of_7_0() {
  return list({texts("name " + kId + " ip 127.0.0.1 port 29012 runid " + kId +
                     " flags sentinel,master_down link-pending-commands 0 link-refcount 1 "
                     "last-ping-sent 0 last-ok-ping-reply 91 last-ping-reply 91 "
                     "down-after-milliseconds 1000 last-hello-message 1804 voted-leader ? "
                     "voted-leader-epoch 0"),
               texts("name 055a38d39c91d782bec7418f6849d97ee081ce09 ip 127.0.0.1 port 29013 "
                     "runid 055a38d39c91d782bec7418f6849d97ee081ce09 "
                     "flags s_down,sentinel,disconnected,master_down link-pending-commands 1 "
                     "link-refcount 1 last-ping-sent 1456 last-ok-ping-reply 2050 "
                     "last-ping-reply 2050 s-down-time 421 down-after-milliseconds 1000 "
                     "last-hello-message 2147 voted-leader ? voted-leader-epoch 0")});
}

TEST(SentinelSentinels, ListThoseThatAreDownToo) {
  const auto peers = parse_sentinel_sentinels(sentinels_of_7_0());
  ASSERT_TRUE(peers);
  ASSERT_EQ(peers->size(), 2U);
  EXPECT_EQ((*peers)[0].id, kId);
  EXPECT_EQ((*peers)[0].where, (HostPort{"127.0.0.1", 29012}));
  EXPECT_EQ((*peers)[1].where, (HostPort{"127.0.0.1", 29013}));
}

TEST(SentinelSentinels, MayBeNone) {
  const auto peers = parse_sentinel_sentinels(list({}));
  ASSERT_TRUE(peers);
  EXPECT_TRUE(peers->empty());
}

TEST(SentinelSentinels, LeaveOutEntriesThatAreMalformed) {
  const auto peers = parse_sentinel_sentinels(list({
      texts("runid '' ip h port 1"),
      texts("runid " + kId.substr(1) + " ip h port 1"),
      texts("runid " + kId + "0 ip h port 1"),
      texts("runid g" + kId.substr(1) + " ip h port 1"),
      texts("runid " + kId + " ip '' port 1"),
      texts("runid " + kId + " ip h port 0"),
      texts("runid " + kId + " ip h"),
      texts("ip h port 1"),
      text("runid"),
      nil(),
      texts("runid " + kId + " ip good port 1"),
  }));
  ASSERT_TRUE(peers);
  ASSERT_EQ(peers->size(), 1U);
  EXPECT_EQ((*peers)[0].where.host, "good");
}

TEST(SentinelSentinels, AreTakenUpToABound) {
  Reply reply = list({});
  for (std::size_t i = 0; i < kMaxSentinels + 5; ++i) {
    reply.elements.push_back(texts("runid " + kId + " ip h" + std::to_string(i) + " port 1"));
  }
  const auto peers = parse_sentinel_sentinels(reply);
  ASSERT_TRUE(peers);
  ASSERT_EQ(peers->size(), kMaxSentinels);
  EXPECT_EQ(peers->back().where.host, "h31");
}

TEST(SentinelSentinels, OfAnotherFormAreAnError) {
  EXPECT_THAT(error_of(parse_sentinel_sentinels(text("x"))), HasSubstr("list"));
  EXPECT_THAT(error_of(parse_sentinel_sentinels(error("NOPERM no"))), HasSubstr("NOPERM no"));
}

TEST(SentinelMyid, IsFortyHexDigits) {
  const auto id = parse_sentinel_myid(text(kId));
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, kId);
  EXPECT_FALSE(parse_sentinel_myid(text("")));
  EXPECT_FALSE(parse_sentinel_myid(text(kId + "0")));
  EXPECT_FALSE(parse_sentinel_myid(text(kId.substr(1) + "g")));
  EXPECT_FALSE(parse_sentinel_myid(integer(7)));
  EXPECT_THAT(error_of(parse_sentinel_myid(error("ERR unknown command"))),
              HasSubstr("ERR unknown command"));
}

SentinelEvent event_of(std::string_view channel, std::string_view payload) {
  const auto event = parse_sentinel_event(channel, payload);
  EXPECT_TRUE(event) << error_of(event);
  EXPECT_TRUE(event && *event) << channel;
  return event && *event ? **event : SentinelEvent{};
}

TEST(SentinelEvents, SwitchMasterNamesTheOldAndTheNewPrimary) {
  const auto event = event_of("+switch-master", "mymaster 127.0.0.1 29001 127.0.0.1 29002");
  EXPECT_EQ(event.kind, Kind::SwitchMaster);
  EXPECT_EQ(event.subject, Subject::Primary);
  EXPECT_EQ(event.primary_name, "mymaster");
  EXPECT_EQ(event.where, (HostPort{"127.0.0.1", 29001}));
  EXPECT_EQ(event.primary, (HostPort{"127.0.0.1", 29002}));
}

// As 7.0.15 published them during a failover.
TEST(SentinelEvents, OfAnInstanceNameItAndItsPrimary) {
  const struct {
    const char* channel;
    const char* payload;
    Kind kind;
    Subject subject;
    std::uint16_t port;
  } cases[] = {
      {"+sdown", "master mymaster 127.0.0.1 29001", Kind::SDown, Subject::Primary, 29001},
      {"+odown", "master mymaster 127.0.0.1 29001 #quorum 3/2", Kind::ODown, Subject::Primary,
       29001},
      {"+sdown", "slave 127.0.0.1:29001 127.0.0.1 29001 @ mymaster 127.0.0.1 29002", Kind::SDown,
       Subject::Replica, 29001},
      {"+sdown",
       "sentinel 055a38d39c91d782bec7418f6849d97ee081ce09 127.0.0.1 29013 @ mymaster 127.0.0.1 "
       "29002",
       Kind::SDown, Subject::Sentinel, 29013},
      {"-sdown", "slave 127.0.0.1:29001 127.0.0.1 29001 @ mymaster 127.0.0.1 29002",
       Kind::SDownGone, Subject::Replica, 29001},
      {"-odown", "master mymaster 127.0.0.1 29052", Kind::ODownGone, Subject::Primary, 29052},
  };
  for (const auto& c : cases) {
    const auto event = event_of(c.channel, c.payload);
    EXPECT_EQ(event.kind, c.kind) << c.payload;
    EXPECT_EQ(event.subject, c.subject) << c.payload;
    EXPECT_EQ(event.primary_name, "mymaster") << c.payload;
    EXPECT_EQ(event.where, (HostPort{"127.0.0.1", c.port})) << c.payload;
    EXPECT_EQ(event.primary, std::nullopt) << c.payload;
  }
}

TEST(SentinelEvents, OfTiltAreAboutTheSentinelAlone) {
  const auto entered = event_of("+tilt", "#tilt mode entered");
  EXPECT_EQ(entered.kind, Kind::Tilt);
  EXPECT_EQ(entered.subject, Subject::None);
  EXPECT_EQ(entered.primary_name, "");
  EXPECT_EQ(event_of("-tilt", "#tilt mode exited").kind, Kind::TiltGone);
}

TEST(SentinelEvents, OfOtherChannelsAreNone) {
  for (const char* channel : {"+new-epoch", "+slave", "-role-change", "+SDOWN", "sdown", ""}) {
    const auto event = parse_sentinel_event(channel, "master mymaster 127.0.0.1 29001");
    ASSERT_TRUE(event) << channel;
    EXPECT_FALSE(*event) << channel;
  }
}

TEST(SentinelEvents, ThatAreMalformedAreAnError) {
  const std::string long_name(256, 'n');
  const struct {
    const char* channel;
    std::string payload;
  } cases[] = {
      {"+switch-master", ""},
      {"+switch-master", "mymaster 127.0.0.1 29001"},
      {"+switch-master", "mymaster 127.0.0.1 29001 127.0.0.1"},
      {"+switch-master", "mymaster 127.0.0.1 29001 127.0.0.1 0"},
      {"+switch-master", "mymaster 127.0.0.1 x 127.0.0.1 29002"},
      {"+switch-master", "mymaster  29001 127.0.0.1 29002"},
      {"+switch-master", long_name + " 127.0.0.1 29001 127.0.0.1 29002"},
      {"+switch-master", "my\nmaster 127.0.0.1 29001 127.0.0.1 29002"},
      {"+sdown", ""},
      {"+sdown", "master"},
      {"+sdown", "master mymaster 127.0.0.1 65536"},
      {"+sdown", "king mymaster 127.0.0.1 29001"},
      {"+sdown", "slave 127.0.0.1:29001 127.0.0.1 29001"},
      {"+sdown", "slave 127.0.0.1:29001 127.0.0.1 29001 @"},
      {"+sdown", "sentinel x 127.0.0.1 29001 of mymaster 127.0.0.1 29002"},
      {"+odown", std::string(100000, ' ')},
  };
  for (const auto& c : cases) {
    const auto event = parse_sentinel_event(c.channel, c.payload);
    EXPECT_THAT(error_of(event), HasSubstr(c.channel)) << c.payload;
    EXPECT_LT(error_of(event).size(), 200U);
  }
}

}  // namespace
}  // namespace relinkd::resp
