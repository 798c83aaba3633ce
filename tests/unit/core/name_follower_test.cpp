// SPDX-License-Identifier: Apache-2.0
#include "core/name_follower.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr MonoTime kNoon = MonoTime{} + 12h;

Address at(int last, std::uint16_t port = 6379) {
  return Address::ipv4(
      {10, 0, static_cast<std::uint8_t>(last / 256), static_cast<std::uint8_t>(last % 256)}, port);
}

TEST(NameFollower, TheFirstAnswerIsNoChange) {
  NameFollower name;
  const auto change = name.on_answer(kNoon, {at(1)}, 5s, std::nullopt);
  EXPECT_FALSE(change.changed);
  EXPECT_FALSE(change.move);
  EXPECT_EQ(name.last_answer(), std::vector{at(1)});
}

TEST(NameFollower, TheSameAnswerInAnotherOrderIsNoChange) {
  NameFollower name;
  name.on_answer(kNoon, {at(1), at(2)}, 5s, at(1));
  const auto change = name.on_answer(kNoon + 5s, {at(2), at(1)}, 5s, at(1));
  EXPECT_FALSE(change.changed);
  EXPECT_FALSE(change.move);
}

TEST(NameFollower, AnAddressThatLeftIsLeftAtOnce) {
  NameFollower name;
  name.on_answer(kNoon, {at(1)}, 60s, at(1));
  const auto change = name.on_answer(kNoon + 60s, {at(2)}, 60s, at(1));
  EXPECT_TRUE(change.changed);
  EXPECT_TRUE(change.move);
}

TEST(NameFollower, AnAddressAmongSeveralIsKeptWhileItIsInTheAnswer) {
  NameFollower name;
  name.on_answer(kNoon, {at(1), at(2)}, 5s, at(1));
  auto change = name.on_answer(kNoon + 5s, {at(1), at(3)}, 5s, at(1));
  EXPECT_TRUE(change.changed);
  EXPECT_FALSE(change.move);
  change = name.on_answer(kNoon + 10s, {at(1)}, 5s, at(1));
  EXPECT_TRUE(change.changed) << "fewer is a change, too";
  EXPECT_FALSE(change.move);
}

TEST(NameFollower, WithoutAConnectionThereIsNothingToMove) {
  NameFollower name;
  name.on_answer(kNoon, {at(1)}, 5s, std::nullopt);
  const auto change = name.on_answer(kNoon + 5s, {at(2)}, 5s, std::nullopt);
  EXPECT_TRUE(change.changed);
  EXPECT_FALSE(change.move);
}

// A round robin of single answers: once an address has come back, all of them belong to the name.
TEST(NameFollower, AddressesThatTakeTurnsAllBelong) {
  NameFollower name;
  name.on_answer(kNoon, {at(1)}, 1s, at(1));
  EXPECT_TRUE(name.on_answer(kNoon + 1s, {at(2)}, 1s, at(1)).move) << "not yet known to rotate";
  EXPECT_FALSE(name.on_answer(kNoon + 2s, {at(1)}, 1s, at(2)).move) << "1 came back";
  for (int i = 3; i < 60; ++i) {
    const auto change = name.on_answer(kNoon + i * Duration(1s), {at(1 + i % 2)}, 1s, at(2));
    EXPECT_FALSE(change.move) << i;
    EXPECT_TRUE(change.changed) << i;
  }
}

TEST(NameFollower, OneThatStaysAwayFromARotationIsLeftAfterThreeTtlsAndTenSeconds) {
  for (const auto& [ttl, belongs] :
       {std::pair<Duration, Duration>{1s, 10s}, std::pair<Duration, Duration>{20s, 60s}}) {
    NameFollower name;
    name.on_answer(kNoon, {at(1)}, ttl, std::nullopt);
    name.on_answer(kNoon + 1s, {at(2)}, ttl, std::nullopt);
    name.on_answer(kNoon + 2s, {at(1)}, ttl, std::nullopt);
    name.on_answer(kNoon + 3s, {at(2)}, ttl, std::nullopt);  // the last time that 2 is seen
    EXPECT_FALSE(name.on_answer(kNoon + 3s + belongs - 1ns, {at(1)}, ttl, at(2)).move);
    EXPECT_TRUE(name.on_answer(kNoon + 3s + belongs, {at(1)}, ttl, at(2)).move);
  }
}

