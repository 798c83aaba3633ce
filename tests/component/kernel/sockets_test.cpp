// SPDX-License-Identifier: Apache-2.0
#include "kernel/sockets.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tcp.hpp"

namespace relinkd::kernel {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Sockets : public ::testing::Test {
 protected:
  std::vector<TcpSocket> list(const std::vector<Address>& remotes) {
    auto sockets = lister.to(remotes);
    if (!sockets) throw std::runtime_error(sockets.error().message);
    return *std::move(sockets);
  }

  SocketLister lister = std::move(SocketLister::open()).value();
};

auto remote_is(const Address& address) { return Field("remote", &TcpSocket::remote, address); }
auto state_is(int state) { return Field("state", &TcpSocket::state, state); }
auto is(const loop::Fd& fd) { return Field("cookie", &TcpSocket::cookie, cookie_of(fd)); }

TEST_F(Sockets, ToAnIPv4AddressAreListedWithAllThatIsKnownOfThem) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const auto sockets = list({server.at("127.0.0.1")});
  ASSERT_THAT(sockets, SizeIs(1));
  struct stat status {};
  ASSERT_EQ(fstat(fd.get(), &status), 0);
  EXPECT_EQ(sockets[0].local, local_end(fd));
  EXPECT_EQ(sockets[0].remote, server.at("127.0.0.1"));
  EXPECT_EQ(sockets[0].state, TCP_ESTABLISHED);
  EXPECT_EQ(sockets[0].inode, status.st_ino);
  EXPECT_EQ(sockets[0].cookie, cookie_of(fd));
}

TEST_F(Sockets, BelongToTheUserThatOpenedThem) {
  const Server server;
  setfsuid(65534);  // does nothing for whom it is not allowed
  const auto owner = static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1)));
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  setfsuid(geteuid());
  EXPECT_THAT(list({server.at("127.0.0.1")}), ElementsAre(Field(&TcpSocket::uid, owner)));
}

TEST_F(Sockets, OfOtherUsersAreListedWithoutAnyPrivilege) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const uid_t user = geteuid();
  // For root, this gives its capabilities away until it comes back; others have none.
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);
  auto unprivileged = SocketLister::open();
  const auto sockets = unprivileged->to(std::vector{server.at("127.0.0.1")});
  ASSERT_EQ(seteuid(user), 0);
  ASSERT_TRUE(sockets) << sockets.error().message;
  EXPECT_THAT(*sockets, ElementsAre(AllOf(is(fd), Field(&TcpSocket::uid, user))));
}

TEST_F(Sockets, ToAnIPv6Address) {
  const Server server("::1");
  const loop::Fd fd = connect_to(server.at("::1"));
  const auto sockets = list({server.at("::1")});
  ASSERT_THAT(sockets, ElementsAre(is(fd)));
  EXPECT_EQ(sockets[0].local, local_end(fd));
  EXPECT_EQ(sockets[0].remote, server.at("::1"));
}

TEST_F(Sockets, OfIPv6ToAMappedIPv4AddressAreToldAsIPv4) {
  const Server server;
  const loop::Fd v4 = connect_to(server.at("127.0.0.1"));
  const loop::Fd mapped = connect_to(server.at("127.0.0.1"), AF_INET6);
  const loop::Fd other_address = connect_to(server.at("127.0.0.2"), AF_INET6);
  const auto sockets = list({server.at("127.0.0.1")});
  ASSERT_THAT(sockets, UnorderedElementsAre(is(v4), is(mapped)));
  for (const TcpSocket& socket : sockets) {
    EXPECT_EQ(socket.remote, server.at("127.0.0.1"));
    EXPECT_EQ(socket.local.host(), "127.0.0.1");
    EXPECT_EQ(socket.v6, socket.cookie == cookie_of(mapped));
  }
}

TEST_F(Sockets, ToSeveralAddressesOfBothFamilies) {
  const Server v4_server;
  const Server v6_server("::1");
  const loop::Fd first = connect_to(v4_server.at("127.0.0.1"));
  const loop::Fd second = connect_to(v4_server.at("127.0.0.2"));
  const loop::Fd mapped = connect_to(v4_server.at("127.0.0.3"), AF_INET6);
  const loop::Fd v6 = connect_to(v6_server.at("::1"));
  const auto sockets =
      list({v6_server.at("::1"), v4_server.at("127.0.0.3"), Address::unix_path("/run/redis.sock"),
            v4_server.at("127.0.0.2"), v4_server.at("127.0.0.1"), v4_server.at("127.0.0.2")});
  EXPECT_THAT(sockets, UnorderedElementsAre(is(first), is(second), is(mapped), is(v6)));
}

