// SPDX-License-Identifier: Apache-2.0
// What a node says of itself decides its condition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "link_scenario.hpp"

namespace relinkd::core {
namespace {

using testing::HasSubstr;

TEST(LinkReply, AnErrorGivesItsCondition) {
  const std::vector<std::pair<ReplyKind, Condition>> table{
      {ReplyKind::NoAuth, Condition::AuthFailed},     {ReplyKind::NoPerm, Condition::AuthFailed},
      {ReplyKind::Loading, Condition::Loading},       {ReplyKind::Busy, Condition::Busy},
      {ReplyKind::MasterDown, Condition::MasterDown},
  };
  for (const auto& [kind, condition] : table) {
    LinkScenario link;
    link.reach_ok();
    link.advance_to_probe();
    link.reply_after(1ms, kind, "the server answers \"-NO\" to PING");
    EXPECT_EQ(link.machine.condition(), condition);
    ASSERT_TRUE(link.orders.transition);
    EXPECT_EQ(link.orders.transition->detail, "the server answers \"-NO\" to PING");
    EXPECT_FALSE(link.orders.hangup);
    EXPECT_EQ(link.machine.last_proof(), link.now) << "an error proves path and process, too";
    link.advance_to_probe();
    link.reply_after(1ms);
    EXPECT_EQ(link.machine.condition(), Condition::Ok);
  }
}

TEST(LinkReply, AnErrorThatMeansNothingToTheWatchIsAnAnswer) {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.reply_after(1ms, ReplyKind::OtherError);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
}

TEST(LinkReply, AnErrorIsAFirstAnswerAndEndsTheBackOff) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.reply_after(1ms, ReplyKind::Loading);
  EXPECT_TRUE(link.orders.reconnected);
  EXPECT_EQ(link.machine.condition(), Condition::Loading);
}

TEST(LinkReply, AReplicaWhereAPrimaryIsExpectedIsReadOnly) {
  LinkScenario link;
  link.reach_ok();
  link.feed(event::RoleSaid{true, "10.0.0.2:6379"});
  ASSERT_TRUE(link.orders.transition);
  EXPECT_EQ(link.orders.transition->to, Condition::ReadOnly);
  EXPECT_EQ(link.orders.transition->detail,
            "a primary is expected, and the node says that it is a replica of 10.0.0.2:6379");
  link.advance_to_probe();
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::ReadOnly) << "a PONG does not change a role";
  link.feed(event::RoleSaid{false, ""});
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
}

TEST(LinkReply, AReplicaIsOkWhereNoPrimaryIsExpected) {
  LinkLimits limits;
  limits.expect_primary = false;
  LinkScenario link(limits);
  link.reach_ok();
  link.feed(event::RoleSaid{true, "10.0.0.2:6379"});
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
}

TEST(LinkReply, ARoleIsNotCarriedOverToTheNextConnection) {
  LinkScenario link;
  link.reach_ok();
  link.feed(event::RoleSaid{true, "10.0.0.2:6379"});
  link.end(Ending::How::Fin);
  while (!link.orders.dial) link.advance_to(link.orders.deadline);
  link.dialed();
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
}

TEST(LinkReply, AnErrorStandsBeforeTheRole) {
  LinkScenario link;
  link.reach_ok();
  link.feed(event::RoleSaid{true, ""});
  EXPECT_THAT(link.transitions.back().detail, HasSubstr("says that it is a replica"));
  link.advance_to_probe();
  link.reply_after(1ms, ReplyKind::MasterDown);
  EXPECT_EQ(link.machine.condition(), Condition::MasterDown);
}

TEST(LinkReply, OnlyOkTurnsToSlow) {
  LinkScenario link;
  link.reach_ok();
  link.feed(event::RoleSaid{true, ""});
  link.advance_to_probe();
  link.reply_after(190ms);
  EXPECT_EQ(link.machine.condition(), Condition::ReadOnly);
  EXPECT_EQ(link.transitions.size(), 1U);
}

TEST(LinkReply, AReplyLaterThanTheThresholdIsSlowUntilTheNextInTime) {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.reply_after(150ms);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  link.advance_to_probe();
  EXPECT_EQ(link.machine.condition(), Condition::Slow) << "a PING under way changes nothing";
  link.reply_after(100ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok) << "at the threshold is not beyond it";
}

TEST(LinkReply, ASlowFirstReplySaysHowSlow) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.reply_after(150ms);
  EXPECT_EQ(link.machine.condition(), Condition::Slow);
  EXPECT_EQ(link.transitions.back().detail, "PING answered only after 0.15 s");
}

TEST(LinkReply, TurnedAwayAtTheDoorIsNoConnection) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.reply_after(1ms, ReplyKind::MaxClients, "max number of clients reached");
  EXPECT_FALSE(link.orders.reconnected);
  EXPECT_EQ(link.machine.condition(), Condition::Unknown);
  EXPECT_EQ(link.machine.last_proof(), link.now) << "path and process are alive";
  link.advance(1ms);
  link.end(Ending::How::Fin);
  EXPECT_EQ(link.machine.condition(), Condition::PeerClosed);
}

TEST(LinkReply, TurnedAwayAgainAndAgainBacksOff) {
  Duration longest{};
  LinkScenario link;
  link.start();
  for (int i = 0; i < 12; ++i) {
    link.dialed();
    link.reply_after(1ms, ReplyKind::MaxClients);
    link.end(Ending::How::Fin);
    longest = std::max(longest, link.orders.deadline - link.now);
    while (!link.orders.dial) link.advance_to(link.orders.deadline);
  }
  EXPECT_GT(longest, 2s);
}

// A server or proxy that says so and then leaves the connection open must not silence the watch.
TEST(LinkReply, TurnedAwayButNotClosedIsAskedAgain) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.reply_after(1ms, ReplyKind::MaxClients);
  link.advance_to_probe();
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
  EXPECT_TRUE(link.orders.reconnected);
}

TEST(LinkReply, TheRttIsThatOfTheLastReply) {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.reply_after(3ms);
  EXPECT_EQ(link.machine.last_rtt(), 3ms);
}

TEST(LinkReply, ARepeatedPingDoesNotCountForTheRtt) {
  LinkScenario link;
  link.reach_ok();
  const auto before = link.machine.smoothed_rtt();
  link.advance_to_probe();
  link.cut();
  link.reply_after(450ms);  // seen to have been repeated
  EXPECT_EQ(link.machine.smoothed_rtt(), before);
}

TEST(LinkReply, NewLimitsHoldFromTheNextDeadlineOnTheSameConnection) {
  LinkScenario link;
  link.reach_ok();
  LinkLimits limits;
  limits.ping_interval = 250ms;
  link.machine.set_limits(limits);
  for (int i = 0; i < 3; ++i) {
    link.advance_to_probe();
    link.reply_after(1ms);
  }
  EXPECT_EQ(link.probes[2] - link.probes[1], 250ms);
  EXPECT_TRUE(link.hangups.empty());
}

}  // namespace
}  // namespace relinkd::core
