// SPDX-License-Identifier: Apache-2.0
// What one peer, or all together, can take from the daemon.
#include <ctime>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "component/control/control_test.hpp"

namespace relinkd::testing {
namespace {

using ::testing::HasSubstr;

class ControlLimits : public ControlTest {
 protected:
  /// Whether a call on a new connection is answered; the reason if not.
  std::string try_to_call() {
    RawPeer peer(path);
    peer.call(kGetInfo);
    return peer.next().value_or("closed");
  }
};

TEST_F(ControlLimits, OneUserHasSixtyFourConnections) {
  start();
  with_peer([&] {
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 64; ++i) {
      peers.push_back(std::make_unique<RawPeer>(path));
      peers.back()->call(kGetInfo);
      ASSERT_THAT(peers.back()->next().value_or("closed"), HasSubstr("relinkd")) << i;
    }
    const std::string refused = try_to_call();
    EXPECT_THAT(refused, HasSubstr("io.relinkd.TooManyConnections"));
    EXPECT_THAT(refused, HasSubstr("as one user may have, 64"));
    EXPECT_TRUE(peers[0]->call(kGetInfo)) << "the others go on";
    EXPECT_THAT(peers[0]->next().value_or("closed"), HasSubstr("relinkd"));
  });
}

TEST_F(ControlLimits, AConnectionThatEndedMakesRoomForAnother) {
  start({.connections_per_uid = 1});
  with_peer([&] {
    for (int i = 0; i < 50; ++i) {
      RawPeer peer(path);
      peer.call("rubbish");  // the server closes first, so that there is nothing to race with
      EXPECT_THAT(peer.next().value_or("closed"), HasSubstr("InvalidMessage"));
      EXPECT_EQ(peer.next(), std::nullopt);
    }
  });
}

TEST_F(ControlLimits, AllTogetherHaveNoMoreThanTheTotal) {
  service.allowed = control::Access::Read;
  start({.connections = 3});
  with_peer([&] {
    const RawPeer a(path);
    const RawPeer b(path);
    const RawPeer c(path);
    EXPECT_THAT(try_to_call(), HasSubstr("as there may be, 3"));
  });
}

TEST_F(ControlLimits, WhoMayOrderGetsInWhenOthersHaveFilledAllPlaces) {
  service.allowed = control::Access::Order;
  start({.connections = 3});
  with_peer([&] {
    const RawPeer a(path);
    const RawPeer b(path);
    const RawPeer c(path);
    EXPECT_THAT(try_to_call(), HasSubstr("interfaces"));
  });
}

TEST_F(ControlLimits, ASubscriberThatDoesNotReadIsDroppedAndTold) {
  start({.queued = 100'000});
  with_peer([&] {
    RawPeer slow(path);
    slow.call(kFollowEvents);
    slow.next();
    RawPeer quick(path);
    quick.call(kFollowEvents);
    quick.next();
    constexpr std::uint64_t kEvents = 2000;
    std::size_t got_by_quick = 0;
    for (std::uint64_t i = 1; i <= kEvents; ++i) {
      on_loop([this, i] { server->publish(event(i, std::string(1000, 'e'))); });
      if (quick.next()) ++got_by_quick;
    }
    EXPECT_EQ(got_by_quick, kEvents) << "one slow subscriber must not cost another its events";
    std::size_t got_by_slow = 0;
    std::string last;
    while (const auto message = slow.next()) {
      last = *message;
      ++got_by_slow;
    }
    EXPECT_THAT(last, HasSubstr("io.relinkd.SubscriberTooSlow"));
    EXPECT_LT(got_by_slow, kEvents);
    EXPECT_GT(got_by_slow, 1U) << "what it had begun to get comes whole";
  });
}

TEST_F(ControlLimits, AnIdleConnectionEnds) {
  start({.idle_time = 50ms});
  with_peer([&] {
    RawPeer silent(path);
    EXPECT_EQ(silent.next(), std::nullopt);
    RawPeer once(path);
    once.call(kGetInfo);
    EXPECT_TRUE(once.next());
    EXPECT_EQ(once.next(), std::nullopt);
  });
}

TEST_F(ControlLimits, ASubscriberMayBeSilent) {
  start({.call_time = 20ms, .reply_time = 20ms, .idle_time = 20ms});
  with_peer([&] {
    RawPeer subscriber(path);
    subscriber.call(kFollowEvents);
    subscriber.next();
    RawPeer idle(path);
    EXPECT_EQ(idle.next(), std::nullopt) << "the idle time has passed";
    on_loop([this] { server->publish(event(1, "news")); });
    EXPECT_THAT(subscriber.next().value_or("closed"), HasSubstr("news"));
  });
}

TEST_F(ControlLimits, ACallMustEndSoonAfterItBegan) {
  start({.call_time = 50ms});
  with_peer([&] {
    RawPeer peer(path);
    peer.send("{\"method\":");
    EXPECT_EQ(peer.next(), std::nullopt);
  });
}

TEST_F(ControlLimits, BytesNowAndThenDoNotProlongACall) {
  start({.call_time = 300ms});
  with_peer([&] {
    RawPeer peer(path);
    // Ends when the server closes; a server that grants each byte new time lets it go on until
    // the call is too long, which takes an hour.
    while (peer.send("x")) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 50'000'000};
      nanosleep(&pause, nullptr);
    }
    EXPECT_EQ(peer.next(), std::nullopt);
  });
}

TEST_F(ControlLimits, AReplyMustBeTaken) {
  service.status_view.version = std::string(std::size_t{2} * 1024 * 1024, 'v');
  start({.connections_per_uid = 2, .reply_time = 50ms});
  with_peer([&] {
    RawPeer lazy(path);
    lazy.call(kGetStatus);
    RawPeer other(path);
    other.call(kGetInfo);
    EXPECT_TRUE(other.next());
    // Nothing but the lazy one's end makes room for a third.
    while (try_to_call().find("TooManyConnections") != std::string::npos) {
    }
    while (lazy.next()) {
      ADD_FAILURE() << "the whole reply came, so nothing was tested";
    }
  });
}

TEST_F(ControlLimits, ACallWaitsUntilTheReplyBeforeItWasTaken) {
  service.status_view.version = std::string(std::size_t{2} * 1024 * 1024, 'v');
  start();
  with_peer([&] {
    constexpr int kCalls = 10;
    RawPeer lazy(path);
    for (int i = 0; i < kCalls; ++i) lazy.call(kGetStatus);
    RawPeer other(path);
    for (int i = 0; i < kCalls; ++i) {
      other.call(kGetInfo);
      EXPECT_TRUE(other.next());
    }
    on_loop([this] { EXPECT_EQ(service.statuses, 1) << "more would lie in memory unread"; });
    for (int i = 0; i < kCalls; ++i) EXPECT_TRUE(lazy.next());
  });
  EXPECT_EQ(service.statuses, 10);
}

TEST_F(ControlLimits, WithoutDescriptorsLeftItWaitsAndDoesNotSpin) {
  start();
  with_peer([&] {
    RawPeer peer;  // its descriptor comes first
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    const std::clock_t begun = std::clock();
    peer.connect(path);
    peer.call(kGetInfo);
    const timespec pause{.tv_sec = 0, .tv_nsec = 500'000'000};
    nanosleep(&pause, nullptr);  // the time in which a spinning server would burn a processor
    const double used = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_LT(used, 0.25);
    EXPECT_THAT(peer.next().value_or("closed"), HasSubstr("interfaces")) << "it tries again";
  });
}

}  // namespace
}  // namespace relinkd::testing
