// SPDX-License-Identifier: Apache-2.0
#include "core/app_ending.hpp"

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

namespace relinkd::core {
namespace {

using testing::HasSubstr;
using Kind = SocketEvent::Kind;

SocketEvent ended(std::uint8_t state, int error = 0) {
  SocketEvent e;
  e.kind = Kind::Ended;
  e.cookie = 7;
  e.local = *Address::parse("10.0.0.5", 40'000);
  e.remote = *Address::parse("10.0.0.7", 6379);
  e.state = state;
  e.error = error;
  e.task = {.pid = 42, .name = "python3"};
  e.age = 1h;
  e.bytes_acked = 1000;
  e.bytes_received = 2000;
  e.since_sent = 12s;
  e.since_received = 12s;
  e.since_ack = 12s;
  return e;
}
SocketEvent fin() { return ended(TCP_CLOSE_WAIT); }
SocketEvent rst() { return ended(TCP_CLOSE, ECONNRESET); }
SocketEvent attempt(int error) {
  SocketEvent e = ended(TCP_CLOSE, error);
  e.kind = Kind::ConnectFailed;
  e.age = 100ms;
  e.bytes_acked = 0;
  return e;
}
Circumstances well() { return {.condition = Condition::Ok}; }

Attribution why(const SocketEvent& e, const Circumstances& around = well(),
                const Inquired& told = {}) {
  return attribute(e, around, {}, told);
}

TEST(AppEnding, OnlyAFinOrRstHasToWaitForTheNodesWord) {
  EXPECT_FALSE(is_final(fin()));
  EXPECT_FALSE(is_final(rst()));
  EXPECT_TRUE(is_final(ended(TCP_FIN_WAIT1)));
  for (const int error : {0, ETIMEDOUT, EHOSTUNREACH, ECONNABORTED, ENETDOWN}) {
    EXPECT_TRUE(is_final(ended(TCP_CLOSE, error))) << error;
  }
  EXPECT_TRUE(is_final(attempt(ECONNREFUSED)));
}

TEST(AppEnding, TheKernelsThreeTimeOutsAreToldApartByWhatTheSocketWasDoing) {
  SocketEvent e = ended(TCP_CLOSE, ETIMEDOUT);
  e.since_received = 20s;
  EXPECT_EQ(why(e).cause, Cause::KeepaliveTimeout);
  EXPECT_THAT(why(e).evidence, HasSubstr("silent for 20.0 s"));
  e.unacked_bytes = 14;
  EXPECT_EQ(why(e).cause, Cause::RetransmissionTimeout);
  e.user_timeout = 8s;
  EXPECT_EQ(why(e).cause, Cause::UserTimeout);
  e.unacked_bytes = 0;
  e.unsent_bytes = 14;
  e.probes_out = 3;
  EXPECT_EQ(why(e).cause, Cause::UserTimeout) << "a closed window is probed while data wait";
}

TEST(AppEnding, AFinAtTheServersTimeoutIsThat) {
  Circumstances around = well();
  around.server_timeout = 300s;
  SocketEvent e = fin();
  for (const Duration idle : {Duration(300s), Duration(301500ms), Duration(303s)}) {
    e.since_sent = e.since_received = idle;
    EXPECT_EQ(why(e, around).cause, Cause::IdleTimeout) << to_text(idle);
  }
  EXPECT_THAT(why(e, around).evidence, HasSubstr("the server's timeout is 5 min"));
  for (const Duration idle : {Duration(290s), Duration(310s)}) {
    e.since_sent = e.since_received = idle;
    EXPECT_EQ(why(e, around).cause, Cause::PeerClosed) << to_text(idle);
  }
  e = rst();
  e.since_sent = e.since_received = 301s;
  EXPECT_EQ(why(e, around).cause, Cause::Reset) << "a server closes idle clients in order";
  around.server_timeout = 0s;
  e = fin();
  e.since_sent = e.since_received = 0s;
  EXPECT_EQ(why(e, around).cause, Cause::PeerClosed) << "0 is no timeout";
}

TEST(AppEnding, WhatTheServerSentIsNoIdleTimeEither) {
  SocketEvent e = fin();
  e.since_sent = 10min;
  e.since_received = 3s;
  EXPECT_EQ(idle_time(e), 3s);
  e.since_received = 1h;
  EXPECT_EQ(idle_time(e), 10min);
  e.bytes_acked = 1;
  EXPECT_EQ(sent_bytes(e), 0U) << "that was the SYN";
  EXPECT_EQ(idle_time(e), 1h) << "nothing was ever sent on it";
}

TEST(AppEnding, AResetOfWhatWasIdleForLongerThanThePathBearsIsIdleTimeout) {
  Circumstances around = well();
  around.idle_cut = IdleCut{.age = 10min, .survived = 5min, .how = IdleCut::How::RstOnUse};
  SocketEvent e = rst();
  e.since_sent = 1ms;
  e.since_received = 7min;
  const Attribution a = why(e, around);
  EXPECT_EQ(a.cause, Cause::IdleTimeout);
  EXPECT_THAT(a.evidence, HasSubstr("after 7 min without data from the peer"));
  EXPECT_THAT(a.evidence, HasSubstr("idle connections survive 5 min"));
  e.since_received = 4min;
  EXPECT_EQ(why(e, around).cause, Cause::Reset) << "so long idle connections live here";
}

TEST(AppEnding, AnOutageExplainsATimeOutBetterThanAKnownIdleLimitDoes) {
  Circumstances around = well();
  around.idle_cut = IdleCut{.age = 10min, .survived = 5min, .how = IdleCut::How::Silent};
  SocketEvent e = ended(TCP_CLOSE, ETIMEDOUT);
  e.since_received = 10min;
  e.unacked_bytes = 5;
  EXPECT_EQ(why(e, around).cause, Cause::IdleTimeout);
  around.condition = Condition::Unreachable;
  EXPECT_EQ(why(e, around).cause, Cause::RetransmissionTimeout);
}

TEST(AppEnding, TheNodesAnswerExplainsAFin) {
  Inquired told;
  told.before = {.run_id = "a", .client_kill_calls = 4};
  told.after.counters = ServerCounters{.run_id = "a", .client_kill_calls = 5};
  EXPECT_EQ(why(fin(), well(), told).cause, Cause::Killed);
  told.after = {std::nullopt, ConnectResult::Refused};
  EXPECT_EQ(why(fin(), well(), told).cause, Cause::Shutdown);
  EXPECT_EQ(why(rst(), well(), told).cause, Cause::Shutdown);
}

TEST(AppEnding, ANodeThatLostItsRoleCloseItsClientsAndCallsItAKill) {
  Inquired told;
  told.before.client_kill_calls = 4;
  told.after.counters = ServerCounters{.client_kill_calls = 5};
  Circumstances around = well();
  around.demoted = 200ms;
  EXPECT_EQ(why(fin(), around, told).cause, Cause::Failover);
  SocketEvent younger = fin();
  younger.age = 100ms;
  EXPECT_EQ(why(younger, around, told).cause, Cause::Killed) << "it was opened to it as it is";
}

TEST(AppEnding, AnnouncedMaintenanceExplainsWhatNothingElseDoes) {
  Circumstances around = well();
  around.maintenance = true;
  EXPECT_EQ(why(fin(), around).cause, Cause::Maintenance);
  EXPECT_EQ(why(ended(TCP_FIN_WAIT1), around).cause, Cause::LocalClose);
}

TEST(AppEnding, ACloseOnThisHostSaysWhoDidItAndWhatWasOpen) {
  SocketEvent e = ended(TCP_FIN_WAIT1);
  EXPECT_EQ(why(e), (Attribution{Cause::LocalClose, "python3, pid 42 closed it in order"}));
  e.since_sent = 5s;
  EXPECT_THAT(why(e).evidence, HasSubstr("what it sent last was not answered for 5.00 s"));
  e.unacked_bytes = 14;
  e.retransmits = 3;
  e.since_ack = 2s;
  EXPECT_EQ(why(e).cause, Cause::LocalClose);
  EXPECT_THAT(why(e).evidence, HasSubstr("14 bytes unacknowledged after 3 retransmissions"));
}

TEST(AppEnding, AnAbortIsToldFromAClose) {
  SocketEvent e = ended(TCP_CLOSE);
  EXPECT_EQ(why(e).cause, Cause::LocalAbort);
  EXPECT_THAT(why(e).evidence, HasSubstr("SO_LINGER"));
  e.unread_bytes = 9;
  EXPECT_THAT(why(e).evidence, HasSubstr("closed it with 9 bytes unread"));
}

TEST(AppEnding, AProcessThatEndsClosesAndOneThatIsKilledAborts) {
  SocketEvent e = ended(TCP_FIN_WAIT1);
  e.task.exiting = true;
  EXPECT_EQ(why(e), (Attribution{Cause::LocalClose, "python3, pid 42 ended"}));
  e.task.signal = SIGKILL;
  EXPECT_EQ(why(e),
            (Attribution{Cause::LocalAbort, "python3, pid 42 was killed by signal 9 (KILL)"}));
}

TEST(AppEnding, ARelinkIsToldFromSomebodyElsesOrderToTheKernel) {
  SocketEvent e = ended(TCP_CLOSE, ECONNABORTED);
  e.task = {.pid = 9, .name = "ss"};
  const Attribution ours = attribute(e, well(), "checkout-1", {});
  EXPECT_EQ(ours.cause, Cause::Destroyed);
  EXPECT_THAT(ours.evidence, HasSubstr("incident checkout-1"));
  EXPECT_TRUE(is_usual(e, well(), ours, "checkout-1"));
  EXPECT_EQ(why(e).cause, Cause::Destroyed);
  EXPECT_THAT(why(e).evidence, HasSubstr("ss, pid 9 on this host"));
  EXPECT_FALSE(is_usual(e, well(), why(e), {}));
}

TEST(AppEnding, OtherErrorsAreThePathsOrThisHosts) {
  EXPECT_EQ(why(ended(TCP_CLOSE, EHOSTUNREACH)).cause, Cause::Unreachable);
  EXPECT_EQ(why(ended(TCP_CLOSE, ENETDOWN)).cause, Cause::LocalFault);
  const Circumstances cut_off{.condition = Condition::LocalFault};
  EXPECT_EQ(why(ended(TCP_CLOSE, EHOSTUNREACH), cut_off).cause, Cause::LocalFault);
  EXPECT_EQ(why(ended(TCP_CLOSE, ETIMEDOUT), cut_off).cause, Cause::LocalFault);
}

TEST(AppEnding, AnAttemptThatFailedHasACauseAndAResult) {
  SocketEvent gave_up = attempt(0);
  gave_up.total_retrans = 2;
  gave_up.age = 3s;
  SocketEvent no_port = attempt(0);
  no_port.local = no_port.local.with_port(0);
  const std::vector<std::tuple<SocketEvent, Cause, AppConnectResult>> table{
      {attempt(ECONNREFUSED), Cause::Refused, AppConnectResult::Refused},
      {attempt(ETIMEDOUT), Cause::ConnectTimeout, AppConnectResult::Timeout},
      {attempt(EHOSTUNREACH), Cause::Unreachable, AppConnectResult::Unreachable},
      {gave_up, Cause::ConnectTimeout, AppConnectResult::Timeout},
      {attempt(0), Cause::LocalAbort, AppConnectResult::Aborted},
      {attempt(ECONNABORTED), Cause::Destroyed, AppConnectResult::Aborted},
      {no_port, Cause::LocalFault, AppConnectResult::LocalFault},
      {attempt(EPERM), Cause::LocalFault, AppConnectResult::LocalFault},
  };
  for (const auto& [event, cause, result] : table) {
    EXPECT_EQ(why(event).cause, cause) << why(event).evidence;
    EXPECT_EQ(connect_result(why(event).cause), result);
  }
  EXPECT_THAT(why(gave_up).evidence,
              HasSubstr("python3, pid 42 gave up: 3 SYNs unanswered for 3.00 s"));
}

TEST(AppEnding, NeitherSynNorFinIsAByteThatWasSentOrReceived) {
  SocketEvent e = fin();
  e.bytes_acked = 1;
  e.bytes_received = 1;
  EXPECT_EQ(sent_bytes(e), 0U);
  EXPECT_EQ(received_bytes(e), 0U);
  e.bytes_received = 8;
  EXPECT_EQ(received_bytes(e), 7U);
  e = rst();
  e.bytes_received = 7;
  EXPECT_EQ(received_bytes(e), 7U) << "there was no FIN";
}

TEST(AppEnding, WhatHappensEveryDayIsUsual) {
  Circumstances around = well();
  around.server_timeout = 12s;
  const auto usual = [&](const SocketEvent& e) { return is_usual(e, around, why(e, around), {}); };
  EXPECT_TRUE(usual(ended(TCP_FIN_WAIT1)));
  EXPECT_TRUE(usual(fin())) << "at the server's timeout";
  EXPECT_TRUE(usual(attempt(0)));
  SocketEvent given_up = ended(TCP_FIN_WAIT1);
  given_up.unacked_bytes = 14;
  given_up.retransmits = 1;
  EXPECT_FALSE(usual(given_up)) << "the app closed a connection that hung";
  SocketEvent unanswered = ended(TCP_FIN_WAIT1);
  unanswered.since_sent = 5s;
  EXPECT_TRUE(usual(unanswered)) << "a blocking command that was not waited for";
  around.condition = Condition::Stalled;
  EXPECT_FALSE(usual(unanswered)) << "the app gave up on a node that does not answer";
  EXPECT_TRUE(usual(ended(TCP_FIN_WAIT1)));
  EXPECT_FALSE(usual(rst()));
  EXPECT_FALSE(usual(ended(TCP_CLOSE)));
  EXPECT_FALSE(usual(attempt(ECONNREFUSED)));
}

}  // namespace
}  // namespace relinkd::core
