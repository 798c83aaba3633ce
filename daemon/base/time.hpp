// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace relinkd {

using Duration = std::chrono::nanoseconds;

using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers): 5s, 100ms
                                       // everywhere

/// CLOCK_MONOTONIC. It has no now(): code that decides is handed the time, so it cannot ask for it
/// by accident and can be tested over virtual days. loop/ reads the clock.
struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock, duration>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;

/// Seconds since the Unix epoch, as Prometheus and the journal want them. No now() either.
struct WallClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock, duration>;
  static constexpr bool is_steady = false;
};
using WallTime = WallClock::time_point;

constexpr MonoTime kNever = MonoTime::max();

/// What an event handler is told about the present.
struct Now {
  MonoTime at{};
  /// How much later than asked for the loop came round (VM pause, SIGSTOP, starvation). What a
  /// late loop did not hear is no evidence.
  Duration lag{};
};

/// A lag above this makes what the loop did not hear worthless as evidence. Far above the timer
/// slack of 20 ms and scheduling noise, far below the shortest probe deadline of 200 ms.
constexpr Duration kLateLoop = 60ms;

constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

/// For sentences: "0.62 s", "1.1 ms", "38 s", "15 min 39 s", "2 h 11 min". Two or three digits
/// that matter, never more precision than a reader can use.
std::string to_text(Duration d);

/// As the configuration writes it: the largest unit that divides it ("1h", "90s", "100ms", "0s").
std::string to_config_text(Duration d);

/// "2026-11-22T10:15:00.123Z", UTC.
std::string to_iso8601(WallTime t);

}  // namespace relinkd