TEST(NameFollower, AnAddressThatWasNeverInAnAnswerIsLeft) {
  NameFollower name;
  EXPECT_TRUE(name.on_answer(kNoon, {at(1)}, 5s, at(9)).move);
}

TEST(NameFollower, AnotherPortIsAnotherAddress) {
  NameFollower name;
  name.on_answer(kNoon, {at(1, 6379)}, 5s, at(1, 6379));
  EXPECT_TRUE(name.on_answer(kNoon + 5s, {at(1, 6380)}, 5s, at(1, 6379)).move);
}

TEST(NameFollower, AFailureKeepsTheLastAddresses) {
  NameFollower name;
  name.on_answer(kNoon, {at(1), at(2)}, 5s, at(1));
  name.on_failure();
  EXPECT_TRUE(name.failing());
  EXPECT_EQ(name.candidates(std::nullopt), (std::vector{at(1), at(2)}));
  name.on_answer(kNoon + 5s, {at(1), at(2)}, 5s, at(1));
  EXPECT_FALSE(name.failing());
}

TEST(NameFollower, TheAddressInUseIsTriedFirst) {
  NameFollower name;
  name.on_answer(kNoon, {at(1), at(2), at(3)}, 5s, std::nullopt);
  EXPECT_EQ(name.candidates(at(3)), (std::vector{at(3), at(1), at(2)}));
  EXPECT_EQ(name.candidates(at(1)), (std::vector{at(1), at(2), at(3)}));
  EXPECT_EQ(name.candidates(at(9)), (std::vector{at(1), at(2), at(3)}))
      << "one that no longer belongs is not tried";
}

TEST(NameFollower, WithoutAnAnswerThereIsNothingToTry) {
  const NameFollower name;
  EXPECT_TRUE(name.candidates(at(1)).empty());
}

// A name that gives another address each time must not be taken for one that rotates, and must not
// be remembered for ever.
TEST(NameFollower, AStreamOfNewAddressesIsFollowedEachTime) {
  NameFollower name;
  name.on_answer(kNoon, {at(1)}, 1s, at(1));
  for (int i = 2; i < 2000; ++i) {
    EXPECT_TRUE(name.on_answer(kNoon + i * Duration(1s), {at(i)}, 1s, at(i - 1)).move) << i;
  }
}

TEST(NameFollower, MoreAddressesThanAreRememberedAreStillAllTried) {
  NameFollower name;
  std::vector<Address> many;
  for (int i = 1; i <= 400; ++i) many.push_back(at(i));
  name.on_answer(kNoon, many, 5s, std::nullopt);
  EXPECT_EQ(name.candidates(std::nullopt), many);
  const auto change = name.on_answer(kNoon + 5s, many, 5s, at(1));
  EXPECT_FALSE(change.move);
  EXPECT_FALSE(change.changed);
}

TEST(NameFollower, AnAddressBelongsWhileItIsInTheAnswer) {
  NameFollower name;
  EXPECT_FALSE(name.belongs(at(1), kNoon));
  name.on_answer(kNoon, {at(1), at(2)}, 5s, std::nullopt);
  EXPECT_TRUE(name.belongs(at(2), kNoon + 1h));
  name.on_answer(kNoon + 5s, {at(1)}, 5s, std::nullopt);
  EXPECT_FALSE(name.belongs(at(2), kNoon + 5s));
}

TEST(NameFollower, InRotationItBelongsForThreeTtlsMore) {
  NameFollower name;
  for (int i = 0; i < 4; ++i) {
    name.on_answer(kNoon + i * Duration(5s), {at(1 + i % 2)}, 5s, std::nullopt);
  }
  EXPECT_TRUE(name.belongs(at(1), kNoon + 24s));
  EXPECT_FALSE(name.belongs(at(1), kNoon + 25s));
}

}  // namespace
}  // namespace relinkd::core
