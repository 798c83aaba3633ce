// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/host_port.hpp"
#include "base/time.hpp"
#include "core/topology.hpp"

namespace relinkd::core {

/// Who is the primary, by what several Sentinels say. The highest config-epoch wins and never goes
/// back: a Sentinel that is cut off together with its old primary goes on believing in it. At the
/// same epoch what is believed stays, unless a majority says otherwise. A belief is confirmed while
/// a majority of all *known* Sentinels, whether they can be reached or not, has said the same
/// address at that epoch within kFresh. Pure.
///
/// One way leads back: SENTINEL REMOVE and MONITOR set the epoch to 0 (Redis 7.0; RESET keeps it).
/// Where every known Sentinel, none of them silent, says the same at a lower epoch for kSetAnew,
/// they were set up anew.
class SentinelQuorum {
 public:
  /// A report counts as a vote that long.
  static constexpr Duration kFresh = 5s;
  /// How long all must agree on a lower epoch: by then each has named the others that it knows.
  static constexpr Duration kSetAnew = 1min;
  /// At most so many Sentinels are known; further ones are ignored, and what they say with them.
  static constexpr std::size_t kRemembered = 64;

  struct Belief {
    HostPort primary;
    std::uint64_t epoch = 0;
    unsigned votes = 0;  ///< Sentinels that say so and were heard lately
    unsigned known = 0;  ///< Sentinels that are known, the silent ones included
    [[nodiscard]] bool confirmed() const { return votes > known / 2; }
    friend bool operator==(const Belief&, const Belief&) = default;
  };

  /// A Sentinel that must be heard: `id` is its address until its own id (SENTINEL MYID) is known.
  void know(const std::string& id);
  /// `old_id` turned out to be `id`: one Sentinel, one vote. No news where `old_id` is not known.
  void rename(const std::string& old_id, const std::string& id);
  /// It is no longer configured nor named by any other.
  void forget(const std::string& id);

  /// True if the belief's primary or epoch is another now. Who reports is known by that.
  bool on_report(const std::string& id, const SentinelReport& report, MonoTime now);

  /// Epoch and primary that were believed before a restart; a later report with a lower epoch is
  /// not believed.
  void restore(const HostPort& primary, std::uint64_t epoch);

  /// Nothing before the first report.
  [[nodiscard]] std::optional<Belief> belief(MonoTime now) const;
  /// When the votes change if nothing is heard; kNever where none is left to lapse.
  [[nodiscard]] MonoTime deadline(MonoTime now) const;

 private:
  struct Vote {
    HostPort primary;
    std::uint64_t epoch = 0;
    MonoTime at{};
    [[nodiscard]] bool fresh(MonoTime now) const { return now < at + kFresh; }
    [[nodiscard]] bool says(const HostPort& p, std::uint64_t e) const {
      return primary == p && epoch == e;
    }
  };

  [[nodiscard]] unsigned votes_for(const HostPort& primary, std::uint64_t epoch,
                                   MonoTime now) const;
  bool set_anew(const Vote& vote);

  std::set<std::string> known_;
  std::map<std::string, Vote> votes_;  ///< the last of each; only of known ones
  std::optional<HostPort> primary_;
  std::uint64_t epoch_ = 0;
  bool heard_ = false;         ///< a report came since the start
  std::optional<Vote> lower_;  ///< what all say at a lower epoch, since `at`
};

}  // namespace relinkd::core
