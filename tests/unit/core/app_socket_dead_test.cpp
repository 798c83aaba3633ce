// SPDX-License-Identifier: Apache-2.0
// When an app's connection is called black-holed. That chance and outages do not mislead it is in
// tests/sim/app_test.cpp.
#include <gtest/gtest.h>

#include "app_socket_looks.hpp"

namespace relinkd::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

// Transmissions at 0, 0.208, 0.416, 0.832 s.
TEST(AppSocketDead, AfterThreeTransmissionsTheLastBetweenTwoProofs) {
  AppSocket socket = opened_to_primary();
  EXPECT_EQ(look(socket, 100ms, proven(-900ms)), State::Ok);
  EXPECT_EQ(look(socket, 220ms, proven(101ms)), State::Ok);
  EXPECT_EQ(look(socket, 320ms, proven(221ms)), State::Ok);
  EXPECT_EQ(look(socket, 420ms, proven(321ms)), State::Unproven) << "three, nobody knows why";
  EXPECT_EQ(look(socket, 520ms, proven(421ms)), State::Unproven) << "an ACK may be delayed";
  EXPECT_EQ(look(socket, 540ms, proven(421ms)), State::BlackHoled);
  EXPECT_EQ(socket.since(), kSent + 540ms);
}

// The first look comes after the tail-loss probe, which it cannot tell from one that was answered.
TEST(AppSocketDead, ARepetitionThatWasToldCountsThoughNoLookSawTheFirstTransmission) {
  for (const bool told : {false, true}) {
    AppSocket socket(kSent - 1min, false);
    if (told) socket.repeated(0, 1);
    look(socket, 228ms, proven(-900ms));
    look(socket, 330ms, proven(229ms));
    look(socket, 436ms, proven(331ms));
    EXPECT_EQ(look(socket, 540ms, proven(437ms)) == State::BlackHoled, told);
  }
}

TEST(AppSocketDead, ARepetitionOfWhatWasAcknowledgedSinceDoesNotCount) {
  AppSocket socket(kSent - 1min, false);
  socket.repeated(6, 1);
  look(socket, 228ms, proven(-900ms));
  look(socket, 330ms, proven(229ms));
  look(socket, 436ms, proven(331ms));
  EXPECT_NE(look(socket, 540ms, proven(437ms)), State::BlackHoled);
}

TEST(AppSocketDead, LooksASecondApartFindItToo) {
  AppSocket socket = opened_to_primary();
  EXPECT_EQ(look(socket, 900ms, proven(500ms)), State::Unproven) << "proven before the last";
  EXPECT_EQ(look(socket, 1000ms, proven(901ms)), State::BlackHoled);
}

TEST(AppSocketDead, AfterAsManyAsThePathRequires) {
  for (int required = 3; required <= 7; ++required) {
    AppSocket socket = opened_to_primary();
    Duration found{};
    for (Duration t = 50ms; t < 60s && found == 0s; t += 100ms) {
      NodeStanding node = proven(t - 99ms);
      node.required = required;
      if (look(socket, t, node) == State::BlackHoled) found = t;
    }
    // The third transmission after 2 RTO, then twice as long each time.
    const Duration last = kRto * (1 << (required - 2));
    EXPECT_GE(found, last + AppSocket::kLastAck) << required;
    EXPECT_LE(found, last + AppSocket::kLastAck + 200ms) << required;
  }
}

// A PING that was under way when the last transmission left proves nothing of the time after it.
TEST(AppSocketDead, NotByAProofThatWasAskedForBeforeTheLastTransmission) {
  AppSocket socket = opened_to_primary();
  look(socket, 840ms, proven(500ms));
  NodeStanding node = proven(800ms);
  node.proof_received = kSent + 900ms;
  EXPECT_EQ(look(socket, 1s, node), State::Unproven);
  EXPECT_EQ(look(socket, 1100ms, proven(1001ms)), State::BlackHoled);
}

