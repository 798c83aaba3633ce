// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// A line of relinkd's in the journal that names an incident.
struct IncidentLine {
  WallTime time{};
  std::string incident;    ///< RELINKD_INCIDENT
  std::string message_id;  ///< MESSAGE_ID; empty: absent, as the others
  std::string endpoint, app;
  int priority = 6;  ///< PRIORITY, as syslog(3) has them
  std::string message;
};

struct Incident {
  std::string id;
  /// When its id was made, which says so; of the first line where it does not.
  WallTime begin{};
  std::optional<WallTime> end;  ///< of the line that says it is over; nothing: none does
  std::string endpoint;
  std::vector<std::string> apps;  ///< at most kMostApps
  std::uint64_t lines = 0;
  /// Of these lines, the oldest first, those from the beginning and from the end.
  std::vector<IncidentLine> timeline;
  static constexpr std::size_t kMostApps = 16;
  static constexpr std::size_t kMostOfEach = 50;

  /// How many are left out behind the first kMostOfEach of the timeline.
  [[nodiscard]] std::uint64_t left_out() const { return lines - timeline.size(); }
};

/// Puts the lines of a journal together, told from the newest to the oldest. An incident is over
/// when its endpoint can be used again, or when an app has verifiably reconnected, and nothing was
/// wrong after that.
class Incidents {
 public:
  /// The newest; of those before nothing is kept.
  static constexpr std::size_t kMost = 1000;

  void add(const IncidentLine& line);

  /// In the order of their beginnings.
  [[nodiscard]] std::vector<Incident> all() const;
  /// There were more than kMost.
  [[nodiscard]] bool more() const { return more_; }

 private:
  struct Gathered {
    Incident incident;
    bool settled = false;            ///< whether it is over is known
    std::vector<IncidentLine> last;  ///< the newest first, kMostOfEach at most
    std::deque<IncidentLine> first;  ///< those before them, the newest first, as many at most
  };
  std::map<std::string, Gathered> incidents_;
  bool more_ = false;
};

/// Each as a timeline. `since`: of what is older no line was read; one that began earlier says so.
std::string render_incidents(const Incidents& incidents, WallTime since, WallTime now,
                             const Screen& screen);
std::string incidents_json(const Incidents& incidents, WallTime since);

/// When the incident began by its id, "sessions-20261122T101500.123"; nothing if it has no time.
std::optional<WallTime> begin_by_id(std::string_view id);

/// "2h" (ago), or the reader's own "2026-11-22", "2026-11-22 10:15", "2026-11-22 10:15:00".
std::optional<WallTime> parse_since(const std::string& text, WallTime now);

}  // namespace relinkd::relinkctl
