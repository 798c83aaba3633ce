// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fuzz/link/story.hpp"

namespace relinkd::fuzz {

/// The bytes as what servers say, for a core::SentinelQuorum, a core::ClusterMap and a
/// core::FailoverDetector.
void tell_quorum(Bytes bytes);
void tell_cluster(Bytes bytes);
void tell_failover(Bytes bytes);

}  // namespace relinkd::fuzz