TEST_F(Sockets, ComeInTheOrderOfTheirCookies) {
  const Server server;
  const auto clients = connections(server.at("127.0.0.1"), 20);
  const auto sockets = list({server.at("127.0.0.1")});
  ASSERT_THAT(sockets, SizeIs(20));
  for (std::size_t i = 1; i < sockets.size(); ++i) {
    EXPECT_LT(sockets[i - 1].cookie, sockets[i].cookie);
  }
}

TEST_F(Sockets, ToOtherPortsOrAddressesAreNotListed) {
  const Server wanted;
  const Server other;
  const Server v6("::1");
  const loop::Fd other_port = connect_to(other.at("127.0.0.1"));
  const loop::Fd other_address = connect_to(wanted.at("127.0.0.2"));
  const loop::Fd other_family = connect_to(v6.at("::1"));
  const loop::Fd accepted = wanted.accept();
  EXPECT_THAT(list({wanted.at("127.0.0.1")}), IsEmpty());
  EXPECT_THAT(list({wanted.at("::1")}), IsEmpty());
  EXPECT_THAT(list({local_end(other_address)}), ElementsAre(is(accepted)))
      << "the other end, and by the address to which it is connected";
}

TEST_F(Sockets, AreNoneWhereNoAddressIsWanted) {
  EXPECT_THAT(list({}), IsEmpty());
  EXPECT_THAT(list({Address::unix_path("/run/redis.sock")}), IsEmpty());
}

TEST_F(Sockets, AreMatchedByAddressAndPortTogether) {
  const Server one;
  const Server two;
  const loop::Fd wanted_of_one = connect_to(one.at("127.0.0.1"));
  const loop::Fd wanted_of_two = connect_to(two.at("127.0.0.2"));
  const loop::Fd crossed_one = connect_to(one.at("127.0.0.2"));
  const loop::Fd crossed_two = connect_to(two.at("127.0.0.1"));
  EXPECT_THAT(list({two.at("127.0.0.2"), one.at("127.0.0.1")}),
              UnorderedElementsAre(is(wanted_of_one), is(wanted_of_two)));
  EXPECT_THAT(list({two.at("127.0.0.2"), one.at("127.0.0.3"), one.at("127.0.0.4")}),
              UnorderedElementsAre(is(wanted_of_two)));
}

TEST_F(Sockets, AreAskedForInTurnsWhereManyAddressesAreWanted) {
  const Server server;
  std::vector<Address> remotes;
  for (std::size_t i = 0; i < 3 * SocketLister::kMaxRemotes + 1; ++i) {
    remotes.push_back(server.at(fmt::format("127.0.{}.{}", 1 + i / 250, 1 + i % 250)));
  }
  std::vector<loop::Fd> clients;
  // The last one of a turn, the first of the next, and the last of all are among these.
  for (std::size_t i = 0; i < remotes.size(); i += 3) clients.push_back(connect_to(remotes[i]));
  const loop::Fd beside = connect_to(server.at("127.0.0.9"));
  auto twice = remotes;
  twice.insert(twice.end(), remotes.begin(), remotes.end());
  const auto sockets = list(twice);
  EXPECT_THAT(sockets, SizeIs(clients.size()));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_THAT(sockets, Contains(AllOf(is(clients[i]), remote_is(remotes[3 * i]))));
  }
}

TEST_F(Sockets, ThatThePeerHasClosedAreInCloseWait) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  server.accept().reset();
  await(fd, POLLRDHUP);
  EXPECT_THAT(list({server.at("127.0.0.1")}), ElementsAre(AllOf(is(fd), state_is(TCP_CLOSE_WAIT))));
}

TEST_F(Sockets, WhoseConnectionIsNotAnsweredYetAreInSynSent) {
  // A full queue of connections to accept: the kernel drops what comes then.
  const Server server("0.0.0.0", 0);
  const loop::Fd first = connect_to(server.at("127.0.0.1"));
  server.await_waiting_connection();
  const loop::Fd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const SocketAddress to(AF_INET, server.at("127.0.0.1"));
  ASSERT_EQ(connect(second.get(), to.get(), to.size), -1);
  ASSERT_EQ(errno, EINPROGRESS);
  EXPECT_THAT(list({server.at("127.0.0.1")}),
              UnorderedElementsAre(AllOf(is(first), state_is(TCP_ESTABLISHED)),
                                   AllOf(is(second), state_is(TCP_SYN_SENT))));
}

