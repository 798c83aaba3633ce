// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/condition.hpp"
#include "core/evidence.hpp"

namespace relinkd::core {

/// What a reply to PING says of the node; Ok for errors that prove it alive and nothing more.
Condition condition_of(ReplyKind kind);
/// What a failed attempt to connect says.
Condition condition_of(const DialFailure& failure);
/// What the end of a connection says as long as nothing newer is known. TimedOut reads as
/// Unreachable; a witness may know better.
Condition condition_of(Ending::How how);

}  // namespace relinkd::core
