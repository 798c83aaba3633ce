// SPDX-License-Identifier: Apache-2.0
#include "actuator/tuned_memory.hpp"

#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::actuator {
namespace {

core::SocketOptions options(bool keepalive, Duration idle) {
  return {keepalive, idle, 75s, 9, 1500ms};
}

TEST(TunedMemory, KeepsWhatASocketWasLikeAtFirst) {
  TunedMemory memory;
  EXPECT_EQ(memory.find(7), nullptr);
  EXPECT_TRUE(memory.remember(7, options(false, 7200s)));
  EXPECT_TRUE(memory.remember(7, options(true, 5s))) << "changed once more: still known";
  ASSERT_NE(memory.find(7), nullptr);
  EXPECT_EQ(*memory.find(7), options(false, 7200s));
  memory.forget(7);
  EXPECT_EQ(memory.find(7), nullptr);
}

TEST(TunedMemory, WhatTheAppSetsLaterIsItsOwn) {
  TunedMemory memory;
  memory.remember(7, {false, 7200s, 75s, 9, 0ms});
  memory.gave(7, {true, 5s, 1s, 3, 8s});
  memory.notice(7, {true, 5s, 1s, 3, 8s});
  EXPECT_EQ(*memory.find(7), (core::SocketOptions{false, 7200s, 75s, 9, 0ms}));
  memory.notice(7, {true, 5s, 1s, 3, 2s});
  memory.notice(7, {true, 5s, 1s, 3, 2s});
  EXPECT_EQ(*memory.find(7), (core::SocketOptions{false, 7200s, 75s, 9, 2s}));
}

TEST(TunedMemory, RemembersSoManyAndNoMore) {
  TunedMemory memory;
  for (std::uint64_t i = 1; i <= TunedMemory::kMost; ++i) {
    ASSERT_TRUE(memory.remember(i, options(false, 7200s)));
  }
  EXPECT_FALSE(memory.remember(TunedMemory::kMost + 1, options(false, 7200s)));
  EXPECT_LE(memory.encode().size(), TunedMemory::kMaxBytes);
}

TEST(TunedMemory, OutlivesAnEnd) {
  TunedMemory memory;
  memory.remember(7, options(false, 7200s));
  memory.remember(~std::uint64_t{1}, options(true, 32767s));
  const auto again = TunedMemory::decode(memory.encode());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_THAT(again->cookies(), testing::ElementsAre(7, ~std::uint64_t{1}));
  EXPECT_EQ(*again->find(7), options(false, 7200s));
  EXPECT_EQ(*again->find(~std::uint64_t{1}), options(true, 32767s));
}

TEST(TunedMemory, ReadsAgainTheLongestTimesThatAnAppMaySet) {
  // TCP_USER_TIMEOUT of INT_MAX is some programs' word for "never".
  core::SocketOptions never = options(true, 32767s);
  never.user_timeout = std::chrono::milliseconds(std::numeric_limits<std::int32_t>::max());
  TunedMemory memory;
  memory.remember(7, never);
  const auto again = TunedMemory::decode(memory.encode());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again->find(7), never);
}

TEST(TunedMemory, IsAnErrorOfAnythingElse) {
  for (const char* text :
       {"7", "7 0 7200 75 9 0", "7 0 7200 75 9\n", "7 0 7200 75 9 0 1\n", "x 0 7200 75 9 0\n",
        "7 -1 7200 75 9 0\n", "7 0 7200 75 9 10000000000\n", "\n", "7 0 7200 75 9 0\n\n"}) {
    EXPECT_FALSE(TunedMemory::decode(text)) << text;
  }
  std::string many;
  for (std::size_t i = 0; i <= TunedMemory::kMost; ++i) many += std::to_string(i) + " 0 1 1 1 0\n";
  EXPECT_FALSE(TunedMemory::decode(many));
}

}  // namespace
}  // namespace relinkd::actuator
