// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/attribution.hpp"
#include "core/failover.hpp"
#include "resp/facts.hpp"

namespace relinkd::watch {

/// What explains a close, of what INFO said.
core::ServerCounters counters_of(const resp::InfoFacts& facts);
/// What tells a server that came back from another one.
core::ServerIdentity identity_of(const resp::InfoFacts& facts);

}  // namespace relinkd::watch
