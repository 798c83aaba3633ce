// SPDX-License-Identifier: Apache-2.0
// Which connections ended without a word of the kernel, over the looks of a census.
#include "core/open_connections.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

const RelinkTarget kCheckout{"checkout", "sessions"};
const Address kNode = *Address::parse("10.0.0.7", 6379);

class OpenConnectionsTest : public testing::Test {
 protected:
  std::uint64_t look(const std::vector<std::uint64_t>& cookies,
                     const std::unordered_set<std::uint64_t>& ended = {}) {
    OpenConnections::ByCookie open;
    for (const std::uint64_t cookie : cookies) open[cookie] = {kCheckout, kNode};
    return connections_.on_looked(std::move(open), ended,
                                  [this](const Address&) { return watched_; });
  }
  OpenConnections connections_;
  bool watched_ = true;
};

TEST_F(OpenConnectionsTest, AnEndThatWasToldIsNoLoss) {
  look({1, 2});
  connections_.on_ended(2);
  EXPECT_EQ(look({1}), 0U);
  EXPECT_EQ(look({1}), 0U);
}

TEST_F(OpenConnectionsTest, AnEndOfWhichNothingTellsIsLostOnce) {
  look({1, 2, 3});
  EXPECT_EQ(look({1}), 0U) << "a list that is read while it changes may leave one out";
  EXPECT_EQ(look({1}), 2U);
  EXPECT_EQ(look({1}), 0U);
}

TEST_F(OpenConnectionsTest, OneThatALookLeftOutIsNotLost) {
  look({1});
  look({});
  EXPECT_EQ(look({1}), 0U);
  EXPECT_EQ(look({}), 0U) << "missed for the first time again";
  EXPECT_EQ(look({}), 1U);
}

TEST_F(OpenConnectionsTest, AnEndThatIsToldAfterALookMissedItIsNoLoss) {
  look({1});
  look({});
  connections_.on_ended(1);
  EXPECT_EQ(look({}), 0U);
}

TEST_F(OpenConnectionsTest, OneThatEndedSinceTheLookIsNotTakenForOpen) {
  look({1}, {1});
  EXPECT_EQ(connections_.find(1), nullptr);
  look({});
  EXPECT_EQ(look({}), 0U);
}

TEST_F(OpenConnectionsTest, WhatIsCountedAsLostAlreadyIsNotCountedTwice) {
  look({1});
  connections_.on_lost();
  EXPECT_EQ(look({}), 0U);
  EXPECT_EQ(look({}), 0U);

  look({2});
  look({});
  connections_.on_lost();
  EXPECT_EQ(look({}), 0U);
}

TEST_F(OpenConnectionsTest, WhatIsNotLookedForAnyMoreIsNotLost) {
  look({1});
  watched_ = false;
  look({});
  EXPECT_EQ(look({}), 0U);
}

TEST_F(OpenConnectionsTest, WhoseItIsIsKnownUntilItIsGoneForGood) {
  look({1});
  ASSERT_NE(connections_.find(1), nullptr);
  EXPECT_EQ(*connections_.find(1), kCheckout);
  look({});
  EXPECT_NE(connections_.find(1), nullptr);
  look({});
  EXPECT_EQ(connections_.find(1), nullptr);

  look({2});
  connections_.forget();
  EXPECT_EQ(connections_.find(2), nullptr);
  look({});
  EXPECT_EQ(look({}), 0U);
}

}  // namespace
}  // namespace relinkd::core
