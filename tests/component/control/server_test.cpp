// SPDX-License-Identifier: Apache-2.0
#include "control/server.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "component/control/control_test.hpp"

namespace relinkd::testing {
namespace {

using ::testing::HasSubstr;

class ControlServer : public ControlTest {};

TEST_F(ControlServer, AnswersACall) {
  service.status_view.version = "9.9";
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kGetStatus);
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr(R"("version":"9.9")"));
  });
}

TEST_F(ControlServer, KnowsItsPeerFromTheKernel) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kGetStatus);
    peer.next();
  });
  ASSERT_FALSE(service.peers.empty());
  EXPECT_EQ(service.peers.back().uid, getuid());
  EXPECT_EQ(service.peers.back().gid, getgid());
  EXPECT_EQ(service.peers.back().pid, getpid());
}

TEST_F(ControlServer, AnswersManyCallsThatCameAtOnceInTheirOrder) {
  start();
  with_peer([&] {
    constexpr int kCalls = 2000;
    RawPeer peer(path);
    std::thread sender([&] {
      for (int i = 0; i < kCalls; ++i) {
        peer.call(R"({"method":"io.relinkd.No)" + std::to_string(i) + "\"}");
      }
    });
    for (int i = 0; i < kCalls; ++i) {
      ASSERT_THAT(peer.next().value_or("nothing"),
                  HasSubstr("\"io.relinkd.No" + std::to_string(i) + "\""));
    }
    sender.join();
  });
}

TEST_F(ControlServer, AnswersAPeerThatHasSaidAllItWillSay) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kGetStatus);
    peer.call(kGetInfo);
    peer.half_close();
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr("\"endpoints\""));
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr("\"interfaces\""));
    EXPECT_EQ(peer.next(), std::nullopt);
  });
}

TEST_F(ControlServer, CarriesOutAOnewayCallOfAPeerThatLeft) {
  start();
  with_peer([&] {
    RawPeer(path).call(R"({"method":"io.relinkd.Reload","oneway":true})");
    // A call that is answered later than that one.
    RawPeer peer(path);
    peer.call(kGetInfo);
    peer.next();
  });
  EXPECT_EQ(service.reloads, 1);
}

TEST_F(ControlServer, ToldRubbishSaysSoAndCloses) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call("GET / HTTP/1.1");
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr("io.relinkd.InvalidMessage"));
    EXPECT_EQ(peer.next(), std::nullopt);
  });
}

TEST_F(ControlServer, ToldEndlessBytesSaysSoAndCloses) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    const std::string bytes(65'536, 'x');
    while (peer.send(bytes)) {
    }
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr("longer than 65536 bytes"));
    EXPECT_EQ(peer.next(), std::nullopt);
  });
}

TEST_F(ControlServer, OutlivesPeersThatLeaveAtAnyPoint) {
  service.status_view.version = std::string(std::size_t{1024} * 1024, 'v');
  start();
  with_peer([&] {
    { const RawPeer silent(path); }
    { RawPeer(path).send("{\"meth"); }
    { RawPeer(path).call(kGetStatus); }
    { RawPeer(path).call(kFollowEvents); }
    RawPeer reading(path);
    reading.call(kGetStatus);
    EXPECT_TRUE(reading.next());
  });
}

TEST_F(ControlServer, TellsSubscribersFirstWhatWasThenWhatComes) {
  service.events = {event(1, "before")};
  start();
  with_peer([&] {
    RawPeer a(path);
    RawPeer b(path);
    for (RawPeer* peer : {&a, &b}) {
      peer->call(kFollowEvents);
      EXPECT_THAT(peer->next().value_or("nothing"), HasSubstr("before"));
    }
    on_loop([this] { server->publish(event(2, "first")); });
    on_loop([this] { server->publish(event(3, "second")); });
    for (RawPeer* peer : {&a, &b}) {
      EXPECT_THAT(peer->next().value_or("nothing"), HasSubstr("first"));
      EXPECT_THAT(peer->next().value_or("nothing"), HasSubstr("second"));
    }
  });
}

TEST_F(ControlServer, TellsNobodyElse) {
  start();
  with_peer([&] {
    RawPeer once(path);
    once.call(R"({"method":"io.relinkd.GetEvents"})");
    EXPECT_THAT(once.next().value_or("nothing"), HasSubstr("\"events\""));
    on_loop([this] { server->publish(event(2, "not for you")); });
    once.call(kGetInfo);
    EXPECT_THAT(once.next().value_or("nothing"), HasSubstr("\"interfaces\""));
  });
}

TEST_F(ControlServer, TellsASubscriberThatSaidAllItWillSay) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kFollowEvents);
    peer.half_close();
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr("\"continues\":true"));
    on_loop([this] { server->publish(event(2, "news")); });
    EXPECT_THAT(peer.next().value_or("nothing"), HasSubstr("news"));
  });
}

TEST_F(ControlServer, MayPublishFromWithinACall) {
  // A reload is an event, too.
  class Reloading : public ControlService {
   public:
    control::Server* server = nullptr;
    control::ReloadView reload() override {
      server->publish(event(1, "reloaded"));
      return ControlService::reload();
    }
  } reloading;
  auto started = control::Server::start(loop(), path, reloading);
  ASSERT_TRUE(started);
  server = *std::move(started);
  reloading.server = server.get();
  with_peer([&] {
    RawPeer subscriber(path);
    subscriber.call(kFollowEvents);
    subscriber.next();
    RawPeer operator_(path);
    operator_.call(R"({"method":"io.relinkd.Reload"})");
    EXPECT_THAT(operator_.next().value_or("nothing"), HasSubstr("\"accepted\""));
    EXPECT_THAT(subscriber.next().value_or("nothing"), HasSubstr("reloaded"));
  });
  server.reset();
}

TEST_F(ControlServer, ClosesItsConnectionsWhenItGoes) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kGetInfo);
    peer.next();
    on_loop([this] { server.reset(); });
    EXPECT_EQ(peer.next(), std::nullopt);
  });
}

}  // namespace
}  // namespace relinkd::testing
