// SPDX-License-Identifier: Apache-2.0
// A real event loop: descriptors, deadlines, signals and how late it came.
#include "loop/loop.hpp"

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loop/fd.hpp"
#include "support/loop_test.hpp"

namespace relinkd {
namespace {

using loop::Deadline;
using loop::FdWatch;
using loop::Loop;

/// A pipe that can be made readable.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    read_ = loop::Fd(ends[0]);
    write_ = loop::Fd(ends[1]);
  }
  [[nodiscard]] int fd() const { return read_.get(); }
  [[nodiscard]] int write_end() const { return write_.get(); }
  void fill() const { EXPECT_EQ(::write(write_.get(), "x", 1), 1); }
  void drain() const {
    char c = 0;
    EXPECT_EQ(::read(read_.get(), &c, 1), 1);
  }
  void close_write_end() { write_ = loop::Fd(); }

 private:
  loop::Fd read_;
  loop::Fd write_;
};

void block_for(Duration time) {
  const MonoTime until = Loop::clock() + time;
  while (Loop::clock() < until) {
  }
}

class LoopComponent : public testing::LoopTest {
 protected:
  /// Calls `f` at the end of this turn, of the next one and so on, `turns` times.
  void for_turns(int turns, const std::function<void()>& f) {
    if (turns == 0) return;
    ticks_.push_back(std::make_unique<Deadline>(loop().deadlines(), [this, turns, f] {
      f();
      for_turns(turns - 1, f);
    }));
    ticks_.back()->set(Loop::clock());
  }

 private:
  std::vector<std::unique_ptr<Deadline>> ticks_;
};

// --- descriptors -------------------------------------------------------------------------------

TEST_F(LoopComponent, ServesADescriptorAsLongAsItIsReady) {
  const Pipe pipe;
  pipe.fill();
  pipe.fill();
  pipe.fill();
  int calls = 0;
  FdWatch watch(loop(), pipe.fd(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events, EPOLLIN);
    pipe.drain();
    if (++calls == 3) done();
  });
  run();
  EXPECT_EQ(calls, 3) << "level-triggered";
}

TEST_F(LoopComponent, TellsOfAHangupUnasked) {
  Pipe pipe;
  pipe.close_write_end();
  FdWatch watch(loop(), pipe.fd(), 0, [&](std::uint32_t events) {
    EXPECT_NE(events & EPOLLHUP, 0U);
    done();
  });
  run();
}

TEST_F(LoopComponent, ServesOnlyWhatIsWanted) {
  const Pipe pipe;
  int writable = 0;
  FdWatch watch(loop(), pipe.write_end(), 0, [&](std::uint32_t events) {
    EXPECT_EQ(events, EPOLLOUT);
    ++writable;
    done();
  });
  int turns = 0;
  for_turns(5, [&] {
    EXPECT_EQ(writable, 0);
    if (++turns == 5) watch.want(EPOLLOUT);
  });
  run();
  EXPECT_EQ(writable, 1);
}

TEST_F(LoopComponent, AHandlerMayDestroyAnotherWatchThatIsReadyToo) {
  const Pipe a;
  const Pipe b;
  a.fill();
  b.fill();
  int calls = 0;
  std::unique_ptr<FdWatch> watch_a;
  std::unique_ptr<FdWatch> watch_b;
  watch_a = std::make_unique<FdWatch>(loop(), a.fd(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    a.drain();
    watch_b.reset();
  });
  watch_b = std::make_unique<FdWatch>(loop(), b.fd(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    b.drain();
    watch_a.reset();
  });
  int turns = 0;
  for_turns(10, [&] {
    if (++turns == 10) done();
  });
  run();
  EXPECT_EQ(calls, 1) << "both were in one batch; the first ended the other";
}

// The new watch takes the place of the destroyed one within the same batch.
TEST_F(LoopComponent, AnEventForADestroyedWatchIsNotGivenToItsSuccessor) {
  const Pipe a;
  const Pipe b;
  const Pipe quiet;
  a.fill();
  b.fill();
  int served = 0;
  int successor_calls = 0;
  std::unique_ptr<FdWatch> watch_a;
  std::unique_ptr<FdWatch> watch_b;
  std::unique_ptr<FdWatch> successor;
  const auto replace = [&](std::unique_ptr<FdWatch>& other) {
    ++served;
    other.reset();
    successor = std::make_unique<FdWatch>(loop(), quiet.fd(), EPOLLIN,
                                          [&](std::uint32_t) { ++successor_calls; });
  };
  watch_a = std::make_unique<FdWatch>(loop(), a.fd(), EPOLLIN, [&](std::uint32_t) {
    a.drain();
    replace(watch_b);
  });
  watch_b = std::make_unique<FdWatch>(loop(), b.fd(), EPOLLIN, [&](std::uint32_t) {
    b.drain();
    replace(watch_a);
  });
  int turns = 0;
  for_turns(10, [&] {
    if (++turns == 10) done();
  });
  run();
  EXPECT_EQ(served, 1);
  EXPECT_EQ(successor_calls, 0);
}

