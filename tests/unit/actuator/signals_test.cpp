// SPDX-License-Identifier: Apache-2.0
#include "actuator/signals.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace relinkd::testing {
namespace {

using actuator::signal_number;

TEST(SignalNumber, IsToldByTheName) {
  EXPECT_EQ(signal_number("SIGHUP"), SIGHUP);
  EXPECT_EQ(signal_number("SIGUSR1"), SIGUSR1);
  EXPECT_EQ(signal_number("SIGWINCH"), SIGWINCH);
}

TEST(SignalNumber, OfWhatIsNoSignalIsNone) {
  for (const char* name : {"", "SIG", "USR1", "sigusr1", "SIGNONE", "10", "SIGRTMIN"}) {
    EXPECT_EQ(signal_number(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace relinkd::testing
