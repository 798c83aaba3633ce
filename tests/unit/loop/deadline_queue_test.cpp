// SPDX-License-Identifier: Apache-2.0
#include "loop/deadline_queue.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/entropy.hpp"

namespace relinkd::loop {
namespace {

constexpr MonoTime kNoon = MonoTime{} + 12h;

TEST(DeadlineQueue, WithoutDeadlinesNothingIsDue) {
  DeadlineQueue queue;
  EXPECT_EQ(queue.earliest(), kNever);
  EXPECT_EQ(queue.size(), 0U);
  queue.run_due(MonoTime::max());
}

TEST(DeadlineQueue, CallsWhatIsDueOnceInOrderOfTime) {
  DeadlineQueue queue;
  std::string calls;
  Deadline c(queue, [&] { calls += 'c'; });
  Deadline a(queue, [&] { calls += 'a'; });
  Deadline b(queue, [&] { calls += 'b'; });
  Deadline d(queue, [&] { calls += 'd'; });
  c.set(kNoon + 3s);
  a.set(kNoon + 1s);
  b.set(kNoon + 2s);
  d.set(kNoon + 4s);
  EXPECT_EQ(queue.earliest(), kNoon + 1s);
  queue.run_due(kNoon + 1s - 1ns);
  EXPECT_EQ(calls, "");
  queue.run_due(kNoon + 3s);
  EXPECT_EQ(calls, "abc");
  EXPECT_EQ(queue.earliest(), kNoon + 4s);
  EXPECT_EQ(a.due(), kNever);
  queue.run_due(kNoon + 3s);
  EXPECT_EQ(calls, "abc");
}

TEST(DeadlineQueue, ADeadlineHasOneTimeAndItIsMovedAtWill) {
  DeadlineQueue queue;
  int calls = 0;
  Deadline d(queue, [&] { ++calls; });
  d.set(kNoon + 1s);
  d.set(kNoon + 5s);
  EXPECT_EQ(queue.size(), 1U);
  queue.run_due(kNoon + 4s);
  EXPECT_EQ(calls, 0);
  d.set(kNoon + 2s);
  EXPECT_EQ(queue.earliest(), kNoon + 2s);
  d.set(kNever);
  EXPECT_EQ(queue.size(), 0U);
  queue.run_due(kNoon + 9s);
  EXPECT_EQ(calls, 0);
}

TEST(DeadlineQueue, DestroyingOneCancelsIt) {
  DeadlineQueue queue;
  int calls = 0;
  {
    Deadline d(queue, [&] { ++calls; });
    d.set(kNoon);
  }
  EXPECT_EQ(queue.size(), 0U);
  queue.run_due(kNoon);
  EXPECT_EQ(calls, 0);
}

// Else a handler that is always late would keep the loop from reading.
TEST(DeadlineQueue, OneThatIsSetAnewToThePastWaitsForTheNextCall) {
  DeadlineQueue queue;
  int calls = 0;
  std::unique_ptr<Deadline> d;
  d = std::make_unique<Deadline>(queue, [&] {
    ++calls;
    d->set(kNoon - 1s);
  });
  d->set(kNoon);
  queue.run_due(kNoon);
  EXPECT_EQ(calls, 1);
  queue.run_due(kNoon);
  EXPECT_EQ(calls, 2);
}

/// Two deadlines due in the same call, whose first handler does something to the second.
struct Pair {
  DeadlineQueue queue;
  std::string calls;
  std::function<void()> first_does;
  std::unique_ptr<Deadline> first = std::make_unique<Deadline>(queue, [this] {
    calls += '1';
    first_does();
  });
  std::unique_ptr<Deadline> second = std::make_unique<Deadline>(queue, [this] { calls += '2'; });