// Seconds pass between proofs where PINGs are rare: an outage has room there.
TEST(AppSocketDead, NotWhenTheProofsAreFarApart) {
  AppSocket socket = opened_to_primary();
  look(socket, 900ms, proven(430ms));
  EXPECT_EQ(look(socket, 1600ms, proven(1500ms)), State::Unproven);
  // Asked anew around the next transmission, at 1.664 s.
  look(socket, 1700ms, proven(1601ms));
  EXPECT_EQ(look(socket, 1800ms, proven(1701ms)), State::BlackHoled);
}

// The server's host is gone: the last PING was answered before the app's command, or just after.
TEST(AppSocketDead, NotWithoutAProofSinceItWasRepeated) {
  for (const Duration proof : {-2000ms, -1ms, 1ms, 199ms}) {
    AppSocket socket = opened_to_primary();
    for (Duration t = 50ms; t < 30s; t += 100ms) {
      ASSERT_NE(look(socket, t, proven(std::min(proof, t))), State::BlackHoled) << t.count();
    }
  }
}

// The path was down for everybody from 0.16 to 0.42 s.
TEST(AppSocketDead, NotByAProofFromBeforeItWasRepeated) {
  AppSocket socket = opened_to_primary();
  look(socket, 160ms, proven(150ms));
  look(socket, 420ms, proven(150ms));
  EXPECT_EQ(look(socket, 520ms, proven(419ms)), State::Unproven);
  EXPECT_EQ(look(socket, 620ms, proven(519ms)), State::Unproven);
  // The next transmission, at 0.832 s.
  look(socket, 850ms, proven(750ms));
  EXPECT_EQ(look(socket, 960ms, proven(851ms)), State::BlackHoled);
}

// Transmissions at 6.656, 13.312 and 26.624 s; the path was down until 10 s.
TEST(AppSocketDead, OnALossyPathAnOutageExplainsOnlyWhatLeftBeforeItsEnd) {
  for (const int required : {3, 4, 5, 6, 7}) {
    AppSocket socket = opened_to_primary();
    look(socket, 9s, proven(-1s, Condition::Unreachable));
    Duration found{};
    for (Duration t = 10s; t < 120s && found == 0s; t += 100ms) {
      NodeStanding node = proven(t - 99ms);
      node.required = required;
      if (look(socket, t, node) == State::BlackHoled) found = t;
    }
    const Duration last = kRto * (64 << (required / 2 - 1));
    EXPECT_GE(found, last) << required;
    EXPECT_LE(found, last + 300ms) << required;
  }
}

TEST(AppSocketDead, NotWhileNoProofFollowsTheLastTransmission) {
  AppSocket socket = opened_to_primary();
  for (Duration t = 50ms; t < 1600ms; t += 100ms) {
    ASSERT_NE(look(socket, t, proven(std::min<Duration>(t - 50ms, 400ms))), State::BlackHoled);
  }
}

// The path is repaired at 30 s, and the next retransmission is far: nothing left since then.
TEST(AppSocketDead, NotBeforeATransmissionFollowsTheProof) {
  AppSocket socket = opened_to_primary();
  for (Duration t = 50ms; t < 30s; t += 1s) look(socket, t, proven(-1s, Condition::Unreachable));
  for (Duration t = 30s; t < 50s; t += 100ms) {
    ASSERT_EQ(look(socket, t, proven(t - 50ms)), State::Unproven) << t.count();
  }
}

TEST(AppSocketDead, OnlyWhileTheNodeIsAlive) {
  for (std::size_t i = 0; i < kConditionNames.size(); ++i) {
    const auto condition = static_cast<Condition>(i);
    AppSocket socket = opened_to_primary();
    look(socket, 900ms, proven(500ms, condition));
    const State state = look(socket, 1000ms, proven(901ms, condition));
    // An error proves the process alive as PONG does.
    const bool answers = condition == Condition::Ok || condition == Condition::Slow ||
                         condition == Condition::ReadOnly || condition == Condition::Busy ||
                         condition == Condition::Loading || condition == Condition::MasterDown ||
                         condition == Condition::AuthFailed;
    EXPECT_EQ(state, answers ? State::BlackHoled : State::Unproven) << to_string(condition);
  }
}

