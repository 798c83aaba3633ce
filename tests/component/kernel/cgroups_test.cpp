// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroups.hpp"

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/processes.hpp"
#include "kernel/sockets.hpp"
#include "own_cgroup.hpp"
#include "support/process.hpp"
#include "tcp.hpp"

namespace relinkd::kernel {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CgroupTree : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes cgroups";
    auto opened = Cgroups::open();
    ASSERT_TRUE(opened) << opened.error().message;
    cgroups.emplace(*std::move(opened));
    own.emplace(cgroups->mount(), "");
  }

  static std::uint64_t id_of(const OwnCgroup& cgroup) {
    struct stat status {};
    EXPECT_EQ(stat(cgroup.folder().c_str(), &status), 0);
    return status.st_ino;
  }

  std::optional<Cgroups> cgroups;
  std::optional<OwnCgroup> own;
  MonoTime now{1h};
};

TEST_F(CgroupTree, TheKernelTellsTheCgroupInWhichASocketWasMade) {
  const OwnCgroup service(cgroups->mount(), own->path() + "/checkout.service");
  const Server server;
  const Address remote = server.at("127.0.0.1");
  const testing::ChildProcess app([&] {
    service.enter();
    const loop::Fd fd = connect_to(remote);
    pause();
  });
  server.await_waiting_connection();
  // The socket is connected: its cgroup was set when it was made.
  const auto sockets = SocketLister::open()->to(std::vector{remote});
  ASSERT_TRUE(sockets && sockets->size() == 1);
  EXPECT_EQ(sockets->front().cgroup, id_of(service));
  EXPECT_EQ(cgroups->path(sockets->front().cgroup, now), own->path() + "/checkout.service");
  EXPECT_EQ(process_facts(app.pid())->cgroup, own->path() + "/checkout.service");
}

TEST_F(CgroupTree, ASocketStaysWhereItWasMade) {
  const OwnCgroup first(cgroups->mount(), own->path() + "/first");
  const OwnCgroup second(cgroups->mount(), own->path() + "/second");
  const Server server;
  const Address remote = server.at("127.0.0.1");
  const testing::ChildProcess app([&] {
    first.enter();
    const loop::Fd fd = connect_to(remote);
    second.enter();
    const loop::Fd told = connect_to(remote);
    pause();
  });
  const loop::Fd one = server.accept();
  const loop::Fd two = server.accept();
  const auto sockets = SocketLister::open()->to(std::vector{remote});
  ASSERT_TRUE(sockets && sockets->size() == 2);
  std::vector<std::string> paths;
  for (const TcpSocket& socket : *sockets) paths.push_back(*cgroups->path(socket.cgroup, now));
  EXPECT_THAT(paths, UnorderedElementsAre(first.path(), second.path()));
}

TEST_F(CgroupTree, TheRootIsASlash) {
  struct stat status {};
  ASSERT_EQ(stat(cgroups->mount().c_str(), &status), 0);
  EXPECT_EQ(cgroups->path(status.st_ino, now), "/");
}

TEST_F(CgroupTree, IsReadAgainForAnUnknownIdAtMostOnceASecond) {
  ASSERT_EQ(cgroups->path(id_of(*own), now), own->path());
  const OwnCgroup later(cgroups->mount(), own->path() + "/later");
  EXPECT_EQ(cgroups->path(id_of(later), now + Cgroups::kReread / 2), std::nullopt);
  EXPECT_EQ(cgroups->path(id_of(later), now + Cgroups::kReread), later.path());
}

TEST_F(CgroupTree, ACgroupThatIsGoneIsRememberedForAWhile) {
  std::uint64_t id = 0;
  std::string path;
  {
    const OwnCgroup passing(cgroups->mount(), own->path() + "/passing");
    id = id_of(passing);
    path = passing.path();
    ASSERT_EQ(cgroups->path(id, now), path);
  }
  // It is found out with the next reading, which an unknown id brings about.
  const auto read_anew = [&] {
    const OwnCgroup fresh(cgroups->mount(), own->path() + "/fresh");
    EXPECT_EQ(cgroups->path(id_of(fresh), now), fresh.path());
  };
  now += 1h;
  read_anew();
  now += Cgroups::kKeep - 1s;
  read_anew();
  EXPECT_EQ(cgroups->path(id, now), path);
  now += 2s;
  read_anew();
  EXPECT_EQ(cgroups->path(id, now), std::nullopt);
}

TEST_F(CgroupTree, AnIdThatNobodyHasIsNotLookedForAgain) {
  std::uint64_t id = 0;
  {
    const OwnCgroup passing(cgroups->mount(), own->path() + "/passing");
    id = id_of(passing);
  }
  EXPECT_EQ(cgroups->path(id, now), std::nullopt);
  const OwnCgroup fresh(cgroups->mount(), own->path() + "/fresh");
  now += Cgroups::kReread;
  EXPECT_EQ(cgroups->path(id, now), std::nullopt);
  // Had the tree been read for it, this one would have to wait.
  EXPECT_EQ(cgroups->path(id_of(fresh), now + 1ms), fresh.path());
}