TEST_F(LoopComponent, AHandlerMayStopItsOwnWatch) {
  const Pipe pipe;
  pipe.fill();
  int calls = 0;
  std::unique_ptr<FdWatch> watch;
  watch = std::make_unique<FdWatch>(loop(), pipe.fd(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    watch->stop();
    watch->stop();
    watch->want(EPOLLIN | EPOLLOUT);
  });
  int turns = 0;
  for_turns(10, [&] {
    if (++turns == 10) done();
  });
  run();
  EXPECT_EQ(calls, 1) << "it is still readable";
}

TEST_F(LoopComponent, AnObjectIsRetiredFromWithinItsOwnHandler) {
  struct Connection {
    Connection(Loop& loop, bool& gone, std::function<void()> handler)
        : gone_(gone),
          watch(loop, pipe.fd(), EPOLLIN, [f = std::move(handler)](std::uint32_t) { f(); }) {}
    ~Connection() { gone_ = true; }
    bool& gone_;
    Pipe pipe;
    FdWatch watch;
  };
  bool gone = false;
  int calls = 0;
  std::unique_ptr<Connection> connection;
  connection = std::make_unique<Connection>(loop(), gone, [&] {
    ++calls;
    connection->watch.stop();
    loop().retire(std::move(connection));
    EXPECT_FALSE(gone) << "not within the call";
  });
  connection->pipe.fill();
  int turns = 0;
  for_turns(5, [&] {
    if (++turns == 5) done();
  });
  run();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(gone);
}

TEST_F(LoopComponent, ServesTwoThousandDescriptorsThatAreReadyTogether) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 4200) {
    GTEST_SKIP() << "this process may open only " << limit.rlim_cur << " descriptors";
  }
  constexpr std::size_t kPipes = 2000;
  std::vector<Pipe> pipes(kPipes);
  std::vector<std::unique_ptr<FdWatch>> watches;
  std::vector<int> calls(kPipes, 0);
  std::size_t open = kPipes;
  for (std::size_t i = 0; i < kPipes; ++i) {
    watches.push_back(
        std::make_unique<FdWatch>(loop(), pipes[i].fd(), EPOLLIN, [&, i](std::uint32_t) {
          pipes[i].drain();
          ++calls[i];
          if (calls[i] < 3) {
            pipes[i].fill();
          } else if (--open == 0) {
            done();
          }
        }));
    pipes[i].fill();
  }
  run();
  for (const int n : calls) EXPECT_EQ(n, 3);
}

// --- deadlines ---------------------------------------------------------------------------------

TEST_F(LoopComponent, ADeadlineNeverComesEarly) {
  const MonoTime due = Loop::clock() + 30ms;
  Deadline deadline(loop().deadlines(), [&] {
    EXPECT_GE(Loop::clock(), due);
    EXPECT_GE(loop().now().at, due);
    done();
  });
  deadline.set(due);
  run();
}

TEST_F(LoopComponent, AnEarlierDeadlineSetLaterIsKept) {
  std::string calls;
  Deadline late(loop().deadlines(), [&] { ADD_FAILURE() << "an hour has not passed"; });
  late.set(Loop::clock() + 1h);
  Deadline second(loop().deadlines(), [&] {
    calls += '2';
    done();
  });
  Deadline first(loop().deadlines(), [&] {
    calls += '1';
    second.set(Loop::clock() + 1ms);
  });
  first.set(Loop::clock() + 1ms);
  run();
  EXPECT_EQ(calls, "12");
}

// What has arrived by now is heard before silence counts.
TEST_F(LoopComponent, ReadsBeforeItCallsDeadlinesOfTheSameTurn) {
  const Pipe pipe;
  std::string calls;
  Deadline deadline(loop().deadlines(), [&] { calls += 'd'; });
  FdWatch watch(loop(), pipe.fd(), EPOLLIN, [&](std::uint32_t) {
    calls += 'r';
    pipe.drain();
  });
  Deadline blocker(loop().deadlines(), [&] {
    deadline.set(Loop::clock() + 1ms);
    block_for(5ms);
    pipe.fill();
    loop().later([&] { EXPECT_EQ(calls, ""); });
  });
  blocker.set(Loop::clock());
  Deadline end(loop().deadlines(), [&] { done(); });
  end.set(Loop::clock() + 100ms);
  run();
  EXPECT_EQ(calls, "rd");
}

// --- the end of a turn -------------------------------------------------------------------------