TEST(AppSocketDead, MayBeDyingAtTheFirstLook) {
  AppSocket socket(kSent + 100s, false);
  // Transmissions at 53 and 106 s.
  EXPECT_EQ(look(socket, 100s, proven(99s)), State::Unproven);
  EXPECT_TRUE(socket.suspect() || unanswered(100s).timer_left > 2s);
  look(socket, 105s, proven(104'900ms));
  look(socket, 106'500ms, proven(106'400ms));
  EXPECT_EQ(look(socket, 106'650ms, proven(106'600ms)), State::BlackHoled);
}

TEST(AppSocketDead, AnAckStartsTheCountOver) {
  AppSocket socket = opened_to_primary();
  look(socket, 320ms, proven(221ms));
  AppSocketSample s = unanswered(520ms);
  s.since_ack_received = 100ms;  // 0.42 s: to the third transmission
  s.bytes_acked = 6;
  s.retransmits = 0;
  s.rto = kRto;
  s.since_data_sent = 90ms;
  EXPECT_EQ(socket.look(s, proven(421ms), kSent + 520ms), State::Ok);
  // One more, at 0.64 s, is the second.
  s.total_retrans += 1;
  s.since_ack_received = 480ms;
  s.bytes_acked = 6;
  s.since_data_sent = 260ms;
  EXPECT_EQ(socket.look(s, proven(700ms), kSent + 900ms), State::Ok);
}

TEST(AppSocketDead, TimesThatComeInStepsAreNoAck) {
  AppSocket socket = opened_to_primary();
  for (int i = 0; i < 5; ++i) {
    const Duration t = 220ms + i * 100ms;
    AppSocketSample s = unanswered(t);
    s.since_ack_received -= i % 2 == 0 ? 10ms : 0ms;  // jiffies of 10 ms
    socket.look(s, proven(t - 99ms), kSent + t);
  }
  EXPECT_EQ(socket.state(), State::BlackHoled);
}

TEST(AppSocketDead, StaysSoUntilAnAckComes) {
  AppSocket socket = opened_to_primary();
  look(socket, 900ms, proven(500ms));
  look(socket, 1s, proven(901ms));
  EXPECT_EQ(look(socket, 2s, proven(1990ms)), State::BlackHoled);
  EXPECT_EQ(look(socket, 3s, proven(1990ms, Condition::Unreachable)), State::BlackHoled);
  EXPECT_FALSE(socket.suspect()) << "it is decided";
  EXPECT_EQ(socket.look(idle(0s), primary(), kSent + 4s), State::Ok);
}

// A server that reads nothing closes its window, and answers the probes.
TEST(AppSocketDead, IsOnTheWrongNodeOnceAnotherPrimaryTookOverFromOneThatIsGone) {
  AppSocket socket = opened_to_primary();
  look(socket, 900ms, proven(500ms));
  ASSERT_EQ(look(socket, 1000ms, proven(901ms)), State::BlackHoled);
  NodeStanding node = proven(901ms);
  node.part = Part::Former;
  EXPECT_EQ(look(socket, 2s, node), State::BlackHoled) << "it is well: the socket goes at once";
  for (const Condition c : {Condition::ReadOnly, Condition::Unreachable, Condition::Refused}) {
    node.condition = c;
    EXPECT_EQ(look(socket, 3s, node), State::WrongNode) << to_string(c);
  }
}

