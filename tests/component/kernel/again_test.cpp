// SPDX-License-Identifier: Apache-2.0
// One socket looked at again and again, and what is known of its traffic.
#include <cerrno>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/sockets.hpp"
#include "tcp.hpp"

namespace relinkd::kernel {
namespace {

class Again : public ::testing::Test {
 protected:
  /// The only socket to `remote`.
  TcpSocket first(const Address& remote) {
    const auto sockets = lister.to(std::vector{remote});
    EXPECT_TRUE(sockets && sockets->size() == 1);
    return sockets->at(0);
  }
  std::optional<TcpSocket> again(const TcpSocket& socket) {
    auto found = lister.again(socket);
    EXPECT_TRUE(found) << found.error().message;
    return *std::move(found);
  }

  SocketLister lister = std::move(SocketLister::open()).value();
};

void send_bytes(const loop::Fd& fd, std::size_t count) {
  ASSERT_EQ(::send(fd.get(), std::string(count, 'x').data(), count, MSG_NOSIGNAL),
            static_cast<ssize_t>(count));
}

TEST_F(Again, FindsTheSocketOfEachFamilyAsTheListTellsIt) {
  const Server v4;
  const Server v6("::1");
  const loop::Fd plain = connect_to(v4.at("127.0.0.1"));
  const loop::Fd mapped = connect_to(v4.at("127.0.0.2"), AF_INET6);
  const loop::Fd whole = connect_to(v6.at("::1"));
  for (const Address& remote : {v4.at("127.0.0.1"), v4.at("127.0.0.2"), v6.at("::1")}) {
    const TcpSocket listed = first(remote);
    const auto found = again(listed);
    ASSERT_TRUE(found) << remote.to_string();
    EXPECT_EQ(found->local, listed.local);
    EXPECT_EQ(found->remote, listed.remote);
    EXPECT_EQ(found->v6, listed.v6);
    EXPECT_EQ(found->state, listed.state);
    EXPECT_EQ(found->uid, listed.uid);
    EXPECT_EQ(found->inode, listed.inode);
    EXPECT_EQ(found->cookie, listed.cookie);
    EXPECT_EQ(found->interface, listed.interface);
    EXPECT_EQ(found->cgroup, listed.cgroup);
    EXPECT_EQ(found->facts.rto, listed.facts.rto);
  }
  EXPECT_TRUE(first(v4.at("127.0.0.2")).v6);
  EXPECT_TRUE(first(v6.at("::1")).v6);
  EXPECT_FALSE(first(v4.at("127.0.0.1")).v6);
}

TEST_F(Again, TakesAnotherCookieAnotherPortOrAnotherAddressForAnotherSocket) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const loop::Fd mapped = connect_to(server.at("127.0.0.2"), AF_INET6);
  for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
    const TcpSocket listed = first(server.at(address));
    std::vector<TcpSocket> others(5, listed);
    others[0].cookie += 1;
    others[1].local = listed.local.with_port(static_cast<std::uint16_t>(listed.local.port() + 1));
    others[2].remote = server.at("127.0.0.9");
    others[3].cookie = 0;
    // To the kernel this one means any.
    others[4].cookie = std::numeric_limits<std::uint64_t>::max();
    for (const TcpSocket& other : others) EXPECT_FALSE(again(other));
    EXPECT_TRUE(again(listed));
  }
}

TEST_F(Again, FindsASocketThatIsBoundToAnInterface) {
  if (geteuid() != 0) GTEST_SKIP() << "older kernels let only root bind to an interface";
  const Server server;
  const loop::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
  const SocketAddress to(AF_INET, server.at("127.0.0.1"));
  ASSERT_EQ(connect(fd.get(), to.get(), to.size), 0);
  TcpSocket listed = first(server.at("127.0.0.1"));
  EXPECT_EQ(listed.interface, if_nametoindex("lo"));
  EXPECT_TRUE(again(listed));
  listed.interface = 0;
  EXPECT_FALSE(again(listed)) << "so it has to be repeated";
}

TEST_F(Again, SeesTheNextState) {
  const Server server;
  loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket listed = first(server.at("127.0.0.1"));
  loop::Fd accepted = server.accept();
  accepted.reset();
  await(fd, POLLRDHUP);
  EXPECT_EQ(again(listed)->state, TCP_CLOSE_WAIT);
}

