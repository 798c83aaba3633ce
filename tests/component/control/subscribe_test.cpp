// SPDX-License-Identifier: Apache-2.0
// io.relinkd.Subscribe: apps that want to know, from any local user.
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "component/control/control_test.hpp"

namespace relinkd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uid_t kNobody = 65534;

/// Makes the calling thread another user, and only it: glibc's setresuid() changes all threads.
class AsUser {
 public:
  explicit AsUser(uid_t uid) {
    if (syscall(SYS_setresuid, -1, uid, -1) != 0) throw std::runtime_error("setresuid");
  }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
  ~AsUser() { syscall(SYS_setresuid, -1, 0, -1); }
};

class ControlSubscribe : public ControlTest {
 protected:
  /// From the peers' thread: the apps look so from now on.
  void change(std::vector<control::SubscriptionView> to) {
    on_loop([this, to = std::move(to)] {
      service.subscriptions = to;
      server->subscriptions_changed();
    });
  }

  static std::string generation(std::uint64_t g) {
    return "\"generation\":" + std::to_string(g) + ",";
  }
  static std::string next(RawPeer& peer) { return peer.next().value_or("closed"); }
};

TEST_F(ControlSubscribe, TellsTheListAndThenEachChange) {
  service.subscriptions = {subscription("checkout", 1)};
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kSubscribe);
    EXPECT_THAT(next(peer), AllOf(HasSubstr(generation(1)), HasSubstr("\"continues\":true")));
    change({subscription("checkout", 2)});
    EXPECT_THAT(next(peer), AllOf(HasSubstr(generation(2)), HasSubstr("\"continues\":true")));
    change({subscription("checkout", 2), subscription("billing", 1)});
    EXPECT_THAT(next(peer), HasSubstr("billing"));
  });
}

TEST_F(ControlSubscribe, SaysNothingWhereNothingHasChangedForTheSubscriber) {
  service.subscriptions = {subscription("checkout", 1)};
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kSubscribe);
    next(peer);
    change({subscription("checkout", 1)});
    // Answered after that: the server has had its turn for the subscriber.
    RawPeer other(path);
    other.call(kGetInfo);
    next(other);
    change({subscription("checkout", 2)});
    EXPECT_THAT(next(peer), HasSubstr(generation(2))) << "the unchanged list would come first";
  });
}

TEST_F(ControlSubscribe, IsOpenToAUserWithoutRightsWhoMayDoNothingElse) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  class OnlyRoot : public ControlService {
   public:
    control::Access access(const control::Peer& peer) override {
      return peer.uid == 0 ? control::Access::Order : control::Access::None;
    }
    control::Subscriber subscriber(const control::Peer& peer) override {
      return {peer.uid, "/app.slice", access(peer) != control::Access::None};
    }
    std::vector<control::SubscriptionView> subscription(
        const control::Subscriber& subscriber) override {
      subscribers.push_back(subscriber);
      return {testing::subscription("of-" + std::to_string(subscriber.uid), 1)};
    }
  } only_root;
  std::filesystem::permissions(folder, std::filesystem::perms(0755));
  auto started = control::Server::start(loop(), path, only_root);
  ASSERT_TRUE(started);
  server = *std::move(started);
  with_peer([&] {
    const AsUser nobody(kNobody);
    RawPeer peer(path);
    for (const std::string method :
         {R"(GetStatus")", R"(GetApps")", R"(Resume")",
          R"(Relink","parameters":{"app":"of-65534","dry_run":false})"}) {
      peer.call(R"({"method":"io.relinkd.)" + method + "}");
      EXPECT_THAT(next(peer), HasSubstr("io.relinkd.PermissionDenied")) << method;
    }
    peer.call(kSubscribe);
    EXPECT_THAT(next(peer), HasSubstr("\"app\":\"of-65534\""));
  });
  EXPECT_TRUE(only_root.orders.empty());
  ASSERT_EQ(only_root.subscribers.size(), 1U);
  EXPECT_EQ(only_root.subscribers[0].uid, kNobody);
  EXPECT_FALSE(only_root.subscribers[0].reads_all);
  server.reset();
}

TEST_F(ControlSubscribe, APeerOfNoAppGetsAnEmptyListAndStaysSubscribed) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kSubscribe);
    EXPECT_THAT(next(peer),
                AllOf(HasSubstr("\"subscriptions\":[]"), HasSubstr("\"continues\":true")));
    change({subscription("checkout", 1)});  // as after a reload
    EXPECT_THAT(next(peer), HasSubstr("checkout"));
  });
}