TEST(AppSocketDead, ZeroWindowProbesAreNoTransmissions) {
  for (const bool in_flight : {false, true}) {
    AppSocket socket = opened_to_primary();
    for (Duration t = 50ms; t < 20s; t += 100ms) {
      AppSocketSample s = unanswered(t);
      s.timer = Timer::ZeroWindowProbe;
      s.write_queue = 100'000;
      s.unacked_segments = in_flight ? 1 : 0;
      ASSERT_EQ(socket.look(s, proven(t - 50ms), kSent + t), State::Ok);
    }
  }
}

TEST(AppSocketDead, CloseWaitStaysPeerClosed) {
  AppSocket socket = opened_to_primary();
  for (Duration t = 50ms; t < 5s; t += 100ms) {
    AppSocketSample s = unanswered(t);
    s.tcp_state = kCloseWait;
    ASSERT_EQ(socket.look(s, proven(t - 99ms), kSent + t), State::PeerClosed);
  }
  EXPECT_FALSE(socket.suspect());
}

// As measured on Linux 6.18, 3 s after one PING (6 bytes): on a dead path, and to a server that was
// stopped. PINGs of the watch were answered, or not.
TEST(AppSocketDead, IsToldFromAStalledServerByTheMeasuredFigures) {
  AppSocketSample dead;
  dead.tcp_state = kEstablished;
  dead.unacked_segments = 1;
  dead.write_queue = 6;
  dead.total_retrans = dead.retransmits = 3;
  dead.rto = 1664ms;
  dead.rtt = 100us;
  dead.timer = Timer::Retransmit;
  dead.timer_left = 120ms;
  dead.since_data_sent = 1544ms;
  dead.since_data_received = dead.since_ack_received = 3012ms;
  AppSocket on_dead_path(kSent, false);
  on_dead_path.look(dead, proven(1400ms), kSent + 3s);
  EXPECT_EQ(on_dead_path.look(dead, proven(1500ms), kSent + 3s), State::BlackHoled);

  AppSocketSample stalled;
  stalled.tcp_state = kEstablished;
  stalled.rto = 208ms;
  stalled.rtt = 100us;
  stalled.since_data_sent = 3s;
  stalled.since_ack_received = 2964ms;
  stalled.since_data_received = 3012ms;
  AppSocket to_stalled(kSent, false);
  EXPECT_EQ(to_stalled.look(stalled, primary(Condition::Stalled), kSent + 3s), State::Stalled);
  EXPECT_EQ(to_stalled.look(stalled, primary(), kSent + 3s), State::Ok)
      << "a subscriber, or a command that blocks";
}

// --- suspect ----------------------------------------------------------------------------------

TEST(AppSocketSuspect, FromFiftyMillisecondsOrTwoRoundTripsOn) {
  AppSocket socket = opened_to_primary();
  EXPECT_FALSE(socket.suspect());
  look(socket, 49ms, primary());
  EXPECT_FALSE(socket.suspect());
  look(socket, 50ms, primary());
  EXPECT_TRUE(socket.suspect());
  socket.look(idle(0s), primary(), kSent + 60ms);
  EXPECT_FALSE(socket.suspect());

  AppSocket far = opened_to_primary();
  AppSocketSample s = unanswered(150ms);
  s.rtt = 80ms;
  far.look(s, primary(), kSent + 150ms);
  EXPECT_FALSE(far.suspect());
  s.since_data_sent = 160ms;
  far.look(s, primary(), kSent + 160ms);
  EXPECT_TRUE(far.suspect());
}

TEST(AppSocketSuspect, NotWhileTheNextRetransmissionIsSecondsAway) {
  AppSocket socket = opened_to_primary();
  // Transmissions at 6.656 and 13.312 s.
  look(socket, 6700ms, primary(Condition::Unreachable));
  EXPECT_TRUE(socket.suspect()) << "it may be answered";
  look(socket, 7s, primary(Condition::Unreachable));
  EXPECT_FALSE(socket.suspect());
  look(socket, 11'400ms, primary(Condition::Unreachable));
  EXPECT_TRUE(socket.suspect());
}

}  // namespace
}  // namespace relinkd::core