TEST_F(LoopComponent, LaterComesAfterEveryHandlerOfTheTurn) {
  const Pipe a;
  const Pipe b;
  a.fill();
  b.fill();
  std::string calls;
  const auto handler = [&](const Pipe& pipe) {
    return [&](std::uint32_t) {
      pipe.drain();
      calls += 'r';
      loop().later([&] { calls += 'l'; });
    };
  };
  FdWatch watch_a(loop(), a.fd(), EPOLLIN, handler(a));
  FdWatch watch_b(loop(), b.fd(), EPOLLIN, handler(b));
  Deadline end(loop().deadlines(), [&] { done(); });
  end.set(Loop::clock() + 50ms);
  run();
  EXPECT_EQ(calls, "rrll");
}

TEST_F(LoopComponent, LaterFromWithinLaterBelongsToTheSameTurn) {
  std::string calls;
  Deadline deadline(loop().deadlines(), [&] {
    loop().later([&] {
      calls += '1';
      loop().later([&] { calls += '2'; });
    });
  });
  deadline.set(Loop::clock());
  for_turns(2, [&] {
    if (calls == "12") done();
  });
  run();
  EXPECT_EQ(calls, "12");
}

TEST_F(LoopComponent, LaterFromOutsideComesWithTheNextTurn) {
  loop().later([&] { done(); });
  run();
}

// --- how late it came --------------------------------------------------------------------------

TEST_F(LoopComponent, ReportsHowLateATurnCameAfterAHandlerBlocked) {
  Duration lag{};
  Deadline victim(loop().deadlines(), [&] {
    lag = loop().now().lag;
    done();
  });
  Deadline blocker(loop().deadlines(), [&] {
    victim.set(Loop::clock() + 1ms);
    block_for(150ms);
  });
  blocker.set(Loop::clock());
  run();
  EXPECT_GE(lag, 149ms);
}

TEST_F(LoopComponent, DescriptorsOfALateTurnAreToldOfTheLagToo) {
  const Pipe pipe;
  Duration lag{};
  FdWatch watch(loop(), pipe.fd(), EPOLLIN, [&](std::uint32_t) {
    pipe.drain();
    lag = loop().now().lag;
    done();
  });
  Deadline overdue(loop().deadlines(), [] {});
  Deadline blocker(loop().deadlines(), [&] {
    overdue.set(Loop::clock() + 1ms);
    pipe.fill();
    block_for(150ms);
  });
  blocker.set(Loop::clock());
  run();
  EXPECT_GE(lag, 149ms);
}

TEST_F(LoopComponent, ALateTurnIsOverWithItsEnd) {
  std::vector<Duration> lags;
  Deadline next(loop().deadlines(), [&] {
    lags.push_back(loop().now().lag);
    done();
  });
  Deadline victim(loop().deadlines(), [&] {
    lags.push_back(loop().now().lag);
    next.set(Loop::clock() + 20ms);
  });
  Deadline blocker(loop().deadlines(), [&] {
    victim.set(Loop::clock() + 1ms);
    block_for(500ms);
  });
  blocker.set(Loop::clock());
  run();
  ASSERT_EQ(lags.size(), 2U);
  EXPECT_GE(lags[0], 499ms);
  EXPECT_LT(lags[1], 499ms) << "it is counted anew";
}

// --- signals -----------------------------------------------------------------------------------

TEST_F(LoopComponent, CallsTheHandlerOfASignal) {
  int calls = 0;
  ASSERT_TRUE(loop().on_signal(SIGUSR1, [&] {
    ++calls;
    done();
  }));
  Deadline deadline(loop().deadlines(), [] { (void)::raise(SIGUSR1); });
  deadline.set(Loop::clock());
  run();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopComponent, ASignalsHandlerMayAskForLater) {
  ASSERT_TRUE(loop().on_signal(SIGUSR1, [&] { loop().later([&] { done(); }); }));
  Deadline deadline(loop().deadlines(), [] { (void)::raise(SIGUSR1); });
  deadline.set(Loop::clock());
  run();
}

TEST_F(LoopComponent, ADeadlineThatASignalsHandlerSetsIsKept) {
  const MonoTime begin = Loop::clock();
  Deadline deadline(loop().deadlines(), [&] { done(); });
  ASSERT_TRUE(loop().on_signal(SIGUSR1, [&] { deadline.set(Loop::clock() + 1ms); }));
  Deadline kick(loop().deadlines(), [] { (void)::raise(SIGUSR1); });
  kick.set(Loop::clock());
  run(10s);
  EXPECT_LT(Loop::clock() - begin, 9s) << "not only when something else wakes the loop";
}

TEST_F(LoopComponent, ASignalThatCannotBeCaughtIsAnError) {
  EXPECT_FALSE(loop().on_signal(SIGKILL, [] {}));
  EXPECT_FALSE(loop().on_signal(-1, [] {}));
}

TEST_F(LoopComponent, ReturnsTheCodeItIsToldToExitWith) {
  Deadline deadline(loop().deadlines(), [&] { loop().exit(3); });
  deadline.set(Loop::clock());
  const auto result = loop().run();
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 3);
}

}  // namespace
}  // namespace relinkd