TEST_F(ControlSubscribe, AndFollowingTheEventsAreTwoThings) {
  start();
  with_peer([&] {
    RawPeer follower(path);
    follower.call(kFollowEvents);
    next(follower);
    RawPeer subscriber(path);
    subscriber.call(kSubscribe);
    next(subscriber);
    on_loop([this] { server->publish(event(1, "first")); });
    change({subscription("checkout", 1)});
    on_loop([this] { server->publish(event(2, "second")); });
    EXPECT_THAT(next(subscriber), AllOf(HasSubstr("checkout"), Not(HasSubstr("first"))));
    EXPECT_THAT(next(follower), HasSubstr("first"));
    EXPECT_THAT(next(follower), HasSubstr("second"));
  });
}

TEST_F(ControlSubscribe, ASubscriberThatDoesNotReadGetsTheNewestListAndFewOfThoseBefore) {
  constexpr std::uint64_t kChanges = 100;
  const auto large = [](std::uint64_t g) {
    control::SubscriptionView view = subscription("checkout", g);
    view.reason = std::string(std::size_t{512} * 1024, 'r');  // more than a socket holds
    return std::vector{view};
  };
  service.subscriptions = large(0);
  start();
  with_peer([&] {
    RawPeer slow(path);
    slow.call(kSubscribe);
    RawPeer quick(path);
    quick.call(kSubscribe);
    next(quick);
    for (std::uint64_t g = 1; g <= kChanges; ++g) {
      change(large(g));
      ASSERT_THAT(next(quick), HasSubstr(generation(g))) << "nobody waits for the slow one";
    }
    int got = 0;
    std::string last;
    while (last.find(generation(kChanges)) == std::string::npos) {
      last = next(slow);
      ASSERT_NE(last, "closed");
      ++got;
    }
    EXPECT_LE(got, 3) << "the others would have lain in memory";
  });
}

TEST_F(ControlSubscribe, ASubscriberMayHaveSaidAllItWillSay) {
  start();
  with_peer([&] {
    RawPeer peer(path);
    peer.call(kSubscribe);
    peer.half_close();
    next(peer);
    change({subscription("checkout", 1)});
    EXPECT_THAT(next(peer), HasSubstr("checkout"));
  });
}

TEST_F(ControlSubscribe, OneUserHasAsManySubscribersAsConnections) {
  start({.connections_per_uid = 16});
  with_peer([&] {
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 16; ++i) {
      peers.push_back(std::make_unique<RawPeer>(path));
      peers.back()->call(kSubscribe);
      ASSERT_THAT(next(*peers.back()), HasSubstr("\"continues\":true")) << i;
    }
    RawPeer refused(path);
    EXPECT_THAT(next(refused), HasSubstr("io.relinkd.TooManyConnections"));
    change({subscription("checkout", 1)});
    for (auto& peer : peers) EXPECT_THAT(next(*peer), HasSubstr("checkout"));

    peers.pop_back();
    std::string answer;
    do {  // the server sees the end of the one that left when its turn comes
      RawPeer again(path);
      again.call(kSubscribe);
      answer = next(again);
    } while (answer.find("TooManyConnections") != std::string::npos);
    EXPECT_THAT(answer, HasSubstr("checkout"));
  });
}

TEST_F(ControlSubscribe, MayChangeFromWithinACall) {
  class Reloading : public ControlService {
   public:
    control::Server* server = nullptr;
    control::ReloadView reload() override {
      subscriptions = {testing::subscription("checkout", 1)};
      server->subscriptions_changed();
      return ControlService::reload();
    }
  } reloading;
  auto started = control::Server::start(loop(), path, reloading);
  ASSERT_TRUE(started);
  server = *std::move(started);
  reloading.server = server.get();
  with_peer([&] {
    RawPeer subscriber(path);
    subscriber.call(kSubscribe);
    next(subscriber);
    RawPeer operator_(path);
    operator_.call(R"({"method":"io.relinkd.Reload"})");
    EXPECT_THAT(next(operator_), HasSubstr("\"accepted\""));
    EXPECT_THAT(next(subscriber), HasSubstr("checkout"));
  });
  server.reset();
}

TEST_F(ControlSubscribe, OutlivesSubscribersThatLeaveWithNewsWaitingForThem) {
  start();
  with_peer([&] {
    for (std::uint64_t g = 1; g <= 20; ++g) {
      RawPeer peer(path);
      peer.call(kSubscribe);
      next(peer);
      change({subscription("checkout", g)});
    }
    RawPeer last(path);
    last.call(kGetInfo);
    EXPECT_THAT(next(last), HasSubstr("interfaces"));
  });
}

}  // namespace
}  // namespace relinkd::testing
