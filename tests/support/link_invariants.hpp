// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/link_machine.hpp"

namespace relinkd::test {

/// One line with everything that a step ordered: for failure messages, and to compare two runs.
std::string describe(const core::LinkOrders& orders);

/// What must hold after every step of a core::LinkMachine, whatever happened. Fed with each event
/// and the orders it led to; keeps a model of the shell that carries them out.
class LinkInvariants {
 public:
  explicit LinkInvariants(core::LinkLimits limits) : limits_(limits) {}

  /// Nothing, or the rule that the step broke.
  std::optional<std::string> check(const core::LinkEvent& event, Now now,
                                   const core::LinkOrders& orders, core::Condition condition);

  [[nodiscard]] bool dialing() const { return dialing_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] bool ping_outstanding() const { return outstanding_; }
  [[nodiscard]] bool witness_open() const { return witness_; }

 private:
  void apply(const core::LinkEvent& event);
  std::optional<std::string> check_connection(const core::LinkOrders& orders);
  std::optional<std::string> check_deadline(const core::LinkEvent& event, Now now,
                                            const core::LinkOrders& orders);
  std::optional<std::string> check_condition(const core::LinkEvent& event,
                                             const core::LinkOrders& orders, core::Condition now);

  core::LinkLimits limits_;
  core::Condition condition_ = core::Condition::Unknown;
  bool started_ = false;
  bool dialing_ = false;
  bool connected_ = false;
  bool outstanding_ = false;
  bool proven_ = false;     ///< a reply came on this connection
  bool inherited_ = false;  ///< moved: the condition is still that of the old address
  bool witness_ = false;
  MonoTime last_{};         ///< when the last step was
  int standing_still_ = 0;  ///< steps in a row that took no time and ask for another at once
};

}  // namespace relinkd::test