TEST_F(Again, FindsNothingOnceTheSocketIsGoneAndGoesOnAfterIt) {
  const Server server;
  loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const loop::Fd other = connect_to(server.at("127.0.0.2"));
  const TcpSocket listed = first(server.at("127.0.0.1"));
  const linger at_once{1, 0};
  ASSERT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  fd.reset();
  const TcpSocket remaining = first(server.at("127.0.0.2"));
  // Not even a descriptor is needed.
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_FALSE(again(listed));
  EXPECT_TRUE(again(remaining));
  EXPECT_FALSE(again(listed));
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(Again, TakesTimeWaitForGone) {
  const Server server;
  loop::Fd fd = connect_to(server.at("127.0.0.1"));
  loop::Fd accepted = server.accept();
  const TcpSocket listed = first(server.at("127.0.0.1"));
  fd.reset();
  await(accepted, POLLRDHUP);
  EXPECT_EQ(again(listed)->inode, 0U) << "closed, and not over yet";
  accepted.reset();
  // The FIN is on its way through the kernel.
  for (int tries = 0; tries < 1000 && again(listed); ++tries) poll(nullptr, 0, 10);
  EXPECT_FALSE(again(listed));
}

TEST_F(Again, NeedsNoPrivilegeForTheSocketsOfOthers) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it becomes another user";
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket listed = first(server.at("127.0.0.1"));
  ASSERT_EQ(seteuid(65534), 0);
  auto unprivileged = SocketLister::open();
  const auto found = unprivileged->again(listed);
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->uid, 0U);
  EXPECT_EQ((*found)->cgroup, listed.cgroup);
  EXPECT_GT((*found)->facts.rto, Duration::zero());
}

TEST_F(Again, TellsTheBytesThatNobodyReadOrAcknowledgedYet) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const loop::Fd accepted = server.accept();
  const TcpSocket listed = first(server.at("127.0.0.1"));
  EXPECT_EQ(listed.read_queue, 0U);
  send_bytes(accepted, 7);
  await(fd, POLLIN);
  EXPECT_EQ(again(listed)->read_queue, 7U);
  // So much that the peer, who reads nothing, cannot take it all.
  const std::string much(std::size_t{1} << 16U, 'x');
  while (::send(fd.get(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) continue;
  EXPECT_GT(again(listed)->write_queue, 0U);
}

TEST_F(Again, TellsTheTimerAndItsTime) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const TcpSocket listed = first(server.at("127.0.0.1"));
  EXPECT_EQ(listed.timer, 0U);
  const int on = 1;
  const int idle = 100;
  ASSERT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), 0);
  ASSERT_EQ(setsockopt(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle), 0);
  const auto found = again(listed);
  EXPECT_EQ(found->timer, 2U);
  EXPECT_GT(found->timer_left, 10s);
  EXPECT_LE(found->timer_left, 101s);
}

TEST_F(Again, TellsWhenDataWentAndCame) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const loop::Fd accepted = server.accept();
  const TcpSocket listed = first(server.at("127.0.0.1"));
  // Time has to pass so that the next sending makes a difference: what is asserted holds however
  // much passes.
  while (again(listed)->facts.since_data_sent < 200ms) poll(nullptr, 0, 10);
  send_bytes(fd, 5);
  const auto sent = again(listed);
  EXPECT_LT(sent->facts.since_data_sent, sent->facts.since_data_received);
  EXPECT_GT(sent->facts.rtt, Duration::zero());
  // The ACK is on its way through the kernel; the SYN counts as a byte.
  for (int tries = 0; tries < 1000 && again(listed)->facts.bytes_acked < 6; ++tries) {
    poll(nullptr, 0, 10);
  }
  EXPECT_EQ(again(listed)->facts.bytes_acked, 6U);
  EXPECT_GE(sent->facts.rto, 1ms);
  EXPECT_LE(sent->facts.rto, 120s);
}

TEST_F(Again, CountsTheTransmissionsOfASynThatNobodyAnswers) {
  // A full queue of connections to accept: the kernel drops what comes then.
  const Server server("0.0.0.0", 0);
  const loop::Fd first_one = connect_to(server.at("127.0.0.1"));
  server.await_waiting_connection();
  const loop::Fd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const SocketAddress to(AF_INET, server.at("127.0.0.1"));
  ASSERT_EQ(connect(second.get(), to.get(), to.size), -1);
  ASSERT_EQ(errno, EINPROGRESS);
  const auto both = lister.to(std::vector{server.at("127.0.0.1")});
  ASSERT_TRUE(both && both->size() == 2);
  const TcpSocket& listed = both->at(0).state == TCP_SYN_SENT ? both->at(0) : both->at(1);
  EXPECT_EQ(listed.timer, 1U);
  EXPECT_EQ(listed.facts.unacked_segments, 1U);
  for (int tries = 0; tries < 1000; ++tries) {
    const auto now = again(listed);
    ASSERT_TRUE(now);
    if (now->facts.retransmits > 0) break;
    poll(nullptr, 0, 10);
  }
  EXPECT_GE(again(listed)->facts.retransmits, 1U);
  EXPECT_GE(again(listed)->facts.total_retrans, 1U);
}

}  // namespace
}  // namespace relinkd::kernel
