// SPDX-License-Identifier: Apache-2.0
// A link's life: connecting, greeting, probing, ending, and connecting again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "link_scenario.hpp"

namespace relinkd::core {
namespace {

using testing::HasSubstr;

TEST(LinkLife, BeginsWithADialAndNothingElse) {
  LinkScenario link;
  link.start();
  EXPECT_TRUE(link.orders.dial);
  EXPECT_EQ(link.machine.condition(), Condition::Unknown);
  EXPECT_FALSE(link.orders.probe);
  EXPECT_FALSE(link.orders.transition);
  EXPECT_FALSE(link.machine.connected());
}

TEST(LinkLife, TheFirstPingOnAConnectionIsTheGreetingAndAsksForTheRole) {
  LinkScenario link;
  link.start();
  link.dialed();
  ASSERT_TRUE(link.orders.probe);
  EXPECT_TRUE(link.orders.probe->greeting);
  EXPECT_TRUE(link.orders.probe->topology);
  EXPECT_TRUE(link.machine.connected());
  EXPECT_FALSE(link.orders.reconnected) << "not before a reply";
  EXPECT_EQ(link.machine.condition(), Condition::Unknown) << "connected is not yet proven";
}

TEST(LinkLife, TheFirstReplyProvesTheNode) {
  LinkScenario link;
  link.start();
  link.advance(30ms);
  link.dialed();
  link.reply_after(1ms);
  EXPECT_TRUE(link.orders.reconnected);
  ASSERT_TRUE(link.orders.transition);
  EXPECT_EQ(link.orders.transition->from, Condition::Unknown);
  EXPECT_EQ(link.orders.transition->to, Condition::Ok);
  EXPECT_EQ(link.orders.transition->detail, "PING answered in 1.0 ms");
  EXPECT_EQ(link.machine.last_proof(), link.now);
}

TEST(LinkLife, ReconnectedIsToldOnceAConnection) {
  LinkScenario link;
  link.start();
  link.dialed();
  link.reply_after(1ms);
  link.advance_to_probe();
  link.reply_after(1ms);
  EXPECT_FALSE(link.orders.reconnected);
  EXPECT_FALSE(link.orders.transition);
}

TEST(LinkLife, PingsFollowEachOtherAtTheInterval) {
  LinkScenario link;
  link.reach_ok();
  for (int i = 0; i < 5; ++i) {
    link.advance_to_probe();
    link.reply_after(300us);
    EXPECT_FALSE(link.orders.probe);
  }
  for (std::size_t i = 1; i < link.probes.size(); ++i) {
    EXPECT_EQ(link.probes[i] - link.probes[i - 1], 1s);
  }
}

TEST(LinkLife, AReplyLaterThanTheIntervalIsFollowedByAPingAtOnce) {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.reply_after(1400ms);
  const MonoTime replied = link.now;
  link.advance_to_probe();
  EXPECT_EQ(link.now, replied);
}

TEST(LinkLife, TheFirstIntervalIsRandomSoThatEndpointsStartedTogetherSpread) {
  Duration shortest = 1h;
  Duration longest{};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    LinkScenario link({}, seed);
    link.start();
    link.dialed();
    link.reply_after(1ms);
    const MonoTime first = link.probes.front();
    link.advance_to_probe();
    shortest = std::min(shortest, link.now - first);
    longest = std::max(longest, link.now - first);
    link.reply_after(1ms);
    link.advance_to_probe();
    EXPECT_EQ(link.probes[2] - link.probes[1], 1s) << "only the first";
  }
  EXPECT_LT(shortest, 50ms);
  EXPECT_GT(longest, 950ms);
  EXPECT_LE(longest, 1s);
}

TEST(LinkLife, TheRoleIsAskedForAtItsOwnInterval) {
  LinkLimits limits;
  limits.topology_interval = 5s;
  LinkScenario link(limits);
  link.start();
  link.dialed();
  link.reply_after(200us);
  MonoTime last = link.now;
  std::vector<Duration> between;
  for (int i = 0; i < 30; ++i) {
    link.advance_to_probe();
    if (link.orders.probe->topology) {
      between.push_back(link.now - last);
      last = link.now;
    }
    EXPECT_FALSE(link.orders.probe->greeting);
    link.reply_after(200us);
  }
  ASSERT_GE(between.size(), 4U);
  for (const Duration d : between) {
    EXPECT_GE(d, 4s);
    EXPECT_LE(d, 6s);
  }
}

TEST(LinkLife, ProbeNowPingsAtOnceAndAsksForTheRole) {
  LinkScenario link;
  link.reach_ok();
  link.advance(300ms);
  link.feed(event::ProbeNow{});
  ASSERT_TRUE(link.orders.probe);
  EXPECT_TRUE(link.orders.probe->topology);
}

TEST(LinkLife, ProbeNowDoesNotAddASecondPing) {
  LinkScenario link;
  link.reach_ok();
  link.advance_to_probe();
  link.feed(event::ProbeNow{});
  EXPECT_FALSE(link.orders.probe);
}

TEST(LinkLife, ProbeNowShortensTheBackOffButNeverLengthensIt) {
  LinkLimits limits;
  limits.backoff_initial = 100ms;
  limits.backoff_max = 100s;
  LinkScenario link(limits);
  link.start();
  for (int i = 0; i < 12; ++i) {
    link.fail_to_dial(ConnectResult::Refused);
    while (!link.orders.dial) link.advance_to(link.orders.deadline);
  }
  link.fail_to_dial(ConnectResult::Refused);
  ASSERT_GT(link.orders.deadline, link.now + 200ms) << "the seed must give a long back-off";
  link.feed(event::ProbeNow{});
  const MonoTime dial_at = link.orders.deadline;
  EXPECT_EQ(dial_at, link.now + 100ms);
  link.advance(60ms);
  link.feed(event::ProbeNow{});
  EXPECT_EQ(link.orders.deadline, dial_at);
}

TEST(LinkLife, AFinIsPeerClosedUntilTheNextConnectionsFirstResult) {
  LinkScenario link;
  link.reach_ok();
  link.advance(400ms);
  link.end(Ending::How::Fin);
  ASSERT_TRUE(link.orders.transition);
  EXPECT_EQ(link.orders.transition->to, Condition::PeerClosed);
  EXPECT_EQ(link.orders.transition->detail, "how it ended");
  EXPECT_FALSE(link.orders.hangup) << "there is nothing left to hang up";
  EXPECT_FALSE(link.machine.connected());
  while (!link.orders.dial) link.advance_to(link.orders.deadline);
  link.dialed();
  EXPECT_EQ(link.machine.condition(), Condition::PeerClosed) << "connected proves no process";
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
}

TEST(LinkLife, AnEndingGivesItsCondition) {
  const std::vector<std::pair<Ending::How, Condition>> table{
      {Ending::How::Fin, Condition::PeerClosed},
      {Ending::How::Rst, Condition::Reset},
      {Ending::How::TimedOut, Condition::Unreachable},
      {Ending::How::Unreachable, Condition::Unreachable},
      {Ending::How::LocalError, Condition::LocalFault},
      {Ending::How::Tls, Condition::TlsFailed},
      {Ending::How::NotTls, Condition::TlsFailed},
      {Ending::How::Protocol, Condition::NotRedis},
      {Ending::How::Auth, Condition::AuthFailed},
  };
  for (const auto& [how, condition] : table) {
    LinkScenario link;
    link.reach_ok();
    link.end(how);
    ASSERT_EQ(link.transitions.size(), 1U);
    EXPECT_EQ(link.transitions[0].to, condition) << static_cast<int>(how);
    EXPECT_EQ(link.transitions[0].from, Condition::Ok);
  }
}

TEST(LinkLife, AFailedDialGivesItsCondition) {
  struct Row {
    ConnectResult result;
    bool name_failing;
    bool tcp_established;
    Condition condition;
  };
  const std::vector<Row> table{
      {ConnectResult::Refused, false, false, Condition::Refused},
      {ConnectResult::Refused, true, false, Condition::DnsFailed},
      {ConnectResult::Timeout, false, false, Condition::Unreachable},
      {ConnectResult::Timeout, true, false, Condition::DnsFailed},
      {ConnectResult::Timeout, false, true, Condition::Stalled},
      {ConnectResult::Timeout, true, true, Condition::Stalled},
      {ConnectResult::Unreachable, false, false, Condition::Unreachable},
      {ConnectResult::Unreachable, true, false, Condition::DnsFailed},
      {ConnectResult::Dns, false, false, Condition::DnsFailed},
      {ConnectResult::Tls, false, true, Condition::TlsFailed},
      {ConnectResult::Auth, false, true, Condition::AuthFailed},
      {ConnectResult::Protocol, false, true, Condition::NotRedis},
      {ConnectResult::Closed, false, true, Condition::PeerClosed},
      {ConnectResult::LocalFault, true, false, Condition::LocalFault},
  };
  for (const Row& row : table) {
    LinkScenario link;
    link.start();
    link.advance(100ms);
    link.feed(event::DialFailed{{row.result, "why", row.name_failing, row.tcp_established}});
    EXPECT_EQ(link.machine.condition(), row.condition) << to_string(row.result);
    ASSERT_TRUE(link.orders.transition);
    EXPECT_EQ(link.orders.transition->detail, "why");
    EXPECT_EQ(link.orders.transition->since_last_proof, 100ms) << "counted from the start";
  }
}

TEST(LinkLife, ThreeSynsUnansweredAreUnreachableWhileTheDialGoesOn) {
  LinkScenario link;
  link.start();
  link.advance(3s);
  link.feed(event::DialUnanswered{});
  EXPECT_EQ(link.machine.condition(), Condition::Unreachable);
  EXPECT_FALSE(link.orders.dial);
  link.dialed();
  link.reply_after(1ms);
  EXPECT_EQ(link.machine.condition(), Condition::Ok);
}

TEST(LinkLife, ThreeSynsUnansweredWithoutAWayOutAreThisHostsFault) {
  for (const auto& [local, words] : {std::pair{LocalPath::NoRoute, "no route"},
                                     std::pair{LocalPath::LinkDown, "link towards the node"}}) {
    LinkScenario link;
    link.start();
    link.feed(event::DialUnanswered{local});
    EXPECT_EQ(link.machine.condition(), Condition::LocalFault);
    ASSERT_TRUE(link.orders.transition);
    EXPECT_THAT(link.orders.transition->detail, HasSubstr(words));
  }
}

TEST(LinkLife, ATransitionTellsHowLongAgoTheNodeLastProvedItself) {
  LinkScenario link;
  link.reach_ok();
  const MonoTime proof = *link.machine.last_proof();
  link.advance(700ms);
  link.end(Ending::How::Rst);
  ASSERT_TRUE(link.orders.transition);
  EXPECT_EQ(link.orders.transition->since_last_proof, link.now - proof);
  EXPECT_EQ(link.machine.last_proof(), proof) << "an ending proves nothing";
}

TEST(LinkLife, ATransitionIsToldExactlyOnce) {
  LinkScenario link;
  link.start();
  for (int i = 0; i < 5; ++i) {
    link.fail_to_dial(ConnectResult::Refused);
    while (!link.orders.dial) link.advance_to(link.orders.deadline);
  }
  EXPECT_EQ(link.transitions.size(), 1U);
  link.fail_to_dial(ConnectResult::Timeout);
  EXPECT_EQ(link.transitions.size(), 2U);
  EXPECT_EQ(link.transitions[1].from, Condition::Refused);
  EXPECT_EQ(link.transitions[1].to, Condition::Unreachable);
}

TEST(LinkLife, WhatComesTooLateForItsPhaseChangesNothing) {
  LinkScenario dialing;
  dialing.start();
  for (const LinkEvent& event :
       {LinkEvent{event::Replied{}}, LinkEvent{event::RoleSaid{true, "a:1"}},
        LinkEvent{event::Ended{}}, LinkEvent{event::Witnessed{}}, LinkEvent{event::ProbeNow{}},
        LinkEvent{event::Deadline{}}}) {
    dialing.feed(event);
    EXPECT_EQ(test::describe(dialing.orders), test::describe(LinkOrders{})) << event.index();
  }
  LinkScenario link;
  link.reach_ok();
  for (const LinkEvent& event : {LinkEvent{event::Dialed{}}, LinkEvent{event::DialFailed{}},
                                 LinkEvent{event::DialUnanswered{}}, LinkEvent{event::Replied{}}}) {
    const MonoTime deadline = link.orders.deadline;
    link.feed(event);
    EXPECT_EQ(link.machine.condition(), Condition::Ok) << event.index();
    EXPECT_EQ(link.orders.deadline, deadline) << event.index();
    EXPECT_FALSE(link.orders.probe) << event.index();
  }
}

// --- moving --------------------------------------------------------------------------------------

TEST(LinkLife, AMoveLeavesTheConnectionAndDialsAtOnceWhileTheConditionHolds) {
  LinkScenario link;
  link.reach_ok();
  link.feed(event::Moved{"the name is elsewhere now"});
  ASSERT_TRUE(link.orders.hangup);
  EXPECT_EQ(link.orders.hangup->cause, Cause::Moved);
  EXPECT_EQ(link.orders.hangup->evidence, "the name is elsewhere now");
  EXPECT_TRUE(link.orders.dial);
  EXPECT_FALSE(link.orders.transition) << "nothing is wrong with the endpoint";
  link.fail_to_dial(ConnectResult::Refused);
  EXPECT_EQ(link.machine.condition(), Condition::Refused) << "until the new address speaks";
}

TEST(LinkLife, AMoveEndsTheBackOff) {
  LinkScenario link;
  link.start();
  for (int i = 0; i < 8; ++i) {
    link.fail_to_dial(ConnectResult::Timeout);
    if (i < 7) {
      while (!link.orders.dial) link.advance_to(link.orders.deadline);
    }
  }
  link.feed(event::Moved{"elsewhere"});
  EXPECT_TRUE(link.orders.dial);
  EXPECT_FALSE(link.orders.hangup);
  EXPECT_EQ(link.machine.condition(), Condition::Unreachable);
}

// --- back-off ------------------------------------------------------------------------------------

/// The back-offs that follow one another while dials fail.
std::vector<Duration> backoffs(std::uint64_t seed, int count, const LinkLimits& limits) {
  LinkScenario link(limits, seed);
  link.start();
  std::vector<Duration> waits;
  for (int i = 0; i < count; ++i) {
    link.fail_to_dial(ConnectResult::Refused);
    waits.push_back(link.orders.deadline - link.now);
    while (!link.orders.dial) link.advance_to(link.orders.deadline);
  }
  return waits;
}

TEST(LinkLife, TheBackOffDoublesItsBoundWithEachFailureUpToTheMaximum) {
  LinkLimits limits;
  limits.backoff_initial = 100ms;
  limits.backoff_max = 10s;
  std::vector<Duration> longest(12);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto waits = backoffs(seed, 12, limits);
    for (std::size_t i = 0; i < waits.size(); ++i) longest[i] = std::max(longest[i], waits[i]);
  }
  for (std::size_t i = 0; i < longest.size(); ++i) {
    // The first wait follows one failure.
    const Duration bound = std::min<Duration>(200ms * (1 << i), 10s);
    EXPECT_LT(longest[i], bound) << i;
    EXPECT_GT(longest[i], bound * 9 / 10) << i;
  }
}

