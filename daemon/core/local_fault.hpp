// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "base/address.hpp"
#include "base/time.hpp"

namespace relinkd::core {

/// Tells this host's own trouble from the nodes': two or more endpoints at different addresses that
/// became unreachable within 2 s, while nothing anywhere is answered, share a cause, and what they
/// share is this host. Pure.
class LocalFaultJudge {
 public:
  static constexpr Duration kTogether = 2s;

  /// `endpoint` became unreachable, at the address where it was last seen.
  void became_unreachable(const std::string& endpoint, const std::string& host, MonoTime now);
  /// It is something else now, or gone from the configuration.
  void no_longer_unreachable(const std::string& endpoint);
  /// Something was answered by a host other than this one: a reply, a SYN-ACK, an RST.
  void answered(MonoTime now) { last_answer_ = now; }

  /// Whether this unreachable endpoint is to be called local_fault.
  [[nodiscard]] bool is_local(const std::string& endpoint) const;

 private:
  struct Lost {
    std::string host;
    MonoTime since{};
  };
  std::map<std::string, Lost> lost_;
  MonoTime last_answer_ = MonoTime::min();
};

}  // namespace relinkd::core
