// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "metrics/numbers.hpp"

namespace relinkd::metrics {

/// How many metric families there are.
std::size_t family_count();

/// One family in Prometheus' text format (version 0.0.4): HELP, TYPE and every series, built from
/// the numbers at this moment. Empty if the family has no series now. Families are rendered one at
/// a time so that a scrape of 1,000 endpoints never holds all series at once.
/// `index` < family_count().
std::string render_family(std::size_t index, const Numbers& numbers);

}  // namespace relinkd::metrics
