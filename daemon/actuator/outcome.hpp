// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "orders/order.hpp"

namespace relinkd::actuator {

/// What became of an order: the answer without its id.
struct Outcome {
  orders::Answer::Result result = orders::Answer::Result::Failed;
  std::string detail;                        ///< a sentence without its full stop
  std::vector<orders::Answer::Tuned> tuned;  ///< of an order to tune
  int fd = -1;  ///< to be handed over with the answer; it stays whose it is
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Is called once with the outcome, at once or later, within a turn of the loop.
using Reply = std::function<void(Outcome)>;

}  // namespace relinkd::actuator
