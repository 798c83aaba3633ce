// SPDX-License-Identifier: Apache-2.0
#include "journal/rate_limit.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/entropy.hpp"

namespace relinkd::journal {
namespace {

constexpr MonoTime kStart{1000h};

Entry line(Event event, std::string endpoint, std::string message = "m") {
  Entry entry;
  entry.event = event;
  entry.priority = Priority::Warning;
  entry.endpoint = std::move(endpoint);
  entry.message = std::move(message);
  return entry;
}

Entry slow(std::string endpoint = "sessions") {
  return line(Event::ConditionSlow, std::move(endpoint));
}

int admitted(RateLimit& limit, const Entry& entry, int lines, MonoTime now) {
  int n = 0;
  for (int i = 0; i < lines; ++i) n += limit.admit(entry, now) ? 1 : 0;
  return n;
}

TEST(RateLimit, TenLinesGoAtOnceAndFurtherOnesAreHeldBack) {
  RateLimit limit;
  EXPECT_EQ(admitted(limit, slow(), 10, kStart), 10);
  EXPECT_EQ(admitted(limit, slow(), 5, kStart), 0);
}

TEST(RateLimit, OneMoreGoesEachSecondAndTenAfterTenSecondsOfQuiet) {
  RateLimit limit;
  EXPECT_EQ(admitted(limit, slow(), 20, kStart), 10);
  EXPECT_EQ(admitted(limit, slow(), 20, kStart + 1s), 1);
  EXPECT_EQ(admitted(limit, slow(), 20, kStart + 11s), 10);
  EXPECT_EQ(admitted(limit, slow(), 20, kStart + 24h), 10);
}

TEST(RateLimit, OneEndpointsBurstHoldsBackNoOthersAndNoOtherEvent) {
  RateLimit limit;
  EXPECT_EQ(admitted(limit, slow("sessions"), 20, kStart), 10);
  EXPECT_TRUE(limit.admit(slow("orders"), kStart));
  EXPECT_TRUE(limit.admit(line(Event::ConditionOk, "sessions"), kStart));
  EXPECT_FALSE(limit.admit(slow("sessions"), kStart));
}

TEST(RateLimit, OneAppsBurstHoldsBackNoOthersAtTheSameEndpoint) {
  RateLimit limit;
  Entry checkout = line(Event::RelinkActed, "sessions");
  checkout.app = "checkout";
  Entry search = checkout;
  search.app = "search";
  EXPECT_EQ(admitted(limit, checkout, 20, kStart), 10);
  EXPECT_EQ(admitted(limit, search, 20, kStart), 10);
  const auto held = limit.take(kStart + 60s, 60s);
  ASSERT_EQ(held.size(), 2U);
  EXPECT_EQ(held[0].app, "checkout");
  EXPECT_EQ(held[1].app, "search");
}

TEST(RateLimit, StartEndAndConfigurationAlwaysGo) {
  RateLimit limit;
  for (const Event event :
       {Event::Started, Event::Stopped, Event::ConfigReloaded, Event::ConfigRefused}) {
    EXPECT_EQ(admitted(limit, line(event, ""), 1000, kStart), 1000) << kEventNames[event];
  }
}

TEST(RateLimit, WhatIsHeldBackIsToldOnceWithItsNumberAndLastMessage) {
  RateLimit limit;
  admitted(limit, slow(), 10, kStart);
  EXPECT_FALSE(limit.admit(line(Event::ConditionSlow, "sessions", "first"), kStart));
  EXPECT_FALSE(limit.admit(line(Event::ConditionSlow, "sessions", "last"), kStart + 500ms));

  EXPECT_TRUE(limit.take(kStart + 59s, 60s).empty());
  const auto told = limit.take(kStart + 60s, 60s);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].event, Event::ConditionSlow);
  EXPECT_EQ(told[0].endpoint, "sessions");
  EXPECT_EQ(told[0].count, 2U);
  EXPECT_EQ(told[0].last, "last");
  EXPECT_EQ(told[0].over, 60s);
  EXPECT_TRUE(limit.take(kStart + 10min, 60s).empty());
}

TEST(RateLimit, TheMostSevereOfTheHeldBackLinesSetsThePriority) {
  RateLimit limit;
  Entry entry = line(Event::Disconnected, "sessions");
  admitted(limit, entry, 10, kStart);
  for (const Priority p : {Priority::Info, Priority::Error, Priority::Notice}) {
    entry.priority = p;
    EXPECT_FALSE(limit.admit(entry, kStart));
  }
  const auto told = limit.take(kStart, Duration::zero());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].priority, Priority::Error);
}

TEST(RateLimit, BucketsThatAreFullAgainAreForgotten) {
  RateLimit limit;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limit.admit(slow(std::to_string(i)), kStart));
  EXPECT_EQ(limit.keys(), 100U);
  limit.take(kStart + 500ms, 60s);
  EXPECT_EQ(limit.keys(), 100U);
  limit.take(kStart + 1s, 60s);
  EXPECT_EQ(limit.keys(), 0U);
}

TEST(RateLimit, ABucketThatHasHeldLinesIsKeptUntilTheyAreTold) {
  RateLimit limit;
  admitted(limit, slow(), 11, kStart);
  limit.take(kStart + 30s, 60s);
  EXPECT_EQ(limit.keys(), 1U);
  EXPECT_EQ(limit.take(kStart + 60s, 60s).size(), 1U);
  EXPECT_EQ(limit.keys(), 0U);
}

TEST(RateLimit, EndpointsWithoutEndUseBoundedMemoryAndShareABucketForEachEvent) {
  RateLimit limit;
  int went = 0;
  for (int i = 0; i < 100'000; ++i) {
    went += limit.admit(slow("endpoint-" + std::to_string(i)), kStart) ? 1 : 0;
  }
  EXPECT_EQ(limit.keys(), RateLimit::kMaxKeys + 1);
  EXPECT_EQ(went, static_cast<int>(RateLimit::kMaxKeys + RateLimit::kBurst));
  const auto told = limit.take(kStart, Duration::zero());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].endpoint, "");
  EXPECT_EQ(told[0].count, 100'000U - static_cast<unsigned>(went));
}

TEST(RateLimit, OverAVirtualDayEachLineIsEitherWrittenOrCounted) {
  RateLimit limit;
  Entropy entropy(7);
  std::uint64_t offered = 0;
  std::uint64_t went = 0;
  std::uint64_t told = 0;
  MonoTime now = kStart;
  const MonoTime end = kStart + 24h;
  MonoTime flush = now;
  while (now < end) {
    now += from_seconds(entropy.unit() * (entropy.unit() < 0.01 ? 600 : 0.5));
    ++offered;
    went += limit.admit(slow(entropy.unit() < 0.5 ? "sessions" : "orders"), now) ? 1U : 0U;
    for (; flush <= now; flush += 1s) {
      for (const auto& held : limit.take(flush, RateLimit::kTellAfter)) told += held.count;
    }
  }
  EXPECT_GT(told, 0U);
  for (const auto& held : limit.take(now, Duration::zero())) told += held.count;
  EXPECT_EQ(went + told, offered);
  // Two endpoints, one line a second each and a burst after each quiet time, at the most.
  EXPECT_LT(went, 2U * (24U * 3600U + 10U));
}

}  // namespace
}  // namespace relinkd::journal
