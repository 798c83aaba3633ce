// SPDX-License-Identifier: Apache-2.0
#include "kernel/processes.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "kernel/cgroups.hpp"
#include "own_cgroup.hpp"
#include "support/process.hpp"

namespace relinkd::kernel {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// A process that has come as far as `prepare` when the constructor returns; then it waits for
/// signals, of which it catches SIGUSR1, and writes "1" for each.
class App {
 public:
  template <typename Prepare>
  explicit App(Prepare prepare)
      : ends_(make_pipe()), process_([&] {
          prepare();
          // NOLINTBEGIN(concurrency-mt-unsafe): one thread
          struct sigaction caught {};
          caught.sa_handler = [](int) { signals = signals + 1; };
          sigaction(SIGUSR1, &caught, nullptr);
          sigset_t blocked;
          sigset_t before;
          sigemptyset(&blocked);
          sigaddset(&blocked, SIGUSR1);
          sigprocmask(SIG_BLOCK, &blocked, &before);
          for (;;) {
            if (write(ends_[1], "1", 1) != 1) _exit(1);
            sigsuspend(&before);
          }
          // NOLINTEND(concurrency-mt-unsafe)
        }) {
    await_byte();
  }
  App() : App([] {}) {}
  App(const App&) = delete;
  App& operator=(const App&) = delete;
  App(App&&) = delete;
  App& operator=(App&&) = delete;
  ~App() {
    close(ends_[0]);
    close(ends_[1]);
  }

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  void await_byte() const {
    pollfd waiting{ends_[0], POLLIN, 0};
    char byte = 0;
    if (poll(&waiting, 1, 10'000) != 1 || read(ends_[0], &byte, 1) != 1) {
      throw std::runtime_error("waited 10 s for a process");
    }
  }
  [[nodiscard]] bool has_byte() const {
    pollfd waiting{ends_[0], POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
  }

 private:
  static std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    return ends;
  }
  static inline volatile sig_atomic_t signals = 0;
  std::array<int, 2> ends_;
  testing::ChildProcess process_;
};

/// A pid that no process has any more.
pid_t ended() {
  return testing::ChildProcess([] { pause(); }).pid();
}

void become_nobody() {
  if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(3);
}

TEST(ProcessFacts, TellTheEffectiveUserAndTheCaughtSignals) {
  const App app;
  const auto facts = process_facts(app.pid());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->uid, geteuid());
  EXPECT_TRUE(facts->catches(SIGUSR1));
  EXPECT_FALSE(facts->catches(SIGUSR2));
  for (const int none : {-1, 0, 65, 1000}) EXPECT_FALSE(facts->catches(none));
}

TEST(ProcessFacts, OfAProcessThatTookAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it becomes another user";
  const App app([] {
    if (seteuid(65534) != 0) _exit(1);
  });
  EXPECT_EQ(process_facts(app.pid())->uid, 65534U);
}

TEST(ProcessFacts, NeedNoPrivilege) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it becomes another user";
  const App app;
  EXPECT_EXIT(
      {
        become_nobody();
        const auto facts = process_facts(app.pid());
        _exit(facts && facts->uid == 0 && facts->catches(SIGUSR1) ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ProcessFacts, OfAProcessThatEndedAreNone) {
  EXPECT_FALSE(process_facts(ended()));
  EXPECT_FALSE(process_facts(0));
  EXPECT_FALSE(process_facts(-1));
}

TEST(AllPids, HaveThisProcessAndItsChildren) {
  const App app;
  const auto pids = all_pids();
  ASSERT_TRUE(pids) << pids.error().message;
  EXPECT_THAT(*pids, Contains(getpid()));
  EXPECT_THAT(*pids, Contains(app.pid()));
}

TEST(OtherNetns, IsToldWithoutPrivilegeEvenOfRootsProcesses) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes a network namespace";
  const App here;
  const App elsewhere([] {
    if (unshare(CLONE_NEWNET) != 0) _exit(1);
  });
  EXPECT_EXIT(
      {
        become_nobody();
        // What would be the plain way is closed.
        char byte = 0;
        const std::string plain = "/proc/" + std::to_string(elsewhere.pid()) + "/ns/net";
        if (readlink(plain.c_str(), &byte, 1) >= 0) _exit(4);
        _exit(in_other_netns(here.pid()) == false && in_other_netns(elsewhere.pid()) == true ? 0
                                                                                             : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(OtherNetns, IsSeenFromWithinToo) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes a network namespace";
  const App outside;
  EXPECT_EXIT(
      {
        if (unshare(CLONE_NEWNET) != 0) _exit(3);
        const testing::ChildProcess beside([] { pause(); });
        const bool right =
            in_other_netns(outside.pid()) == true && in_other_netns(beside.pid()) == false;
        _exit(right ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(OtherNetns, IsFollowedWhenAProcessMoves) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes a network namespace";
  std::array<int, 2> go{};
  ASSERT_EQ(pipe(go.data()), 0);
  std::array<int, 2> gone{};
  ASSERT_EQ(pipe(gone.data()), 0);
  char byte = 0;
  const testing::ChildProcess mover([&] {
    if (read(go[0], &byte, 1) != 1 || unshare(CLONE_NEWNET) != 0) _exit(1);
    if (write(gone[1], "1", 1) != 1) _exit(1);
    pause();
  });
  EXPECT_EQ(in_other_netns(mover.pid()), false);
  ASSERT_EQ(write(go[1], "1", 1), 1);
  ASSERT_EQ(read(gone[0], &byte, 1), 1);
  EXPECT_EQ(in_other_netns(mover.pid()), true);
  for (const int fd : {go[0], go[1], gone[0], gone[1]}) close(fd);
}

TEST(OtherNetns, OfAProcessThatEndedIsNotKnown) {
  EXPECT_EQ(in_other_netns(ended()), std::nullopt);
}

class Signal : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes cgroups";
    const auto cgroups = Cgroups::open();
    ASSERT_TRUE(cgroups) << cgroups.error().message;
    service.emplace(cgroups->mount(), "");
    worker.emplace(cgroups->mount(), service->path() + "/worker");
  }
  void TearDown() override {
    worker.reset();
    service.reset();
  }

  std::optional<OwnCgroup> service, worker;
};

TEST_F(Signal, ReachesAProcessOfTheCgroupOrBelowThatCatchesIt) {
  const App in_it([&] { service->enter(); });
  const App below([&] { worker->enter(); });
  for (const App* app : {&in_it, &below}) {
    const auto sent = signal_process(app->pid(), service->path(), SIGUSR1);
    ASSERT_TRUE(sent) << sent.error().message;
    app->await_byte();
  }
}

TEST_F(Signal, IsNotSentToAProcessThatItWouldKill) {
  const App app([&] { service->enter(); });
  const auto sent = signal_process(app.pid(), service->path(), SIGHUP);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, EOPNOTSUPP);
  EXPECT_THAT(sent.error().message, HasSubstr("does not catch signal 1"));
  ASSERT_TRUE(signal_process(app.pid(), service->path(), SIGUSR1));
  app.await_byte();
}

TEST_F(Signal, IsNotSentToAProcessOfAnotherCgroup) {
  const App app([&] { service->enter(); });
  for (const std::string& other :
       {worker->path(), service->path() + "x", service->path().substr(0, 9), std::string("")}) {
    const auto sent = signal_process(app.pid(), other, SIGUSR1);
    ASSERT_FALSE(sent) << other;
    EXPECT_EQ(sent.error().code, ESRCH);
  }
  EXPECT_FALSE(app.has_byte());
  EXPECT_TRUE(signal_process(app.pid(), "/", SIGUSR1)) << "all are below the root";
}

TEST_F(Signal, IsNotSentToAProcessThatEnded) {
  const auto sent = signal_process(ended(), service->path(), SIGUSR1);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ESRCH);
  // These would mean groups of processes to kill(2).
  for (const pid_t group : {0, -1}) EXPECT_FALSE(signal_process(group, service->path(), SIGUSR1));
}

}  // namespace
}  // namespace relinkd::kernel
