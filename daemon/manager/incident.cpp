// SPDX-License-Identifier: Apache-2.0
#include "manager/incident.hpp"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "loop/loop.hpp"

namespace relinkd::manager {

std::string new_incident_id(const std::string& name) {
  const auto now = loop::Loop::wall().time_since_epoch();
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now).count();
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}-{:%Y%m%dT%H%M%S}.{:03d}", name, utc, ms % 1000);
}

}  // namespace relinkd::manager
