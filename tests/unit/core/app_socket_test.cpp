// SPDX-License-Identifier: Apache-2.0
// What is made of an app's connection that is looked at from outside.
#include <gtest/gtest.h>

#include "app_socket_looks.hpp"

namespace relinkd::core {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

// --- idle -------------------------------------------------------------------------------------

TEST(AppSocket, IsOkForAMinuteAfterAnAck) {
  AppSocket socket(kSent, false);
  EXPECT_EQ(socket.look(idle(60s), primary(), kSent), State::Ok);
  EXPECT_EQ(socket.look(idle(61s), primary(), kSent + 1s), State::Unproven);
  EXPECT_EQ(socket.look(idle(0s), primary(), kSent + 2s), State::Ok);
}

TEST(AppSocket, IsOkForAsLongAsAKeepaliveTimerRuns) {
  AppSocket socket(kSent, false);
  EXPECT_EQ(socket.look(idle(24h, Timer::Keepalive), primary(), kSent), State::Ok);
}

TEST(AppSocket, ThatWasJustUsedIsNotOkBeforeItsAck) {
  AppSocket socket(kSent - 1s, false);
  AppSocketSample s = idle(1h, Timer::Keepalive);
  socket.look(s, primary(), kSent - 1s);
  s.timer = Timer::Retransmit;
  s.unacked_segments = 1;
  s.since_data_sent = 10ms;
  EXPECT_EQ(socket.look(s, primary(), kSent), State::Unproven);
}

TEST(AppSocket, RemembersSinceWhenItIsInItsState) {
  AppSocket socket(kSent, false);
  socket.look(idle(1s), primary(), kSent + 1s);
  socket.look(idle(2s), primary(), kSent + 2s);
  EXPECT_EQ(socket.since(), kSent + 1s);
  EXPECT_EQ(socket.first_seen(), kSent);
  socket.look(idle(2min), primary(), kSent + 3s);
  EXPECT_EQ(socket.since(), kSent + 3s);
}

TEST(AppSocket, IsUnprotectedWhenItIsIdleWithoutAKeepaliveTimer) {
  AppSocket socket(kSent, false);
  socket.look(unanswered(10ms), primary(), kSent);
  EXPECT_FALSE(socket.unprotected()) << "data in flight hide the timer";
  socket.look(idle(1s), primary(), kSent + 1s);
  EXPECT_TRUE(socket.unprotected());
  socket.look(unanswered(10ms), primary(), kSent + 2s);
  EXPECT_TRUE(socket.unprotected()) << "it was, when it was seen idle";
  socket.look(idle(1s, Timer::Keepalive), primary(), kSent + 3s);
  EXPECT_FALSE(socket.unprotected());
}

TEST(AppSocket, IsLookedAfterWhenAKeepaliveProbeIsDueWithinAMinute) {
  AppSocket socket(kSent, false);
  AppSocketSample s = idle(1s, Timer::Keepalive);
  s.timer_left = 1min;
  socket.look(s, primary(), kSent);
  EXPECT_TRUE(socket.looked_after());
  s.timer_left = 2h;
  socket.look(s, primary(), kSent + 1s);
  EXPECT_FALSE(socket.looked_after()) << "the kernel's own time";
  socket.look(idle(1s), primary(), kSent + 2s);
  EXPECT_FALSE(socket.looked_after());
}

TEST(AppSocket, IsConnectingUntilTheSynIsAnswered) {
  AppSocket socket(kSent, false);
  AppSocketSample s = unanswered(3s);
  s.tcp_state = kSynSent;
  s.since_ack_received = 49 * 24h;  // not set yet: since the host is up
  EXPECT_EQ(socket.look(s, primary(), kSent + 3s), State::Connecting);
  EXPECT_EQ(socket.last_ack(), kSent);
  EXPECT_FALSE(socket.suspect());
  EXPECT_FALSE(socket.unprotected());
  EXPECT_EQ(socket.look(idle(0s), primary(), kSent + 4s), State::Ok);
  EXPECT_EQ(socket.last_ack(), kSent + 4s);
}

TEST(AppSocket, IsNotStalledWithTheNodeUnlessItWaits) {
  AppSocket socket(kSent, false);
  EXPECT_EQ(socket.look(idle(3s), primary(Condition::Stalled), kSent), State::Ok)
      << "the last that was sent is answered";
  EXPECT_EQ(look(socket, 10ms, primary(Condition::Stalled)), State::Ok) << "not acknowledged yet";
}

// --- whose node it is -------------------------------------------------------------------------

NodeStanding standing(Part part, Condition condition = Condition::Ok) {
  NodeStanding node = primary(condition);
  node.part = part;
  return node;
}

/// The state after the node has played these parts, a minute each.
State after(std::initializer_list<Part> parts, bool known_before = false) {
  AppSocket socket(kSent, known_before);
  MonoTime now = kSent;
  for (const Part part : parts) {
    socket.look(idle(1s), standing(part), now);
    now += 1min;
  }
  return socket.state();
}

TEST(AppSocketPart, ToAFormerPrimaryItIsOnTheWrongNodeIfItWasOpenedToThePrimary) {
  EXPECT_EQ(after({Part::Primary}), State::Ok);
  EXPECT_EQ(after({Part::Primary, Part::Former}), State::WrongNode);
  EXPECT_EQ(after({Part::Unknown, Part::Primary, Part::Former}), State::WrongNode);
  EXPECT_EQ(after({Part::Primary, Part::Former, Part::Primary}), State::Ok);
}

TEST(AppSocketPart, OneThatWasOpenedLaterReads) {
  EXPECT_EQ(after({Part::Former}), State::Replica);
  EXPECT_EQ(after({Part::Unknown, Part::Former}), State::Replica);
  EXPECT_EQ(after({Part::Leaving, Part::Former}), State::Replica);
  EXPECT_EQ(after({Part::Replica}), State::Replica);
}

TEST(AppSocketPart, AReaderStaysOneWhateverBecomesOfTheNode) {
  EXPECT_EQ(after({Part::Replica, Part::Primary}), State::Ok);
  EXPECT_EQ(after({Part::Replica, Part::Primary, Part::Former}), State::Replica);
}

TEST(AppSocketPart, OneThatSaysItIsStillAPrimaryIsLeftAlone) {
  EXPECT_EQ(after({Part::Primary, Part::Leaving}), State::Ok);
  EXPECT_EQ(after({Part::Primary, Part::Leaving, Part::Former}), State::WrongNode);
}

TEST(AppSocketPart, WhatItWasOpenedToOutlivesARestart) {
  EXPECT_EQ(after({Part::Former}, true), State::WrongNode);
  EXPECT_EQ(after({Part::Unknown, Part::Former}, true), State::WrongNode);
  AppSocket socket(kSent, true);
  EXPECT_TRUE(socket.opened_to_primary());
  EXPECT_FALSE(AppSocket(kSent, false).opened_to_primary());
}

TEST(AppSocketPart, AClientMayBeAtTheNewPrimaryBeforeItIsProven) {
  for (const Part before : {Part::Replica, Part::Former}) {
    for (const Duration ahead : {Duration(1s), AppSocket::kAhead + 1s}) {
      AppSocket socket(kSent, false);
      socket.look(idle(0s), standing(before), kSent);
      socket.look(idle(0s), standing(Part::Primary), kSent + ahead);
      EXPECT_EQ(socket.opened_to_primary(), ahead <= AppSocket::kAhead);
    }
  }
}

// peer_closed, black_holed, wrong_node, stalled, replica, then the rest.
TEST(AppSocketPart, TheFirstStateThatFitsHolds) {
  AppSocketSample closed = unanswered(1s);
  closed.tcp_state = kCloseWait;
  AppSocketSample waiting = idle(1s);
  waiting.since_data_sent = 500ms;
  AppSocket socket = opened_to_primary();
  const auto former = [](NodeStanding node) {
    node.part = Part::Former;
    return node;
  };
  look(socket, 900ms, former(proven(500ms)));
  EXPECT_EQ(socket.state(), State::WrongNode);
  EXPECT_EQ(look(socket, 1s, former(proven(901ms))), State::BlackHoled);
  EXPECT_EQ(socket.look(closed, former(proven(901ms)), kSent + 2s), State::PeerClosed);
  EXPECT_EQ(socket.look(waiting, standing(Part::Former, Condition::Stalled), kSent + 3s),
            State::WrongNode);
  AppSocket reader(kSent, false);
  EXPECT_EQ(reader.look(waiting, standing(Part::Replica, Condition::Stalled), kSent),
            State::Stalled);
  EXPECT_EQ(reader.look(waiting, standing(Part::Replica), kSent + 1s), State::Replica);
  EXPECT_EQ(reader.look(idle(1h), standing(Part::Replica), kSent + 2s), State::Replica);
}

// --- in words ---------------------------------------------------------------------------------

TEST(AppSocketEvidence, HasTheFiguresThatTheStateRestsOn) {
  AppSocket socket = opened_to_primary();
  look(socket, 900ms, proven(500ms));
  look(socket, 1s, proven(901ms));
  EXPECT_EQ(socket.evidence(),
            "4 transmissions unanswered, 6 bytes unacknowledged, last ACK 11.0 s ago");
  socket.look(idle(5min), primary(), kSent + 10min);
  EXPECT_EQ(socket.evidence(), "idle for 5 min, last ACK 5 min ago, no keepalive timer");
  AppSocketSample s = idle(2s, Timer::Keepalive);
  s.timer_left = 3s;
  socket.look(s, primary(), kSent + 11min);
  EXPECT_EQ(socket.evidence(),
            "idle for 2.00 s, last ACK 2.00 s ago, next keepalive probe in 3.00 s");
  socket.look(s, standing(Part::Former), kSent + 12min);
  EXPECT_EQ(socket.evidence(),
            "opened while the node was the primary; idle for 2.00 s, last ACK 2.00 s ago");
  s.tcp_state = kCloseWait;
  socket.look(s, primary(), kSent + 13min);
  EXPECT_EQ(socket.evidence(),
            "the peer has closed it, and the app has not read that yet; last ACK 2.00 s ago");
  s.tcp_state = kSynSent;
  s.retransmits = 1;
  socket.look(s, primary(), kSent + 14min);
  EXPECT_EQ(socket.evidence(), "2 SYNs unanswered");
  s = idle(4s);
  s.since_data_sent = 3s;
  socket.look(s, primary(Condition::Stalled), kSent + 15min);
  EXPECT_EQ(socket.evidence(), "acknowledged, and unanswered for 3.00 s");
}

TEST(AppSocket, WaitsWhereAllIsAcknowledgedAndNothingHasComeSince) {
  AppSocket socket(kSent, false);
  AppSocketSample s = idle(10s);
  s.since_data_sent = 3s;
  socket.look(s, primary(), kSent + 10s);
  EXPECT_TRUE(socket.waits());
  EXPECT_EQ(socket.evidence(),
            "waiting for a reply for 3.00 s, last ACK 10.0 s ago, no keepalive timer");
  s.since_data_received = 2s;
  socket.look(s, primary(), kSent + 11s);
  EXPECT_FALSE(socket.waits()) << "answered";
  s.since_data_received = s.since_data_sent;
  socket.look(s, primary(), kSent + 12s);
  s.since_ack_received = s.since_data_received;
  socket.look(s, primary(), kSent + 12s);
  EXPECT_FALSE(socket.waits()) << "answered within the kernel's step of time";
  s.since_ack_received = s.since_data_received - 40ms;
  socket.look(s, primary(), kSent + 12s);
  EXPECT_TRUE(socket.waits()) << "sent within that step after a reply, and acknowledged alone";
  s = unanswered(1s);
  socket.look(s, primary(), kSent + 13s);
  EXPECT_FALSE(socket.waits()) << "the kernel gives up what nobody acknowledges";
}

}  // namespace
}  // namespace relinkd::core
