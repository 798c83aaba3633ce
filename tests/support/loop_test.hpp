// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "loop/loop.hpp"

namespace relinkd::testing {

/// A test on a real loop. The loop runs once: the test's handlers carry it through its steps, and
/// the last of them calls done().
class LoopTest : public ::testing::Test {
 protected:
  LoopTest() {
    auto created = loop::Loop::create();
    if (!created) throw std::runtime_error(created.error().message);
    loop_ = std::move(created).value();
  }

  [[nodiscard]] loop::Loop& loop() { return *loop_; }
  void done() { loop_->exit(0); }

  /// Runs until done(); a test whose event never comes fails after `patience`.
  void run(Duration patience = 60s) {
    loop::Deadline guard(loop_->deadlines(), [this] {
      ADD_FAILURE() << "what the test waits for did not come";
      loop_->exit(1);
    });
    guard.set(loop::Loop::clock() + patience);
    const auto result = loop_->run();
    EXPECT_TRUE(result) << result.error().message;
  }

 private:
  std::unique_ptr<loop::Loop> loop_;
};

}  // namespace relinkd::testing
