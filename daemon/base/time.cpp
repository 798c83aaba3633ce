// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <array>
#include <cmath>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relinkd {

std::string to_text(Duration d) {
  if (d < Duration::zero()) return "-" + to_text(-d);
  const double s = to_seconds(d);
  if (s < 0.0009995) return fmt::format("{:.0f} µs", s * 1e6);
  if (s < 0.0995) return fmt::format("{:.1f} ms", s * 1e3);
  if (s < 9.995) return fmt::format("{:.2f} s", s);
  if (s < 59.95) return fmt::format("{:.1f} s", s);
  const auto whole = static_cast<std::int64_t>(std::llround(s));
  if (whole < 3600) {
    return whole % 60 == 0 ? fmt::format("{} min", whole / 60)
                           : fmt::format("{} min {} s", whole / 60, whole % 60);
  }
  const std::int64_t minutes = whole / 60;
  if (minutes / 1440 < 2) {
    return minutes % 60 == 0 ? fmt::format("{} h", minutes / 60)
                             : fmt::format("{} h {} min", minutes / 60, minutes % 60);
  }
  return fmt::format("{} d {} h", minutes / 1440, minutes / 60 % 24);
}

std::string to_config_text(Duration d) {
  static constexpr std::array<std::pair<Duration, const char*>, 6> kUnits{
      {{24h, "d"}, {1h, "h"}, {1min, "m"}, {1s, "s"}, {1ms, "ms"}, {1us, "us"}}};
  if (d == Duration::zero()) return "0s";
  for (const auto& [unit, name] : kUnits) {
    if (d % unit == Duration::zero()) return fmt::format("{}{}", d / unit, name);
  }
  return fmt::format("{}ns", d.count());
}

std::string to_iso8601(WallTime t) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03d}Z", utc, ms - seconds * 1000);
}

}  // namespace relinkd
