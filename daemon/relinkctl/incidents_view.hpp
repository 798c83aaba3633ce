// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
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
  std::string message;
};

struct Incident {
  std::string id;
  WallTime begin{};             ///< of its first line
  std::optional<WallTime> end;  ///< of the line that says it is over; nothing: none does
  std::string endpoint;
  std::vector<std::string> apps;  ///< at most kMostApps
  std::uint64_t lines = 0;
  std::string first, last;  ///< what they say
  static constexpr std::size_t kMostApps = 16;
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
    bool settled = false;  ///< whether it is over is known
  };
  std::map<std::string, Gathered> incidents_;
  bool more_ = false;
};

/// A table, and under each row its first and its last line.
std::string render_incidents(const Incidents& incidents, WallTime since, const Screen& screen);
std::string incidents_json(const Incidents& incidents);

/// "2h" (ago), or the reader's own "2026-11-22", "2026-11-22 10:15", "2026-11-22 10:15:00".
std::optional<WallTime> parse_since(const std::string& text, WallTime now);

}  // namespace relinkd::relinkctl
