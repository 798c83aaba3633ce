// SPDX-License-Identifier: Apache-2.0
#include "core/attribution.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

using testing::HasSubstr;
using How = Ending::How;

EndedConnection ended(How how) {
  EndedConnection e;
  e.ending = {how, "what the system said"};
  e.age = 1h;
  e.silent = 12s;
  return e;
}

Afterwards answered(ServerCounters counters) { return {std::move(counters), std::nullopt}; }

TEST(Attribution, AnEndingThatExplainsItselfIsFinal) {
  for (const How how : {How::TimedOut, How::Unreachable, How::LocalError, How::Tls, How::NotTls,
                        How::Protocol, How::Auth}) {
    EXPECT_TRUE(is_final(ended(how)));
  }
}

TEST(Attribution, AFinOrRstWaitsForWhatComesAfter) {
  for (const How how : {How::Fin, How::Rst}) {
    EXPECT_FALSE(is_final(ended(how)));
    EndedConnection turned_away = ended(how);
    turned_away.max_clients = true;
    EXPECT_TRUE(is_final(turned_away));
  }
}

TEST(Attribution, WhatTheSystemSaidIsTheEvidence) {
  const std::vector<std::pair<How, Cause>> table{
      {How::Unreachable, Cause::Unreachable},
      {How::LocalError, Cause::LocalFault},
      {How::Tls, Cause::Tls},
      {How::NotTls, Cause::Tls},
      {How::Protocol, Cause::Protocol},
      {How::Auth, Cause::Auth},
  };
  for (const auto& [how, cause] : table) {
    const Attribution a = attribute(ended(how), {});
    EXPECT_EQ(a.cause, cause);
    EXPECT_EQ(a.evidence, "what the system said");
  }
}

TEST(Attribution, AKernelTimeOutWithoutUnacknowledgedBytesIsKeepalives) {
  const Attribution a = attribute(ended(How::TimedOut), {});
  EXPECT_EQ(a.cause, Cause::KeepaliveTimeout);
  EXPECT_THAT(a.evidence, HasSubstr("silent for 12.0 s"));
}

TEST(Attribution, AKernelTimeOutWithUnacknowledgedBytesIsTheUserTimeoutWhereOneIsSet) {
  EndedConnection e = ended(How::TimedOut);
  e.unacked = true;
  e.user_timeout = 8s;
  const Attribution a = attribute(e, {});
  EXPECT_EQ(a.cause, Cause::UserTimeout);
  EXPECT_THAT(a.evidence, HasSubstr("user timeout of 8.00 s"));
  e.user_timeout = 0s;
  EXPECT_EQ(attribute(e, {}).cause, Cause::RetransmissionTimeout);
}

TEST(Attribution, ACloseAfterMaxClientsWasSaidIsThat) {
  EndedConnection e = ended(How::Fin);
  e.max_clients = true;
  EXPECT_EQ(attribute(e, {}).cause, Cause::MaxClients);
}

TEST(Attribution, RefusedAfterwardsMeansThatTheProcessEnded) {
  for (const How how : {How::Fin, How::Rst}) {
    const Attribution a = attribute(ended(how), {std::nullopt, ConnectResult::Refused});
    EXPECT_EQ(a.cause, Cause::Shutdown);
    EXPECT_THAT(a.evidence, HasSubstr(how == How::Fin ? "(FIN)" : "(RST)"));
  }
}

TEST(Attribution, AnotherRunIdAfterwardsMeansThatTheProcessEnded) {
  EndedConnection e = ended(How::Fin);
  e.before.run_id = "aaaa";
  Attribution a = attribute(e, answered({.run_id = "bbbb", .uptime_seconds = 3}));
  EXPECT_EQ(a.cause, Cause::Shutdown);
  EXPECT_THAT(a.evidence, HasSubstr("another runs since 3.00 s"));
  a = attribute(e, answered({.run_id = "bbbb"}));
  EXPECT_EQ(a.cause, Cause::Shutdown);
  EXPECT_EQ(attribute(e, answered({.run_id = "aaaa"})).cause, Cause::PeerClosed);
}

TEST(Attribution, ARisenCounterExplains) {
  EndedConnection e = ended(How::Rst);
  e.before = {.run_id = "a", .client_kill_calls = 4, .output_buffer_disconnections = 7};
  Attribution a = attribute(e, answered({.run_id = "a", .client_kill_calls = 5}));
  EXPECT_EQ(a.cause, Cause::Killed);
  EXPECT_THAT(a.evidence, HasSubstr("from 4 to 5"));
  a = attribute(e, answered({.run_id = "a", .output_buffer_disconnections = 9}));
  EXPECT_EQ(a.cause, Cause::OutputBufferLimit);
  EXPECT_THAT(a.evidence, HasSubstr("from 7 to 9"));
}

TEST(Attribution, ACounterThatStoodStillOrIsUnknownExplainsNothing) {
  EndedConnection e = ended(How::Fin);
  e.before.client_kill_calls = 4;
  EXPECT_EQ(attribute(e, answered({.client_kill_calls = 4})).cause, Cause::PeerClosed);
  EXPECT_EQ(attribute(e, answered({})).cause, Cause::PeerClosed);
  e.before.client_kill_calls.reset();
  EXPECT_EQ(attribute(e, answered({.client_kill_calls = 1})).cause, Cause::PeerClosed)
      << "it may have been 1 before";
}

// The counters of a new process begin at 0 and may overtake those of the old one.
TEST(Attribution, ARestartStandsBeforeCountersThatSeemToHaveRisen) {
  EndedConnection e = ended(How::Fin);
  e.before = {.run_id = "a", .client_kill_calls = 0};
  EXPECT_EQ(attribute(e, answered({.run_id = "b", .client_kill_calls = 3})).cause, Cause::Shutdown);
}

TEST(Attribution, ARestartDoesNotExplainWhatWasOpenedToTheNewProcess) {
  EndedConnection e = ended(How::Rst);
  e.before.run_id = "a";
  Afterwards after = answered({.run_id = "b", .uptime_seconds = 4});
  e.age = 500ms;
  after.later = 2s;
  EXPECT_EQ(attribute(e, after).cause, Cause::Reset);
  after.later = 3900ms;
  EXPECT_EQ(attribute(e, after).cause, Cause::Shutdown) << "it was opened before that";
  after.later = 2s;
  e.age.reset();
  EXPECT_EQ(attribute(e, after).cause, Cause::Shutdown) << "how old it was is not known";
}

TEST(Attribution, OtherwiseThatItIsNotKnownIsSaid) {
  Attribution a = attribute(ended(How::Fin), answered({}));
  EXPECT_EQ(a.cause, Cause::PeerClosed);
  EXPECT_THAT(a.evidence, HasSubstr("nothing the server says explains why"));
  a = attribute(ended(How::Rst), {std::nullopt, ConnectResult::Timeout});
  EXPECT_EQ(a.cause, Cause::Reset);
}

}  // namespace
}  // namespace relinkd::core
