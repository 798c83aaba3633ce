// SPDX-License-Identifier: Apache-2.0
// The rule "suspect, then sure" as a table: what one look at an overdue probe means.
#include "core/diagnosis.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace relinkd::core {

inline void PrintTo(Verdict v, std::ostream* out) { *out << "verdict " << static_cast<int>(v); }

namespace {

/// A short path: probe deadline 200 ms, an answer takes 20 ms at most.
SuspectEvidence suspect(bool unacked, Duration pending) {
  SuspectEvidence e;
  e.pending = pending;
  e.probe_deadline = 200ms;
  e.command_timeout = 2s;
  e.witness_delay = 1200ms;
  e.grace = 20ms;
  e.unacked = unacked;
  e.transmissions = 1;
  e.since_last_transmission = pending;
  return e;
}

SuspectEvidence unacked(Duration pending, int transmissions, Duration since_last) {
  SuspectEvidence e = suspect(true, pending);
  e.transmissions = transmissions;
  e.since_last_transmission = since_last;
  return e;
}

SuspectEvidence& with_witness(SuspectEvidence& e, std::optional<WitnessResult> result,
                              int transmissions_at_result = 2, Duration open_for = 250ms) {
  e.witness =
      SuspectEvidence::Witness{!e.unacked, open_for, result, 210ms, transmissions_at_result};
  return e;
}

TEST(DiagnoseUnacked, WaitsForTheTailLossProbesAnswer) {
  EXPECT_EQ(diagnose(unacked(200ms, 1, 200ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(unacked(220ms, 2, 0ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(unacked(239ms, 2, 19ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(unacked(240ms, 2, 20ms)), Verdict::OpenPlainWitness);
}

TEST(DiagnoseUnacked, OpensAWitnessAfterTwoDeadlinesWithoutARepetition) {
  EXPECT_EQ(diagnose(unacked(399ms, 1, 399ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(unacked(400ms, 1, 400ms)), Verdict::OpenPlainWitness);
}

TEST(DiagnoseUnacked, TakesThreeTransmissionsOneOfThemAfterTheProof) {
  auto e = unacked(440ms, 3, 20ms);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Connected, 2)), Verdict::HalfOpen);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Answered, 2)), Verdict::HalfOpen);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Connected, 3)), Verdict::Wait);
  e = unacked(430ms, 3, 19ms);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Connected, 2)), Verdict::Wait);
  e = unacked(400ms, 2, 200ms);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Connected, 1)), Verdict::Wait);
}

TEST(DiagnoseUnacked, TakesAsManyAsThePathRequires) {
  for (int required = 3; required <= 7; ++required) {
    for (int made = 1; made <= 8; ++made) {
      auto e = unacked(10s, made, 1s);
      e.required = required;
      with_witness(e, WitnessResult::Connected, made - 1);
      EXPECT_EQ(diagnose(e), made >= required ? Verdict::HalfOpen : Verdict::Wait);
    }
  }
}

TEST(DiagnoseUnacked, ASilentWitnessIsUnreachableOnceItHadAProbesTime) {
  auto e = unacked(440ms, 3, 20ms);
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 0, 199ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 0, 200ms)), Verdict::Unreachable);
  e.grace = 300ms;  // a long path
  e.since_last_transmission = 300ms;
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 0, 299ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 0, 300ms)), Verdict::Unreachable);
}

TEST(DiagnoseUnacked, TheWitnesssResultDecides) {
  auto e = unacked(440ms, 3, 20ms);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Refused)), Verdict::Refused);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Unreachable)), Verdict::Unreachable);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::LocalFault)), Verdict::LocalFault);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Failed)), Verdict::OpenPlainWitness);
}

TEST(DiagnoseUnacked, WithoutAWayOutSilenceIsThisHostsFault) {
  auto e = unacked(599ms, 1, 599ms);
  for (const auto local : {LocalPath::NoRoute, LocalPath::LinkDown}) {
    e.local = local;
    e.pending = 599ms;
    EXPECT_EQ(diagnose(e), Verdict::OpenPlainWitness) << "a link may come back";
    e.pending = 600ms;
    EXPECT_EQ(diagnose(e), Verdict::LocalFault);
    auto silent = unacked(440ms, 3, 20ms);
    silent.local = local;
    EXPECT_EQ(diagnose(with_witness(silent, std::nullopt)), Verdict::LocalFault);
    EXPECT_EQ(diagnose(with_witness(silent, WitnessResult::Unreachable)), Verdict::LocalFault);
  }
}

TEST(DiagnoseAcked, WaitsForTheWitnessDelay) {
  EXPECT_EQ(diagnose(suspect(false, 1199ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(suspect(false, 1200ms)), Verdict::OpenFullWitness);
}

TEST(DiagnoseAcked, ASynAckProvesNothingHere) {
  auto e = suspect(false, 3s);
  with_witness(e, WitnessResult::Connected);
  e.witness->full = false;
  EXPECT_EQ(diagnose(e), Verdict::OpenFullWitness);
}

TEST(DiagnoseAcked, BothSilentForCommandTimeoutAreStalled) {
  auto e = suspect(false, 3s);
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 1, 1999ms)), Verdict::Wait);
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 1, 2s)), Verdict::Stalled);
  e.pending = 1999ms;
  EXPECT_EQ(diagnose(with_witness(e, std::nullopt, 1, 2s)), Verdict::Wait);
}

TEST(DiagnoseAcked, AnAnsweredWitnessIsAProxyAfterTheTimeForAnAnswer) {
  auto e = suspect(false, 1500ms);
  with_witness(e, WitnessResult::Answered);
  e.witness->since_result = 199ms;
  EXPECT_EQ(diagnose(e), Verdict::Wait);
  e.witness->since_result = 200ms;
  EXPECT_EQ(diagnose(e), Verdict::HalfOpenProxy);
  e.grace = 250ms;
  EXPECT_EQ(diagnose(e), Verdict::Wait);
}

// The server's kernel repeats a lost reply after 0.2, 0.4, 0.8, 1.6, 3.2 and 6.4 s.
TEST(DiagnoseAcked, OnALossyPathAProxyTakesTheTimeOfAsManyRepliesAsThePathRequires) {
  const Duration times[] = {400ms, 800ms, 1600ms, 3200ms, 6400ms};
  for (int required = 3; required <= 7; ++required) {
    const Duration needed = times[required - 3] + 20ms;
    auto e = suspect(false, needed - 1ns);
    e.required = required;
    e.witness_delay = 100ms;
    with_witness(e, WitnessResult::Answered);
    EXPECT_EQ(diagnose(e), Verdict::Wait) << required;
    e.pending = needed;
    EXPECT_EQ(diagnose(e), Verdict::HalfOpenProxy) << required;
  }
}

TEST(DiagnoseAcked, ARefusedWitnessIsRefused) {
  auto e = suspect(false, 1500ms);
  EXPECT_EQ(diagnose(with_witness(e, WitnessResult::Refused)), Verdict::Refused);
}

}  // namespace
}  // namespace relinkd::core
