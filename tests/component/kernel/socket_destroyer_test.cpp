// SPDX-License-Identifier: Apache-2.0
#include "kernel/socket_destroyer.hpp"

#include <cerrno>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/sockets.hpp"
#include "tcp.hpp"

namespace relinkd::kernel {
namespace {

TcpSocket only_socket_to(const Address& remote) {
  auto sockets = SocketLister::open()->to(std::vector{remote});
  EXPECT_TRUE(sockets && sockets->size() == 1);
  return sockets->at(0);
}

bool exists(const TcpSocket& socket) { return SocketLister::open()->again(socket)->has_value(); }

/// What read(2) says: 0 for no error, or data.
int error_of(const loop::Fd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

class Destroyer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs CAP_NET_ADMIN";
    const auto possible = destroyer.probe();
    if (!possible && possible.error().code == EOPNOTSUPP) GTEST_SKIP() << possible.error().message;
    ASSERT_TRUE(possible) << possible.error().message;
  }

  SocketDestroyer destroyer = std::move(SocketDestroyer::open()).value();
};

TEST_F(Destroyer, EndsASocketOfEachFamilyAtOnceForBothSides) {
  const Server v4;
  const Server v6("::1");
  for (const auto& [remote, family] :
       {std::pair(v4.at("127.0.0.1"), AF_INET), std::pair(v4.at("127.0.0.2"), AF_INET6),
        std::pair(v6.at("::1"), AF_INET6)}) {
    const loop::Fd fd = connect_to(remote, family);
    const loop::Fd peer = (remote.port() == v6.port ? v6 : v4).accept();
    const auto destroyed = destroyer.destroy(only_socket_to(remote));
    ASSERT_TRUE(destroyed) << destroyed.error().message;
    await(fd, POLLIN);
    EXPECT_EQ(error_of(fd), ECONNABORTED);
    await(peer, POLLIN);
    EXPECT_EQ(error_of(peer), ECONNRESET);
  }
}

TEST_F(Destroyer, LeavesAllOthersAlone) {
  const Server server;
  const loop::Fd victim = connect_to(server.at("127.0.0.1"));
  const TcpSocket named = only_socket_to(server.at("127.0.0.1"));
  const auto others = connections(server.at("127.0.0.1"), 20);
  ASSERT_TRUE(destroyer.destroy(named));
  EXPECT_EQ(error_of(victim), ECONNABORTED);
  for (const loop::Fd& other : others) EXPECT_EQ(error_of(other), EAGAIN);
}

TEST_F(Destroyer, DestroysNothingByAStaleCookieOrAnotherTuple) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket named = only_socket_to(server.at("127.0.0.1"));
  std::vector<TcpSocket> others(4, named);
  others[0].cookie += 1;
  others[1].cookie = 0;
  // To the kernel this one means any.
  others[2].cookie = std::numeric_limits<std::uint64_t>::max();
  others[3].remote = server.at("127.0.0.2");
  for (const TcpSocket& other : others) {
    const auto destroyed = destroyer.destroy(other);
    ASSERT_FALSE(destroyed);
    EXPECT_EQ(destroyed.error().code, ENOENT);
    EXPECT_THAT(destroyed.error().message,
                ::testing::HasSubstr("there is no such TCP socket any more"));
  }
  EXPECT_EQ(error_of(fd), EAGAIN);
  EXPECT_TRUE(exists(named));
}

TEST_F(Destroyer, SaysThatTheSocketIsGoneTheSecondTime) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket named = only_socket_to(server.at("127.0.0.1"));
  ASSERT_TRUE(destroyer.destroy(named));
  const auto twice = destroyer.destroy(named);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ENOENT);
  EXPECT_FALSE(exists(named));
}

/// Ends this process: 0 if neither the probe nor an order is allowed, and the socket lives on.
[[noreturn]] void expect_refusals(const TcpSocket& socket) {
  auto destroyer = SocketDestroyer::open();
  const auto possible = destroyer->probe();
  const auto destroyed = destroyer->destroy(socket);
  if (possible || destroyed) _exit(1);
  (void)std::fputs(possible.error().message.c_str(), stderr);
  const bool refused = possible.error().code == EPERM && destroyed.error().code == EPERM;
  _exit(refused && exists(socket) ? 0 : 2);
}

constexpr const char* kNeeded = "needs CAP_NET_ADMIN in their network namespace";

TEST_F(Destroyer, NeedsTheCapability) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket named = only_socket_to(server.at("127.0.0.1"));
  EXPECT_EXIT(
      {
        if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(3);
        expect_refusals(named);
      },
      ::testing::ExitedWithCode(0), kNeeded);
}

TEST_F(Destroyer, NeedsTheCapabilityInTheNamespaceOfTheSockets) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP()
      << "a process with several threads, as this sanitizer makes it, gets no user namespace";
#endif
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket named = only_socket_to(server.at("127.0.0.1"));
  EXPECT_EXIT(
      {
        // There it has all capabilities, but not over this network.
        if (unshare(CLONE_NEWUSER) != 0) _exit(3);
        expect_refusals(named);
      },
      ::testing::ExitedWithCode(0), kNeeded);
}

}  // namespace
}  // namespace relinkd::kernel
