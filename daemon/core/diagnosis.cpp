// SPDX-License-Identifier: Apache-2.0
#include "core/diagnosis.hpp"

#include <algorithm>

#include "core/rtt.hpp"

namespace relinkd::core {

namespace {

/// When the n-th transmission of a segment is made, at the earliest: a tail-loss probe and a
/// retransmission 200 ms (TCP_RTO_MIN) apart, then twice as long each time. n >= 3.
Duration time_of_transmission(int n) { return 200ms * (1 << (n - 2)); }

/// Bytes of ours are unacknowledged: is the flow dead, the path, or just a packet lost?
Verdict diagnose_unacked(const SuspectEvidence& e) {
  // This host cannot send at all: the kernel does not count attempts that have no route, so time
  // stands in for transmissions.
  if (e.local != LocalPath::Usable && e.pending >= 3 * e.probe_deadline) return Verdict::LocalFault;
  if (!e.witness || e.witness->full) {
    // A lone lost packet is answered after the tail-loss probe, and an ACK may be delayed by up to
    // 200 ms (TCP_DELACK_MAX): neither is worth a connection.
    const bool retried = e.transmissions >= 2 && e.since_last_transmission >= e.grace;
    return retried || e.pending >= 2 * e.probe_deadline ? Verdict::OpenPlainWitness : Verdict::Wait;
  }
  const auto& w = *e.witness;
  const bool enough = e.transmissions >= e.required && e.since_last_transmission >= e.grace;
  if (!enough) return Verdict::Wait;
  const Verdict silent = e.local == LocalPath::Usable ? Verdict::Unreachable : Verdict::LocalFault;
  if (!w.result) {
    // The SYN has been as silent as the flow for as long as a probe may take.
    return w.open_for >= std::max(e.probe_deadline, e.grace) ? silent : Verdict::Wait;
  }
  switch (*w.result) {
    case WitnessResult::Connected:
    case WitnessResult::Answered:
      // At least one transmission must have followed the proof: before it, the path may have been
      // down for both.
      return e.transmissions > w.transmissions_at_result ? Verdict::HalfOpen : Verdict::Wait;
    case WitnessResult::Refused: return Verdict::Refused;
    case WitnessResult::Unreachable: return silent;
    case WitnessResult::LocalFault: return Verdict::LocalFault;
    case WitnessResult::Failed: return Verdict::OpenPlainWitness;
  }
  return Verdict::Wait;
}

/// The kernel over there has acknowledged: path and host are alive, the process does not answer.
Verdict diagnose_acked(const SuspectEvidence& e) {
  // One slow command must not make every host connect at once.
  if (e.pending < e.witness_delay) return Verdict::Wait;
  if (!e.witness || !e.witness->full) return Verdict::OpenFullWitness;

  const auto& w = *e.witness;
  if (w.result == WitnessResult::Answered) {
    // The answers of both may be on their way: a server that wakes up answers one after the other,
    // and on a path that loses packets the reply is repeated as our PING would be.
    const bool time_for_both = w.since_result >= std::max(e.grace, RttEstimator::kFloor);
    const bool time_for_repeats = e.pending >= time_of_transmission(e.required) + e.grace;
    return time_for_both && time_for_repeats ? Verdict::HalfOpenProxy : Verdict::Wait;
  }
  if (w.result == WitnessResult::Refused) return Verdict::Refused;
  const bool both_silent = e.pending >= e.command_timeout && w.open_for >= e.command_timeout;
  return both_silent ? Verdict::Stalled : Verdict::Wait;
}

}  // namespace

Verdict diagnose(const SuspectEvidence& e) {
  return e.unacked ? diagnose_unacked(e) : diagnose_acked(e);
}

}  // namespace relinkd::core