  void run() {
    first->set(kNoon);
    second->set(kNoon + 1ns);
    queue.run_due(kNoon + 1s);
  }
};

TEST(DeadlineQueue, AHandlerMayDestroyAnotherThatIsDueToo) {
  Pair pair;
  pair.first_does = [&] { pair.second.reset(); };
  pair.run();
  EXPECT_EQ(pair.calls, "1");
}

TEST(DeadlineQueue, AHandlerMayClearAnotherThatIsDueToo) {
  Pair pair;
  pair.first_does = [&] { pair.second->clear(); };
  pair.run();
  EXPECT_EQ(pair.calls, "1");
  EXPECT_EQ(pair.queue.size(), 0U);
  EXPECT_EQ(pair.second->due(), kNever);
}

TEST(DeadlineQueue, AHandlerMayMoveAnotherThatIsDueToo) {
  Pair pair;
  pair.first_does = [&] { pair.second->set(kNoon + 1h); };
  pair.run();
  EXPECT_EQ(pair.calls, "1");
  EXPECT_EQ(pair.queue.earliest(), kNoon + 1h);
  pair.queue.run_due(kNoon + 1h);
  EXPECT_EQ(pair.calls, "12");
}

TEST(DeadlineQueue, AHandlerMayMoveAndThenClearAnotherThatIsDueToo) {
  Pair pair;
  pair.first_does = [&] {
    pair.second->set(kNoon + 1h);
    pair.second->clear();
  };
  pair.run();
  EXPECT_EQ(pair.calls, "1");
  EXPECT_EQ(pair.queue.size(), 0U);
}

TEST(DeadlineQueue, AHandlerMayMakeNewOnesThatWaitForTheNextCall) {
  Pair pair;
  std::vector<std::unique_ptr<Deadline>> made;
  pair.first_does = [&] {
    for (int i = 0; i < 100; ++i) {
      made.push_back(std::make_unique<Deadline>(pair.queue, [&] { pair.calls += 'n'; }));
      made.back()->set(kNoon);
    }
  };
  pair.run();
  EXPECT_EQ(pair.calls, "12");
  pair.queue.run_due(kNoon);
  EXPECT_EQ(pair.calls.size(), 102U);
}

TEST(DeadlineQueue, ManyAtOneTimeAreAllCalled) {
  DeadlineQueue queue;
  int calls = 0;
  std::vector<std::unique_ptr<Deadline>> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(std::make_unique<Deadline>(queue, [&] { ++calls; }));
    many.back()->set(kNoon);
  }
  queue.run_due(kNoon);
  EXPECT_EQ(calls, 1000);
}

// --- against a model ---------------------------------------------------------------------------

/// The same deadlines as a plain list. Handlers, too, do something to any deadline but their own;
/// times are distinct, so that the order of calls is determined.
class ModelCheck {
 public:
  explicit ModelCheck(std::uint64_t seed) : entropy_(seed) {
    for (std::size_t i = 0; i < kCount; ++i) make(i);
  }

  void round() {
    for (std::size_t i = below(20); i > 0; --i) change(kCount);
    now_ += Duration(static_cast<Duration::rep>(below(3000)));
    for (std::size_t i = 0; i < kCount; ++i) {
      if (due_[i] && *due_[i] <= now_) running_.emplace(*due_[i], i);
    }
    queue_.run_due(now_);
    EXPECT_TRUE(running_.empty()) << running_.size() << " were not called";
    running_.clear();
    MonoTime earliest = kNever;
    for (const auto& due : due_) earliest = std::min(earliest, due.value_or(kNever));
    EXPECT_EQ(queue_.earliest(), earliest);
    EXPECT_EQ(queue_.size(), static_cast<std::size_t>(std::count_if(
                                 due_.begin(), due_.end(), [](const auto& d) { return !!d; })));
  }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  static constexpr std::size_t kCount = 40;

  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(entropy_.unit() * static_cast<double>(n));
  }
  void make(std::size_t i) {
    deadlines_[i] = std::make_unique<Deadline>(queue_, [this, i] { called(i); });
  }
  void called(std::size_t i) {
    ++calls_;
    ASSERT_FALSE(running_.empty()) << i << " was not due";
    EXPECT_EQ(running_.begin()->second, i) << "out of order, or not due";
    forget(i);
    if (below(3) == 0) set(i);
    for (std::size_t n = below(4); n > 0; --n) change(i);
  }
  /// Something happens to a random deadline; `but` is not destroyed.
  void change(std::size_t but) {
    const std::size_t i = below(kCount);
    switch (below(4)) {
      case 0:
        forget(i);
        deadlines_[i]->clear();
        return;
      case 1:
        if (i == but) return;
        forget(i);
        make(i);
        return;
      default: set(i);
    }
  }
  void set(std::size_t i) {
    forget(i);
    // In the past, too.
    due_[i] = now_ - 2us + Duration(static_cast<Duration::rep>(below(6000)));
    while (std::count(due_.begin(), due_.end(), due_[i]) > 1) *due_[i] += 1ns;
    deadlines_[i]->set(*due_[i]);
    EXPECT_EQ(deadlines_[i]->due(), *due_[i]);
  }
  void forget(std::size_t i) {
    due_[i].reset();
    std::erase_if(running_, [i](const auto& entry) { return entry.second == i; });
  }

  Entropy entropy_;
  DeadlineQueue queue_;
  MonoTime now_ = kNoon;
  std::array<std::unique_ptr<Deadline>, kCount> deadlines_;
  std::array<std::optional<MonoTime>, kCount> due_;
  std::set<std::pair<MonoTime, std::size_t>> running_;  ///< due in this call, not yet called
  int calls_ = 0;
};

TEST(DeadlineQueue, DoesWhatAPlainListWouldDo) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    ModelCheck check(seed);
    for (int round = 0; round < 200 && !testing::Test::HasFailure(); ++round) check.round();
    EXPECT_GT(check.calls(), 100);
  }
}

}  // namespace
}  // namespace relinkd::loop
