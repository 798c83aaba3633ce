// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "loop/loop.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/incidents_view.hpp"
#include "relinkctl/journal_lines.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

int run_incidents(const IncidentsOptions& options) {
  const WallTime now = loop::Loop::wall();
  const auto since = parse_since(options.since, now);
  if (!since) {
    complain(
        fmt::format("--since {}: must be a duration like 2h or 7d, or a time like "
                    "\"2026-11-22\" or \"2026-11-22 10:15\"",
                    clean(options.since)));
    return kUsage;
  }
  Incidents incidents;
  const auto read =
      read_incident_lines(*since, [&](const IncidentLine& line) { incidents.add(line); });
  if (!read) {
    complain(read.error().message);
    return kNotAsked;
  }
  print(options.json ? incidents_json(incidents, *since) + '\n'
                     : render_incidents(incidents, *since, now, screen()));
  return kDone;
}

}  // namespace relinkd::relinkctl