TEST_F(CgroupTree, AllUnknownIdsOfOneMomentTakeOneReading) {
  const OwnCgroup one(cgroups->mount(), own->path() + "/one");
  const OwnCgroup two(cgroups->mount(), own->path() + "/two");
  EXPECT_EQ(cgroups->path(id_of(one), now), one.path());
  EXPECT_EQ(cgroups->path(id_of(two), now), two.path());
  const OwnCgroup unread(cgroups->mount(), own->path() + "/unread");
  EXPECT_EQ(cgroups->path(id_of(unread), now), std::nullopt);
}

TEST_F(CgroupTree, IsReadWithoutPrivilege) {
  const OwnCgroup deep(cgroups->mount(), own->path() + "/deep");
  const OwnCgroup deeper(cgroups->mount(), deep.path() + "/deeper with a space");
  const std::uint64_t id = id_of(deeper);
  ASSERT_EQ(seteuid(65534), 0);
  auto unprivileged = Cgroups::open();
  const auto path = unprivileged->path(id, now);
  const auto pids = pids_of(unprivileged->mount(), deep.path());
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(path, deeper.path());
  ASSERT_TRUE(pids) << pids.error().message;
  EXPECT_THAT(*pids, IsEmpty());
}

/// The mounts of this process become its own, and the tree is covered wherever it is mounted.
/// Ends the process where that fails.
void cover_cgroup2() {
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    _exit(3);
  }
  for (auto there = Cgroups::open(); there; there = Cgroups::open()) {
    if (mount("none", there->mount().c_str(), "tmpfs", 0, nullptr) != 0) _exit(4);
  }
}

TEST_F(CgroupTree, IsFoundWhereverItIsMounted) {
  const testing::TemporaryFolder folder;
  const std::string elsewhere = folder.file("my cgroups");
  ASSERT_EQ(mkdir(elsewhere.c_str(), 0755), 0);
  EXPECT_EXIT(
      {
        cover_cgroup2();
        if (mount("none", elsewhere.c_str(), "cgroup2", 0, nullptr) != 0) _exit(5);
        const auto opened = Cgroups::open();
        _exit(opened && opened->mount() == elsewhere ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(CgroupTree, OfWhichOnlyAPartIsMountedIsAnError) {
  const testing::TemporaryFolder folder;
  const std::string part = own->folder();
  EXPECT_EXIT(
      {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount(part.c_str(), folder.path().c_str(), nullptr, MS_BIND, nullptr) != 0 ||
            umount2(cgroups->mount().c_str(), MNT_DETACH) != 0) {
          _exit(3);
        }
        const auto opened = Cgroups::open();
        if (!opened) (void)std::fputs(opened.error().message.c_str(), stderr);
        _exit(opened ? 1 : 0);
      },
      ::testing::ExitedWithCode(0),
      "the cgroup2 filesystem at " + folder.path() + " shows only the cgroups below " +
          own->path());
}

TEST_F(CgroupTree, TheProcessesOfACgroupAreThoseBelowItToo) {
  const OwnCgroup service(cgroups->mount(), own->path() + "/checkout.service");
  const OwnCgroup worker(cgroups->mount(), service.path() + "/worker");
  const OwnCgroup other(cgroups->mount(), own->path() + "/checkout.service-2");
  const testing::ChildProcess first([] { pause(); });
  const testing::ChildProcess second([] { pause(); });
  const testing::ChildProcess stranger([] { pause(); });
  service.put(first.pid());
  worker.put(second.pid());
  other.put(stranger.pid());
  EXPECT_THAT(*pids_of(cgroups->mount(), service.path()),
              UnorderedElementsAre(first.pid(), second.pid()));
  EXPECT_THAT(*pids_of(cgroups->mount(), worker.path()), ElementsAre(second.pid()));
  EXPECT_EQ(pids_of(cgroups->mount(), service.path(), 1)->size(), 1U);
  EXPECT_THAT(*pids_of(cgroups->mount(), "/"), Contains(getpid()));
}

TEST_F(CgroupTree, ACgroupThatDoesNotExistHasNoProcessesButAnError) {
  const auto none = pids_of(cgroups->mount(), own->path() + "/none");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ENOENT);
  for (const std::string path : {"/..", "/../../proc", "/a/../..", "", "relative"}) {
    const auto outside = pids_of(cgroups->mount(), path);
    ASSERT_FALSE(outside) << path;
    EXPECT_EQ(outside.error().code, EINVAL);
  }
}

}  // namespace
}  // namespace relinkd::kernel
