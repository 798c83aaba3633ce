// SPDX-License-Identifier: Apache-2.0
#include "resp/pubsub.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replies.hpp"

namespace relinkd::resp {
namespace {

using core::Announcement;
using testing::HasSubstr;

TEST(Push, OfAMessage) {
  const auto push =
      parse_push(list({text("message"), text("+sdown"), text("master mymaster 127.0.0.1 29001")}));
  ASSERT_TRUE(push) << error_of(push);
  ASSERT_TRUE(*push);
  EXPECT_EQ((*push)->channel, "+sdown");
  EXPECT_EQ((*push)->payload, "master mymaster 127.0.0.1 29001");
}

TEST(Push, OfWhatWasAskedForIsNoMessage) {
  const Reply replies[] = {
      list({text("subscribe"), text("+switch-master"), integer(1)}),
      list({text("pong"), text("")}),
      list({text("pong"), text("hi")}),
      {.type = Reply::Type::Status, .text = "PONG"},  // before the first subscription
  };
  for (const Reply& reply : replies) {
    const auto push = parse_push(reply);
    ASSERT_TRUE(push) << error_of(push);
    EXPECT_FALSE(*push);
  }
}

TEST(Push, OfAnythingElseIsAnError) {
  EXPECT_THAT(error_of(parse_push(error("NOPERM no permissions to access one of the channels"))),
              HasSubstr("NOPERM no permissions to access one of the channels"));
  EXPECT_THAT(error_of(parse_push(text("message"))), HasSubstr("no message"));
  EXPECT_THAT(error_of(parse_push(nil())), HasSubstr("no message"));
  EXPECT_THAT(error_of(parse_push({.type = Reply::Type::Status, .text = "OK"})),
              HasSubstr("no message"));
  EXPECT_THAT(error_of(parse_push(list({}))), HasSubstr("no message"));
  EXPECT_THAT(error_of(parse_push(list({text("message")}))), HasSubstr("no message"));
  EXPECT_THAT(error_of(parse_push(list({text("message"), nil(), text("x")}))),
              HasSubstr("no message"));
  EXPECT_THAT(error_of(parse_push(texts("message +sdown"))), HasSubstr("payload"));
  EXPECT_THAT(error_of(parse_push(list({text("message"), text("c"), integer(1)}))),
              HasSubstr("payload"));
  EXPECT_THAT(error_of(parse_push(texts("pmessage * +sdown x"))), HasSubstr("\"pmessage\""));
  EXPECT_LT(error_of(parse_push(list({text(std::string(9000, 'k')), text("")}))).size(), 200U);
}

Announcement event_of(std::string_view payload) {
  auto event = parse_azure_event(payload);
  EXPECT_TRUE(event) << error_of(event);
  return event ? *std::move(event) : Announcement{};
}

// The samples of Azure's own documentation (AzureRedisEvents.md).
TEST(AzureEvent, SaysWhatHappensWhereAndWhen) {
  const auto event = event_of(
      "NotificationType|NodeMaintenanceScheduled|IsReplica|False|IPAddress|52.158.249.185|SSLPort|"
      "15000|NonSSLPort|13000|StartTimeInUTC|2021-10-20T16:35:57");
  EXPECT_EQ(event.type, Announcement::Type::Scheduled);
  EXPECT_EQ(event.raw_type, "NodeMaintenanceScheduled");
  ASSERT_TRUE(event.starts);
  EXPECT_EQ(to_iso8601(*event.starts), "2021-10-20T16:35:57.000Z");
  EXPECT_EQ(event.is_replica, false);
  EXPECT_EQ(event.node, "52.158.249.185");
  EXPECT_EQ(event.tls_port, 15000);
  EXPECT_EQ(event.port, 13000);
}

TEST(AzureEvent, KeysHaveTwoSpellings) {
  const auto event = event_of(
      "NotificationType|NodeMaintenanceStarting|StartTimeUtc|2021-09-23T12:34:19|IsReplica|True|"
      "IpAddress|13.67.42.199|SSLPort|15001|NonSSLPort|13001");
  ASSERT_TRUE(event.starts);
  EXPECT_EQ(to_iso8601(*event.starts), "2021-09-23T12:34:19.000Z");
  EXPECT_EQ(event.node, "13.67.42.199");
  EXPECT_EQ(event.is_replica, true);
}

TEST(AzureEvent, OfAFailoverHasNoStart) {
  const auto event = event_of(
      "NotificationType|NodeMaintenanceFailover|StartTimeInUTC||IsReplica|False|IPAddress||"
      "SSLPort|15001|NonSSLPort|13001");
  EXPECT_EQ(event.type, Announcement::Type::FailoverComplete);
  EXPECT_EQ(event.starts, std::nullopt);
  EXPECT_EQ(event.node, "");
  EXPECT_EQ(event.tls_port, 15001);
}

TEST(AzureEvent, TypesAreThoseThatAzurePublishes) {
  using Type = Announcement::Type;
  const struct {
    const char* word;
    Type type;
  } cases[] = {
      {"NodeMaintenanceScheduled", Type::Scheduled},
      {"NodeMaintenanceStarting", Type::Starting},
      {"NodeMaintenanceStart", Type::Start},
      {"NodeMaintenanceFailoverComplete", Type::FailoverComplete},
      {"NodeMaintenanceFailover", Type::FailoverComplete},
      {"NodeMaintenanceEnded", Type::Ended},
      {"NodeMaintenanceScaleComplete", Type::ScaleComplete},
      {"NodeMaintenanceStarting1", Type::Other},
      {"nodemaintenancestart", Type::Other},
  };
  for (const auto& c : cases) {
    const auto event = event_of("NotificationType|" + std::string(c.word));
    EXPECT_EQ(event.type, c.type) << c.word;
    EXPECT_EQ(event.raw_type, c.word);
  }
}

TEST(AzureEvent, OfAnUnknownTypeIsRepeatedPrintableAndBounded) {
  EXPECT_EQ(event_of("NotificationType|a\x1b[2Jb").raw_type, "a.[2Jb");
  EXPECT_LT(event_of("NotificationType|" + std::string(100000, 'x')).raw_type.size(), 200U);
}

TEST(AzureEvent, UnknownKeysAndAKeyWithoutAValueAreIgnored) {
  const auto event = event_of("Colour|red|NotificationType|NodeMaintenanceEnded||x|IPAddress");
  EXPECT_EQ(event.type, Announcement::Type::Ended);
  EXPECT_EQ(event.node, "");
}

TEST(AzureEvent, OfAKeyGivenTwiceTheFirstCounts) {
  const auto event = event_of("IPAddress|a|NotificationType|NodeMaintenanceEnded|IpAddress|b");
  EXPECT_EQ(event.node, "a");
}

TEST(AzureEvent, ValuesThatAreMalformedCountAsNotTold) {
  for (const char* pair : {"StartTimeInUTC|2021-10-20 16:35:57",
                           "StartTimeInUTC|2021-10-20T16:35:57Z",
                           "StartTimeInUTC|2021-10-20T16:35",
                           "StartTimeInUTC|2021-02-29T16:35:57",
                           "StartTimeInUTC|2021-13-20T16:35:57",
                           "StartTimeInUTC|2021-00-20T16:35:57",
                           "StartTimeInUTC|2021-10-20T24:00:00",
                           "StartTimeInUTC|2021-10-20T16:60:00",
                           "StartTimeInUTC|2021-10-20T16:35:60",
                           "StartTimeInUTC|2021-10-20T16:35:-1",
                           "StartTimeInUTC|0001-01-01T00:00:00",
                           "StartTimeInUTC|9999-12-31T23:59:59",
                           "IsReplica|yes",
                           "IsReplica|",
                           "IsReplica|Falsee",
                           "SSLPort|65536",
                           "SSLPort|-1",
                           "NonSSLPort|x",
                           "IPAddress|a b",
                           "IPAddress|\x07"}) {
    const auto event = event_of("NotificationType|NodeMaintenanceStart|" + std::string(pair));
    EXPECT_EQ(event.starts, std::nullopt) << pair;
    EXPECT_EQ(event.is_replica, std::nullopt) << pair;
    EXPECT_EQ(event.tls_port, 0) << pair;
    EXPECT_EQ(event.port, 0) << pair;
    EXPECT_EQ(event.node, "") << pair;
  }
  EXPECT_EQ(event_of("NotificationType|x|IPAddress|" + std::string(256, 'h')).node, "");
}

TEST(AzureEvent, TimesReachAsFarAsTheyCanBeCounted) {
  for (const char* time : {"1970-01-01T00:00:00", "2024-02-29T23:59:59", "2261-12-31T23:59:59"}) {
    const auto event = event_of("NotificationType|x|StartTimeInUTC|" + std::string(time));
    ASSERT_TRUE(event.starts) << time;
    EXPECT_EQ(to_iso8601(*event.starts), std::string(time) + ".000Z");
  }
}

TEST(AzureEvent, TrueAndFalseAreReadInAnyCase) {
  EXPECT_EQ(event_of("NotificationType|x|IsReplica|TRUE").is_replica, true);
  EXPECT_EQ(event_of("NotificationType|x|IsReplica|true").is_replica, true);
  EXPECT_EQ(event_of("NotificationType|x|IsReplica|fAlse").is_replica, false);
}

TEST(AzureEvent, WithoutATypeIsAnError) {
  for (const char* payload : {"", "|", "1|2|3", "NotificationType", "NotificationType|",
                              "notificationtype|x", "x|NotificationType|y", "StartTimeInUTC|"}) {
    EXPECT_THAT(error_of(parse_azure_event(payload)), HasSubstr("NotificationType")) << payload;
  }
  EXPECT_FALSE(parse_azure_event(std::string(std::size_t{4} << 20U, '|')));
}

}  // namespace
}  // namespace relinkd::resp