TEST_F(Sockets, ThatWereClosedBelongToNoProcess) {
  const Server server;
  connect_to(server.at("127.0.0.1")).reset();
  const loop::Fd accepted = server.accept();
  await(accepted, POLLRDHUP);
  EXPECT_THAT(list({server.at("127.0.0.1")}),
              ElementsAre(AllOf(Field("inode", &TcpSocket::inode, 0),
                                AnyOf(state_is(TCP_FIN_WAIT1), state_is(TCP_FIN_WAIT2)))));
}

TEST_F(Sockets, ThatWereResetAreGone) {
  const Server server;
  loop::Fd fd = connect_to(server.at("127.0.0.1"));
  const linger at_once{1, 0};
  ASSERT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  fd.reset();
  EXPECT_THAT(list({server.at("127.0.0.1")}), IsEmpty());
}

TEST_F(Sockets, InTimeWaitAreNotListed) {
  const Server server;
  loop::Fd fd = connect_to(server.at("127.0.0.1"));
  loop::Fd accepted = server.accept();
  fd.reset();
  await(accepted, POLLRDHUP);
  const Address remote = server.at("127.0.0.1");
  ASSERT_THAT(list({remote}), SizeIs(1));
  accepted.reset();
  // The FIN is on its way through the kernel.
  for (int tries = 0; tries < 1000 && !list({remote}).empty(); ++tries) poll(nullptr, 0, 10);
  EXPECT_THAT(list({remote}), IsEmpty());
}

TEST_F(Sockets, ThatDoNotFitIntoOneMessageAllCome) {
  const Server server;
  // The kernel's messages hold 32 KiB, in each of which a socket takes 300 bytes at least.
  const auto clients = connections(server.at("127.0.0.1"), 480);
  EXPECT_THAT(list({server.at("127.0.0.1")}), SizeIs(clients.size()));
}

TEST_F(Sockets, MoreThanAllowedAreAnErrorThatHarmsNoLaterQuestion) {
  const Server server;
  // So many that the kernel has not told all of them when the Error is found: three messages.
  const auto clients = connections(server.at("127.0.0.1"), 900);
  const loop::Fd other = connect_to(server.at("127.0.0.2"));
  const auto refused = lister.to(std::vector{server.at("127.0.0.1")}, 899);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EOVERFLOW);
  EXPECT_EQ(refused.error().message, "more than 899 TCP sockets are open to the watched addresses");
  EXPECT_FALSE(lister.to(std::vector{server.at("127.0.0.1")}, 10));
  EXPECT_THAT(list({server.at("127.0.0.2")}), ElementsAre(is(other)));
  const auto just_enough = lister.to(std::vector{server.at("127.0.0.1")}, 900);
  ASSERT_TRUE(just_enough) << just_enough.error().message;
  EXPECT_THAT(*just_enough, SizeIs(900));
}

TEST_F(Sockets, OfWhichOtherProcessesLieAreListedAllTheSame) {
  const Server server;
  const loop::Fd fd = connect_to(server.at("127.0.0.1"));
  ASSERT_THAT(list({server.at("127.0.0.1")}), ElementsAre(is(fd)));
  // The kernel gives the first netlink socket of a process the process's id.
  const loop::Fd stranger(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  sockaddr_nl to{};
  to.nl_family = AF_NETLINK;
  to.nl_pid = static_cast<std::uint32_t>(getpid());
  struct {
    nlmsghdr header;
    int error;
  } end{};
  end.header = {.nlmsg_len = sizeof end,
                .nlmsg_type = NLMSG_DONE,
                .nlmsg_flags = 0,
                .nlmsg_seq = 2,
                .nlmsg_pid = 0};
  const auto lie = [&] {
    return sendto(stranger.get(), &end, sizeof end, 0, reinterpret_cast<const sockaddr*>(&to),
                  sizeof to);
  };
  if (lie() < 0 && errno == EPERM) GTEST_SKIP() << "only root may send to others";
  EXPECT_THAT(list({server.at("127.0.0.1")}), ElementsAre(is(fd)));

  for (int i = 0; i < 64; ++i) ASSERT_EQ(lie(), static_cast<ssize_t>(sizeof end));
  const auto drowned = lister.to(std::vector{server.at("127.0.0.1")});
  ASSERT_FALSE(drowned);
  EXPECT_EQ(drowned.error().message,
            "64 messages of other processes came instead of the kernel's list of TCP sockets");
  EXPECT_THAT(list({server.at("127.0.0.1")}), ElementsAre(is(fd)));
}

}  // namespace
}  // namespace relinkd::kernel
