// SPDX-License-Identifier: Apache-2.0
#include "core/closes.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

namespace relinkd::core {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Inquiry = CloseOrders::Inquiry;

constexpr MonoTime kStart{1h};
const RelinkTarget kCheckout{"checkout", "sessions"};

Address node(int last = 7) { return *Address::parse("10.0.0." + std::to_string(last), 6379); }
Inquiry ask_node(MonoTime asked) { return {"sessions", node(), asked}; }

SocketEvent event(std::uint8_t state, int error, MonoTime at, std::uint64_t cookie = 1) {
  SocketEvent e;
  e.at = at;
  e.cookie = cookie;
  e.local = *Address::parse("10.0.0.5", 40'000);
  e.remote = node();
  e.state = state;
  e.error = error;
  e.age = 1h;
  return e;
}
SocketEvent fin(MonoTime at) { return event(TCP_CLOSE_WAIT, 0, at); }
SocketEvent timed_out(MonoTime at) { return event(TCP_CLOSE, ETIMEDOUT, at); }
SocketEvent closed_here(MonoTime at) { return event(TCP_FIN_WAIT1, 0, at); }

Inquired refused() { return {{}, {std::nullopt, ConnectResult::Refused}}; }
Inquired killed() {
  return {{.client_kill_calls = 1}, {ServerCounters{.client_kill_calls = 2}, std::nullopt}};
}

std::vector<Cause> causes(const CloseOrders& orders) {
  std::vector<Cause> all;
  for (const AppClose& close : orders.closed) all.push_back(close.why.cause);
  return all;
}

class ClosesTest : public testing::Test {
 protected:
  CloseOrders happen(const SocketEvent& e) {
    return note(closes_.on_event(kCheckout, e, {}, e.at));
  }
  /// The node answers what it was asked last.
  CloseOrders tell(const std::optional<Inquired>& told, MonoTime now,
                   const Circumstances& around = {}) {
    return note(closes_.on_told(ask_node(asked_), told, around, now));
  }
  CloseOrders elapse(MonoTime now) { return note(closes_.on_deadline(now)); }
  /// Lets the time pass as the loop would, to `until`, and returns all that was ordered.
  CloseOrders run(MonoTime deadline, MonoTime until) {
    CloseOrders all;
    while (deadline <= until) {
      const CloseOrders o = elapse(deadline);
      all.closed.insert(all.closed.end(), o.closed.begin(), o.closed.end());
      all.news.insert(all.news.end(), o.news.begin(), o.news.end());
      all.inquire.insert(all.inquire.end(), o.inquire.begin(), o.inquire.end());
      EXPECT_GT(o.deadline, deadline) << "it would spin";
      if (o.deadline <= deadline) break;
      deadline = o.deadline;
    }
    all.deadline = deadline;
    return all;
  }
  CloseOrders note(CloseOrders o) {
    if (!o.inquire.empty()) asked_ = o.inquire.back().asked;
    return o;
  }
  Closes closes_;
  MonoTime asked_{};
};

TEST_F(ClosesTest, WhatExplainsItselfIsDecidedAtOnce) {
  const CloseOrders o = happen(timed_out(kStart));
  EXPECT_EQ(causes(o), std::vector{Cause::KeepaliveTimeout});
  EXPECT_THAT(o.inquire, IsEmpty());
}

TEST_F(ClosesTest, AFinWaitsForItsNodesAnswer) {
  CloseOrders o = happen(fin(kStart));
  EXPECT_THAT(o.closed, IsEmpty());
  EXPECT_EQ(o.inquire, std::vector{ask_node(kStart)});
  o = tell(killed(), kStart + 3ms);
  EXPECT_EQ(causes(o), std::vector{Cause::Killed});
}

TEST_F(ClosesTest, ANodeThatDoesNotAnswerIsWaitedForNoLongerThanThreeSeconds) {
  CloseOrders o = happen(fin(kStart));
  o = run(o.deadline, kStart + 2999ms);
  EXPECT_THAT(o.closed, IsEmpty());
  o = run(o.deadline, kStart + 3s);
  EXPECT_EQ(causes(o), std::vector{Cause::PeerClosed});
  EXPECT_THAT(tell(killed(), kStart + 4s).closed, IsEmpty()) << "too late";
}

TEST_F(ClosesTest, AnAnswerThatComesTooLateSaysNothingOfWhatEndedSince) {
  run(happen(fin(kStart)).deadline, kStart + 3s);
  CloseOrders o = happen(fin(kStart + 4s));
  EXPECT_EQ(o.inquire, std::vector{ask_node(kStart + 4s)});
  EXPECT_THAT(closes_.on_told(ask_node(kStart), killed(), {}, kStart + 5s).closed, IsEmpty());
  EXPECT_EQ(causes(tell(refused(), kStart + 6s)), std::vector{Cause::Shutdown});
}

TEST_F(ClosesTest, ANodeThatCannotBeAskedIsNotWaitedFor) {
  happen(fin(kStart));
  EXPECT_EQ(causes(tell(std::nullopt, kStart)), std::vector{Cause::PeerClosed});
}

TEST_F(ClosesTest, WhatEndsAfterTheQuestionWaitsForTheNextOne) {
  happen(fin(kStart));
  EXPECT_THAT(happen(fin(kStart + 2ms)).inquire, IsEmpty()) << "one is under way";
  CloseOrders o = tell(refused(), kStart + 3ms);
  EXPECT_THAT(o.closed, SizeIs(1));
  EXPECT_THAT(o.inquire, IsEmpty()) << "not so soon";
  o = run(o.deadline, kStart + 600ms);
  EXPECT_EQ(o.inquire, std::vector{ask_node(kStart + Closes::kPace)});
  EXPECT_THAT(tell(refused(), kStart + 601ms).closed, SizeIs(1));
}

TEST_F(ClosesTest, ANodeIsAskedTwiceASecondAtMost) {
  std::size_t inquiries = 0;
  const auto answer = [&](CloseOrders o, MonoTime now) {
    if (o.inquire.empty()) return o;
    ++inquiries;
    return tell(refused(), now);
  };
  for (int i = 0; i < 1000; ++i) {
    const MonoTime now = kStart + 10ms * i;
    const CloseOrders o = answer(happen(fin(now)), now);
    if (now >= o.deadline) answer(elapse(now), now);
  }
  EXPECT_LE(inquiries, 21U);
  EXPECT_GE(inquiries, 18U);
}

TEST_F(ClosesTest, WhatIsKnownWhenTheAnswerComesCounts) {
  happen(fin(kStart));
  const CloseOrders o = tell(killed(), kStart + 1s,
                             {.condition = Condition::PeerClosed, .incident = "x", .demoted = 1s});
  ASSERT_EQ(causes(o), std::vector{Cause::Failover});
  EXPECT_EQ(o.closed.front().around.incident, "x");
  EXPECT_EQ(o.closed.front().around.condition, Condition::Unknown) << "it was so at the end";
}

TEST_F(ClosesTest, WhatDiesTogetherIsToldTogether) {
  CloseOrders o;
  for (int i = 0; i < 37; ++i) o = happen(timed_out(kStart + 1ms * i));
  EXPECT_THAT(o.news, IsEmpty());
  o = run(o.deadline, kStart + 2s);
  ASSERT_THAT(o.news, SizeIs(1));
  EXPECT_EQ(o.news.front().count, 37U);
  EXPECT_EQ(o.news.front().over, 36ms);
}

TEST_F(ClosesTest, WhatGoesOnIsToldTwiceAMinuteAtMost) {
  CloseOrders o;
  std::vector<std::uint64_t> counts;
  for (int i = 0; i < 6000; ++i) {
    const MonoTime now = kStart + 10ms * i;
    o = happen(timed_out(now));
    if (now >= o.deadline) o = closes_.on_deadline(now);
    for (const CloseNews& news : o.news) counts.push_back(news.count);
  }
  EXPECT_THAT(counts, SizeIs(2)) << "after 1 s, and 31 s";
  EXPECT_THAT(closes_.unusual(), SizeIs(Closes::kRemembered));
}

TEST_F(ClosesTest, AppsNodesAndCausesAreToldApart) {
  happen(timed_out(kStart));
  SocketEvent other = timed_out(kStart);
  other.remote = node(8);
  happen(other);
  closes_.on_event({"cart", "sessions"}, timed_out(kStart), {}, kStart);
  SocketEvent unreachable = timed_out(kStart);
  unreachable.error = EHOSTUNREACH;
  const CloseOrders o = happen(unreachable);
  EXPECT_THAT(run(o.deadline, kStart + 2s).news, SizeIs(4));
}

TEST_F(ClosesTest, TheUsualIsCountedAndKeptApartAndNotTold) {
  CloseOrders o;
  for (int i = 0; i < 1000; ++i) o = happen(closed_here(kStart));
  EXPECT_EQ(causes(o), std::vector{Cause::LocalClose});
  EXPECT_EQ(o.deadline, kNever);
  happen(timed_out(kStart));
  EXPECT_THAT(closes_.usual(), SizeIs(Closes::kRemembered));
  EXPECT_THAT(closes_.unusual(), SizeIs(1));
}

TEST_F(ClosesTest, ARelinkIsKnownByTheCookiesThatWereOrdered) {
  closes_.on_relink({5, 6}, "checkout-1", kStart);
  const CloseOrders ours = happen(event(TCP_CLOSE, ECONNABORTED, kStart + 1s, 6));
  EXPECT_TRUE(ours.closed.front().usual);
  const CloseOrders theirs = happen(event(TCP_CLOSE, ECONNABORTED, kStart + 1s, 7));
  EXPECT_FALSE(theirs.closed.front().usual);
}

TEST_F(ClosesTest, AStormHasBounds) {
  CloseOrders o;
  std::size_t decided = 0;
  for (std::size_t i = 0; i < Closes::kMostWaiting + 5; ++i) {
    o = happen(fin(kStart));
    decided += o.closed.size();
  }
  EXPECT_EQ(decided, 5U) << "what is too much is decided at once";
  EXPECT_THAT(tell(refused(), kStart + 1ms).closed, SizeIs(Closes::kMostWaiting));
}

TEST_F(ClosesTest, NothingIsLeftOfWhatHasPassed) {
  CloseOrders o = happen(fin(kStart));
  tell(refused(), kStart + 1ms);
  o = run(kStart + 1s, kStart + 10min);
  EXPECT_EQ(o.deadline, kNever);
}

}  // namespace
}  // namespace relinkd::core
