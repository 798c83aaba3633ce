// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/time.hpp"
#include "core/topology.hpp"

namespace relinkd::core {

/// Several Sentinels publish the same event, each on its own: which of them is news. Pure.
/// +sdown, +odown and +tilt are news when the opposite held (or nothing was known) for that
/// subject, -sdown, -odown and -tilt when the event itself held; +switch-master once for an old and
/// new primary within kSame. A switch ends what held of the old primary: no Sentinel says -odown of
/// it then, and one that publishes its +odown late tells nothing new within kSame. At most
/// kRemembered subjects are remembered, the longest untouched go.
class SentinelNews {
 public:
  static constexpr Duration kSame = 1min;
  static constexpr std::size_t kRemembered = 512;

  /// `from`: the Sentinel that published it (tilt is its own state). Whether it is to be told.
  bool on_event(const std::string& from, const SentinelEvent& event, MonoTime now);

 private:
  struct Seen {
    bool holds = false;
    MonoTime at{};
  };
  bool begins(const std::string& key, MonoTime now);
  bool ends(const std::string& key, MonoTime now);
  bool switches(const SentinelEvent& event, MonoTime now);
  [[nodiscard]] bool seen_lately(const std::string& key, MonoTime now) const;
  void remember(const std::string& key, MonoTime now);

  std::map<std::string, Seen> seen_;
};

}  // namespace relinkd::core
