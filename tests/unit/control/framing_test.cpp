// SPDX-License-Identifier: Apache-2.0
#include "control/framing.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace std::string_view_literals;

namespace relinkd::control {
namespace {

std::vector<std::string> all(Framing& framing) {
  std::vector<std::string> messages;
  while (auto message = framing.next()) messages.push_back(*std::move(message));
  return messages;
}

TEST(Framing, CutsWhereverTheBytesWereCutBefore) {
  constexpr std::string_view kStream = "first\0\0third\0rest"sv;
  for (std::size_t step = 1; step <= kStream.size(); ++step) {
    Framing framing(100);
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < kStream.size(); at += step) {
      framing.append(kStream.substr(at, step));
      for (auto& message : all(framing)) messages.push_back(std::move(message));
    }
    EXPECT_THAT(messages, ::testing::ElementsAre("first", "", "third")) << step;
    EXPECT_TRUE(framing.partial()) << step;
  }
}

TEST(Framing, NothingIsPartialBetweenMessages) {
  Framing framing(100);
  EXPECT_FALSE(framing.partial());
  framing.append("one\0"sv);
  EXPECT_FALSE(framing.partial());
  EXPECT_TRUE(framing.has_message());
  EXPECT_EQ(framing.next(), "one");
  EXPECT_FALSE(framing.has_message());
  EXPECT_FALSE(framing.partial());
}

TEST(Framing, TheLongestMessageAllowedPasses) {
  Framing framing(8);
  framing.append("12345678\0"sv);
  EXPECT_FALSE(framing.too_long());
  EXPECT_EQ(framing.next(), "12345678");
}

TEST(Framing, ALongerMessageIsKnownBeforeItsEnd) {
  Framing framing(8);
  framing.append("12345678");
  EXPECT_FALSE(framing.too_long());
  framing.append("9");
  EXPECT_TRUE(framing.too_long());
  EXPECT_EQ(framing.next(), std::nullopt);
}

TEST(Framing, ALongerMessageIsNotHandedOutWithItsEndEither) {
  Framing framing(8);
  framing.append("123456789\0next\0"sv);
  EXPECT_TRUE(framing.too_long());
  EXPECT_FALSE(framing.has_message());
  EXPECT_EQ(framing.next(), std::nullopt);
}

TEST(Framing, TheLimitIsOneMessagesNotTheBuffers) {
  Framing framing(4);
  framing.append("aaaa\0bbbb\0cccc\0ddd"sv);
  EXPECT_THAT(all(framing), ::testing::ElementsAre("aaaa", "bbbb", "cccc"));
  EXPECT_FALSE(framing.too_long());
}

}  // namespace
}  // namespace relinkd::control
