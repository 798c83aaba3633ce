// SPDX-License-Identifier: Apache-2.0
#include "control/client.hpp"

#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "component/control/control_test.hpp"

namespace relinkd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Duration kPatience = 30s;

class ControlClient : public ControlTest {
 protected:
  Error why_not(const std::string& method, Duration timeout = kPatience) const {
    const auto reply = control::call(path, method, "{}", timeout);
    return reply ? Error{"answered"} : reply.error();
  }

  /// A listening socket that is not relinkd's.
  loop::Fd foreign_listener() const {
    loop::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = loop::UnixAddress::make(path);
    EXPECT_EQ(bind(fd.get(), address->get(), address->size()), 0);
    EXPECT_EQ(listen(fd.get(), 8), 0);
    return fd;
  }
};

TEST_F(ControlClient, GetsTheReplysParameters) {
  service.values = {{"a", "b", "c"}};
  start();
  with_peer([&] {
    const auto reply = control::call(path, "io.relinkd.GetConfig", "{}", kPatience);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(*reply, R"({"values":[{"key":"a","value":"b","place":"c"}]})");
  });
}

TEST_F(ControlClient, GetsAReplyOfMegabytes) {
  service.status_view.version = std::string(std::size_t{2} * 1024 * 1024, 'v');
  start();
  with_peer([&] {
    const auto reply = control::call(path, "io.relinkd.GetStatus", "{}", kPatience);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_GT(reply->size(), service.status_view.version.size());
  });
}

TEST_F(ControlClient, OfAStreamThatBreaksIsToldSo) {
  start();
  with_peer([&] {
    auto client = control::Client::connect(path);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->send("io.relinkd.GetEvents", "{}", true));
    ASSERT_TRUE(client->receive(kPatience));
    on_loop([this] { server.reset(); });
    const auto broken = client->receive(kPatience);
    ASSERT_FALSE(broken);
    EXPECT_THAT(broken.error().message, HasSubstr("closed the connection"));
    EXPECT_EQ(broken.error().code, ECONNRESET);
  });
}

TEST_F(ControlClient, WaitsForAStreamOnlyAsLongAsItSays) {
  start();
  with_peer([&] {
    auto client = control::Client::connect(path);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->send("io.relinkd.GetEvents", "{}", true));
    auto first = client->receive(kPatience);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->has_value());
    EXPECT_TRUE(client->continues());
    auto none = client->receive(10ms);
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->has_value());
    on_loop([this] { server->publish(event(1, "news")); });
    auto news = client->receive(kPatience);
    ASSERT_TRUE(news);
    EXPECT_TRUE(news->has_value());
  });
}

TEST_F(ControlClient, IsToldThatRelinkdDoesNotRun) {
  EXPECT_THAT(why_not("io.relinkd.GetStatus").message,
              HasSubstr("relinkd is not running: systemctl start relinkd (no control socket at " +
                        path + ")"));
  EXPECT_EQ(why_not("io.relinkd.GetStatus").code, ENOENT);
}

TEST_F(ControlClient, IsToldThatRelinkdDoesNotRunAnyMore) {
  { const loop::Fd dead = foreign_listener(); }
  EXPECT_THAT(why_not("io.relinkd.GetStatus").message, StartsWith("relinkd is not running"));
  EXPECT_EQ(why_not("io.relinkd.GetStatus").code, ECONNREFUSED);
}

TEST_F(ControlClient, IsToldThatRelinkdDoesNotAnswer) {
  const loop::Fd mute = foreign_listener();
  const Error error = why_not("io.relinkd.GetStatus", 20ms);
  EXPECT_THAT(error.message, HasSubstr("has not answered within 20.0 ms"));
  EXPECT_EQ(error.code, ETIMEDOUT);
}

TEST_F(ControlClient, IsToldWhatItMayNot) {
  service.allowed = control::Access::Read;
  start();
  with_peer([&] {
    const Error error = why_not("io.relinkd.Reload");
    EXPECT_THAT(error.message, StartsWith("permission denied: only root and members of the groups "
                                          "in [control] operators may order; use sudo, or name "));
    EXPECT_EQ(error.code, EPERM);
  });
}

TEST_F(ControlClient, IsToldThatRelinkdIsOfAnotherVersion) {
  start();
  with_peer([&] {
    EXPECT_THAT(why_not("io.relinkd.Explode").message,
                HasSubstr("does not know io.relinkd.Explode: it is of another version"));
  });
}

TEST_F(ControlClient, IsToldWhyItWasTurnedAway) {
  start({.connections_per_uid = 1});
  with_peer([&] {
    const RawPeer other(path);
    // Connected first, so it is accepted first.
    EXPECT_THAT(why_not("io.relinkd.GetStatus").message, HasSubstr("as one user may have, 1"));
  });
}

TEST_F(ControlClient, IsToldThatItsUserMayNotConnect) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: it becomes another user";
  start();
  ASSERT_EQ(chmod(folder.c_str(), 0750), 0);
  EXPECT_EXIT(
      {
        if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(1);
        const Error error = why_not("io.relinkd.GetStatus");
        (void)std::fputs(error.message.c_str(), stderr);
        _exit(error.code == EACCES ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "permission denied on .*: your user is not in group relinkd");
}

TEST_F(ControlClient, DoesNotTakeAnyAnswerForRelinkds) {
  const loop::Fd foreign = foreign_listener();
  std::thread stranger([&] {
    const loop::Fd peer(accept(foreign.get(), nullptr, nullptr));
    const std::string answer = std::string("220 ready\r\n") + '\0';
    EXPECT_GT(::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL), 0);
  });
  EXPECT_THAT(why_not("io.relinkd.GetStatus").message,
              HasSubstr("is not relinkd's control socket"));
  stranger.join();
}

}  // namespace
}  // namespace relinkd::testing
