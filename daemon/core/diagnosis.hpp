// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "core/evidence.hpp"

namespace relinkd::core {

/// Everything that is known while a probe is overdue.
struct SuspectEvidence {
  Duration pending{};         ///< since the PING was sent
  Duration probe_deadline{};  ///< adaptive; pending is beyond it
  Duration command_timeout{};
  Duration witness_delay{};  ///< half of command_timeout plus jitter
  Duration grace{};          ///< how long an answer may take on this path

  bool unacked = false;   ///< bytes of ours are unacknowledged
  int transmissions = 0;  ///< of the PING: 1 + the growth of total_retrans
  int required = 3;       ///< how many it takes on this path (LossEstimator)
  Duration since_last_transmission{};
  LocalPath local = LocalPath::Usable;

  /// The witness, if one is open or has a result.
  struct Witness {
    bool full = false;  ///< goes on to TLS, AUTH and PING after the SYN-ACK
    Duration open_for{};
    std::optional<WitnessResult> result;
    Duration since_result{};
    int transmissions_at_result = 0;
  };
  std::optional<Witness> witness;
};

/// What to make of it.
enum class Verdict : std::uint8_t {
  Wait,              ///< not enough evidence yet
  OpenPlainWitness,  ///< a SYN-ACK will be proof enough
  OpenFullWitness,   ///< only an answer will be
  HalfOpen,          ///< the flow is dead
  HalfOpenProxy,     ///< a proxy in between answers for a dead leg
  Unreachable,
  Refused,
  LocalFault,
  Stalled,
};

/// The rule "suspect, then sure" (docs/ARCHITECTURE.md): decides what an overdue probe means. Pure.
Verdict diagnose(const SuspectEvidence& e);

}  // namespace relinkd::core
