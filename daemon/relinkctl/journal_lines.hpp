// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "relinkctl/incidents_view.hpp"

namespace relinkd::relinkctl {

/// Hands over relinkd's lines in this host's journal that name an incident, from the newest back to
/// `since`. The Error says why the journal cannot be read and what to do.
Result<void> read_incident_lines(WallTime since,
                                 const std::function<void(const IncidentLine&)>& on_line);

}  // namespace relinkd::relinkctl
