// SPDX-License-Identifier: Apache-2.0
#include "core/counter_history.hpp"

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kStart{1h};

ServerCounters kills(std::uint64_t calls) { return {.run_id = "a", .client_kill_calls = calls}; }

TEST(CounterHistory, WithoutAnythingToldNothingIsKnown) {
  EXPECT_FALSE(CounterHistory().before(kStart).client_kill_calls);
}

TEST(CounterHistory, WhatWasToldJustBeforeAnEventMayBeItsConsequence) {
  CounterHistory history;
  history.add(kStart, kills(4));
  history.add(kStart + 5s, kills(5));
  EXPECT_EQ(history.before(kStart + 5s + 1ms).client_kill_calls, 4U);
  EXPECT_EQ(history.before(kStart + 6s).client_kill_calls, 5U);
}

TEST(CounterHistory, WhatIsToldTwiceHoldsSinceTheFirstTime) {
  CounterHistory history;
  history.add(kStart, kills(4));
  history.add(kStart + 9s, kills(4));
  EXPECT_EQ(history.before(kStart + 9s).client_kill_calls, 4U);
}

TEST(CounterHistory, TheBeforeOfAnEventIsStillKnownWhileItIsAskedFor) {
  CounterHistory history;
  history.add(kStart, kills(0));
  for (unsigned i = 1; i <= 100; ++i) history.add(kStart + 500ms * i, kills(i));
  const MonoTime end = kStart + 50s;
  EXPECT_EQ(history.before(end - CounterHistory::kKept).client_kill_calls, 78U);
  EXPECT_FALSE(history.before(kStart + 1s).client_kill_calls) << "nobody asks for that any more";
}

}  // namespace
}  // namespace relinkd::core
