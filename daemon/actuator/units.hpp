// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "actuator/outcome.hpp"
#include "base/time.hpp"
#include "loop/loop.hpp"

namespace relinkd::actuator {

/// Asks systemd to do something with a unit, over the system bus (org.freedesktop.systemd1(5)), and
/// awaits the result. Several can be under way. A bus that is lost is opened again for the next
/// order.
class Units {
 public:
  enum class Verb : std::uint8_t { Reload, Restart, Start };

  /// How long a job may take. A reload is one signal or one short command; a start may take as long
  /// as systemd's own limit (DefaultTimeoutStartSec=, 90 s).
  static constexpr Duration kReloadTime = 30s;
  static constexpr Duration kStartTime = 90s;
  /// How long systemd may take to answer a question.
  static constexpr Duration kCallTime = 10s;

  explicit Units(loop::Loop& loop);
  ~Units();
  Units(const Units&) = delete;
  Units& operator=(const Units&) = delete;

  /// Whether systemd runs this host (sd_booted(3)).
  static bool available();

  /// A job in mode "replace". Refused where a unit is to be reloaded that has no ExecReload=.
  void run(Verb verb, const std::string& unit, Reply reply);

  /// Sends the signal to the unit's main process, if that catches it; NotCaught if not.
  void signal(const std::string& unit, int number, Reply reply);

  /// Orders that have no result yet.
  [[nodiscard]] std::size_t under_way() const;

 private:
  struct Task;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::actuator