TEST(LinkLife, AReplyEndsTheBackOff) {
  LinkScenario link;
  link.start();
  for (int i = 0; i < 8; ++i) {
    link.fail_to_dial(ConnectResult::Refused);
    while (!link.orders.dial) link.advance_to(link.orders.deadline);
  }
  link.dialed();
  link.reply_after(1ms);
  link.end(Ending::How::Fin);
  EXPECT_LE(link.orders.deadline - link.now, 100ms);
}

// A server that accepts, and closes or goes silent before it answers, is no better than one that
// refuses: each round must wait longer.
TEST(LinkLife, AConnectionThatNeverAnsweredCountsAsAFailure) {
  Duration longest{};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    LinkScenario link({}, seed);
    link.start();
    for (int i = 0; i < 7; ++i) {
      link.dialed();
      link.end(Ending::How::Fin);
      longest = std::max(longest, link.orders.deadline - link.now);
      while (!link.orders.dial) link.advance_to(link.orders.deadline);
    }
  }
  EXPECT_GT(longest, 5s);
}

TEST(LinkLife, AConnectionGivenUpBeforeItAnsweredCountsAsAFailure) {
  Duration longest{};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    LinkScenario link({}, seed);
    link.start();
    for (int i = 0; i < 7; ++i) {
      link.dialed();
      link.cut();
      while (link.orders.hangup == std::nullopt) {
        link.advance_to(link.orders.deadline);
        if (link.orders.open_witness) link.witness(WitnessResult::Connected);
      }
      longest = std::max(longest, link.orders.deadline - link.now);
      while (!link.orders.dial) link.advance_to(link.orders.deadline);
    }
  }
  EXPECT_GT(longest, 5s);
}

}  // namespace
}  // namespace relinkd::core
