// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/settings.hpp"
#include "core/condition.hpp"
#include "resp/facts.hpp"

namespace relinkd::watch {

/// What one look at an endpoint found, without a daemon.
struct OneShot {
  core::Condition condition = core::Condition::Unknown;
  std::string detail;                    ///< a clause with figures
  std::vector<Address> addresses;        ///< what the name resolves to
  std::optional<Address> address;        ///< connected to
  std::optional<Duration> connect_time;  ///< TCP and TLS
  std::optional<Duration> ping_time;
  std::optional<WallTime> certificate_expiry;
  std::optional<resp::RoleFact> role;
  resp::InfoFacts facts;
  /// The server's `timeout`: it closes clients idle for so long (0: never). Nothing where CONFIG is
  /// refused.
  std::optional<Duration> server_timeout;
};

/// Resolves, connects, secures, authenticates, asks for role, facts and `timeout`, and pings; runs
/// a loop of its own for at most `limit`. Trouble with the endpoint is a condition; the Error is
/// for what keeps this program from looking at all.
Result<OneShot> look_once(const config::Endpoint& settings, Duration limit);

}  // namespace relinkd::watch
