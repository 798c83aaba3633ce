// SPDX-License-Identifier: Apache-2.0
#include "control/conversation.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/views.hpp"
#include "support/control_service.hpp"

namespace relinkd::control {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kOrders = {
    R"({"method":"io.relinkd.Reload"})",
    R"({"method":"io.relinkd.Relink","parameters":{"app":"checkout","dry_run":false}})",
    R"({"method":"io.relinkd.Reset","parameters":{"app":"checkout"}})",
    R"({"method":"io.relinkd.Tune","parameters":{"app":"checkout","revert":true}})",
    R"({"method":"io.relinkd.Pause","parameters":{"seconds":90}})",
    R"({"method":"io.relinkd.Resume"})"};

/// Orders, and what only readers may see.
const std::vector<std::string> kCallsWithRights = [] {
  std::vector<std::string> calls = kOrders;
  for (const std::string method : {"GetStatus", "GetEvents", "GetConfig", "GetApps", "GetCloses"}) {
    calls.push_back(R"({"method":"io.relinkd.)" + method + "\"}");
  }
  return calls;
}();

class ConversationTest : public ::testing::Test {
 protected:
  /// The reply to one call.
  json ask(const std::string& call) {
    conversation.receive(call + '\0');
    EXPECT_TRUE(conversation.ready());
    return json::parse(without_end(conversation.answer(WallTime(1000s))));
  }

  static std::string without_end(std::string text) {
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find('\0'), text.size() - 1);
    text.pop_back();
    return text;
  }

  testing::ControlService service;
  Conversation conversation{service, Peer{.uid = 1000, .gid = 1001, .pid = 77}};
};

TEST_F(ConversationTest, TellsWhoIsSpeaking) {
  const json reply = ask(R"({"method":"org.varlink.service.GetInfo"})");
  EXPECT_EQ(reply["parameters"]["product"], "relinkd");
  EXPECT_NE(reply["parameters"]["version"], "");
  EXPECT_EQ(reply["parameters"]["interfaces"], json({"org.varlink.service", "io.relinkd"}));
}

TEST_F(ConversationTest, DescribesItsInterfaces) {
  for (const std::string interface : {"org.varlink.service", "io.relinkd"}) {
    const json reply = ask(
        R"({"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":")" +
        interface + "\"}}");
    EXPECT_THAT(reply["parameters"]["description"].get<std::string>(),
                HasSubstr("\ninterface " + interface + "\n"));
  }
}

TEST_F(ConversationTest, AnswersWithTheStatus) {
  service.status_view.version = "9.9";
  const json reply = ask(R"({"method":"io.relinkd.GetStatus","parameters":{}})");
  EXPECT_EQ(reply["parameters"]["version"], "9.9");
  EXPECT_FALSE(reply.contains("continues"));
}

TEST_F(ConversationTest, AnswersWithTheConfiguration) {
  service.values = {{"metrics.listen", "\"\"", "default"}};
  const json reply = ask(R"({"method":"io.relinkd.GetConfig"})");
  EXPECT_EQ(reply["parameters"]["values"][0]["key"], "metrics.listen");
}

TEST_F(ConversationTest, ReloadsOnceForEachCall) {
  service.reload_view.errors = {"relinkd.toml:1:1: no"};
  const json reply = ask(R"({"method":"io.relinkd.Reload"})");
  EXPECT_EQ(reply["parameters"]["accepted"], false);
  EXPECT_EQ(service.reloads, 1);
}

TEST_F(ConversationTest, AsksWhetherThePeerMay) {
  ask(R"({"method":"io.relinkd.GetStatus"})");
  ASSERT_EQ(service.peers.size(), 1U);
  EXPECT_EQ(service.peers[0].uid, 1000U);
  EXPECT_EQ(service.peers[0].gid, 1001U);
  EXPECT_EQ(service.peers[0].pid, 77);
}

TEST_F(ConversationTest, StrangersMayOnlyAskWhoIsSpeakingAndSubscribe) {
  service.allowed = Access::None;
  for (const auto& call : kCallsWithRights) {
    const json reply = ask(call);
    EXPECT_EQ(reply["error"], "io.relinkd.PermissionDenied") << call;
    EXPECT_NE(reply["parameters"]["reason"], "") << call;
  }
  EXPECT_FALSE(ask(R"({"method":"org.varlink.service.GetInfo"})").contains("error"));
  EXPECT_FALSE(ask(R"({"method":"io.relinkd.Subscribe"})").contains("error"));
  EXPECT_EQ(service.reloads, 0);
  EXPECT_THAT(service.orders, IsEmpty());
}

TEST_F(ConversationTest, ReadersMayNotOrder) {
  service.allowed = Access::Read;
  EXPECT_FALSE(ask(R"({"method":"io.relinkd.GetStatus"})").contains("error"));
  EXPECT_FALSE(ask(R"({"method":"io.relinkd.GetConfig"})").contains("error"));
  EXPECT_FALSE(ask(R"({"method":"io.relinkd.GetApps"})").contains("error"));
  for (const auto& call : kOrders) {
    EXPECT_EQ(ask(call)["error"], "io.relinkd.PermissionDenied") << call;
  }
  EXPECT_EQ(service.reloads, 0);
  EXPECT_THAT(service.orders, IsEmpty());
}

TEST_F(ConversationTest, OrdersReachTheDaemonAsTheyWereGiven) {
  service.order_view = {true, {"so it is"}};
  for (const auto& call : kOrders) {
    const json reply = ask(call);
    ASSERT_FALSE(reply.contains("error")) << call;
    if (call.find("Reload") != std::string::npos) continue;
    EXPECT_EQ(reply["parameters"], json::parse(R"({"accepted":true,"lines":["so it is"]})"));
  }
  ask(R"({"method":"io.relinkd.Relink","parameters":{"app":"checkout","dry_run":true}})");
  ask(R"({"method":"io.relinkd.Pause"})");
  ask(R"({"method":"io.relinkd.Pause","parameters":{"seconds":null}})");
  EXPECT_THAT(service.orders,
              ElementsAre("relink checkout", "reset checkout", "revert checkout", "pause 90s",
                          "resume", "relink checkout dry", "pause 0s", "pause 0s"));
}

TEST_F(ConversationTest, AnOrderThatIsNotExactlyWhatTheMethodTakesIsRefused) {
  const std::pair<std::string, std::string> calls[] = {
      {R"(Relink","parameters":{"dry_run":true})", "app"},
      {R"(Relink","parameters":{"app":"checkout"})", "dry_run"},
      {R"(Relink","parameters":{"app":"checkout","dry_run":"yes"})", "dry_run"},
      {R"(Relink","parameters":{"app":7,"dry_run":true})", "app"},
      {R"(Relink","parameters":{"app":"checkout","dry_run":true,"force":true})", "force"},
      {R"(Tune","parameters":{"app":"checkout"})", "revert"},
      {R"(Tune","parameters":{"revert":false})", "app"},
      {R"(Reset","parameters":{})", "app"},
      {R"(Reset","parameters":{"app":["checkout"]})", "app"},
      {R"(Pause","parameters":{"seconds":0})", "seconds"},
      {R"(Pause","parameters":{"seconds":-1})", "seconds"},
      {R"(Pause","parameters":{"seconds":1e-12})", "seconds"},
      {R"(Pause","parameters":{"seconds":1e300})", "seconds"},
      {R"(Pause","parameters":{"seconds":"30m"})", "seconds"},
      {R"(Resume","parameters":{"app":"checkout"})", "app"},
      {R"(GetApps","parameters":{"app":"checkout"})", "app"},
      {R"(Subscribe","parameters":{"app":"checkout"})", "app"}};
  for (const auto& [call, parameter] : calls) {
    const json reply = ask(R"({"method":"io.relinkd.)" + call + "}");
    EXPECT_EQ(reply["error"], "org.varlink.service.InvalidParameter") << call;
    EXPECT_EQ(reply["parameters"]["parameter"], parameter) << call;
  }
  EXPECT_THAT(service.orders, IsEmpty());
}

TEST_F(ConversationTest, AnswersWithTheApps) {
  service.apps_view.apps.emplace_back().name = "checkout";
  const json reply = ask(R"({"method":"io.relinkd.GetApps"})");
  EXPECT_EQ(reply["parameters"]["apps"][0]["name"], "checkout");
}

TEST_F(ConversationTest, ASubscriptionWithoutMoreIsOneReply) {
  service.allowed = Access::None;
  service.subscriptions = {testing::subscription("checkout", 1)};
  const json reply = ask(R"({"method":"io.relinkd.Subscribe"})");
  EXPECT_EQ(reply["parameters"]["subscriptions"][0]["app"], "checkout");
  EXPECT_FALSE(reply.contains("continues"));
  EXPECT_FALSE(conversation.streaming());
}

TEST_F(ConversationTest, ASubscriptionWithMoreTellsTheListAgainOnlyWhenItHasChanged) {
  service.allowed = Access::None;
  const json reply = ask(R"({"method":"io.relinkd.Subscribe","more":true})");
  EXPECT_EQ(reply["parameters"]["subscriptions"], json::array()) << "it is a process of no app";
  EXPECT_EQ(reply["continues"], true);
  ASSERT_TRUE(conversation.streams_subscription());
  EXPECT_EQ(conversation.subscription_news(), "");
  service.subscriptions = {testing::subscription("checkout", 1)};
  const json news = json::parse(without_end(conversation.subscription_news()));
  EXPECT_EQ(news["parameters"]["subscriptions"][0]["generation"], 1);
  EXPECT_EQ(news["continues"], true);
  EXPECT_EQ(conversation.subscription_news(), "");
}

TEST_F(ConversationTest, ASubscriberIsWhoItWasWhenItCalled) {
  service.allowed = Access::Read;
  ask(R"({"method":"io.relinkd.Subscribe","more":true})");
  service.allowed = Access::None;
  conversation.subscription_news();
  ASSERT_EQ(service.subscribers.size(), 2U);
  for (const Subscriber& subscriber : service.subscribers) {
    EXPECT_EQ(subscriber.uid, 1000U);
    EXPECT_EQ(subscriber.cgroup, "/of-77");
    EXPECT_TRUE(subscriber.reads_all);
  }
}

TEST_F(ConversationTest, AStrangerDoesNotBecomeASubscriber) {
  service.allowed = Access::None;
  ask(R"({"method":"io.relinkd.GetEvents","more":true})");
  EXPECT_FALSE(conversation.streaming());
}

TEST_F(ConversationTest, EventsWithoutMoreAreTheLastOnes) {
  service.events = {testing::event(1, "one"), testing::event(2, "two")};
  const json reply = ask(R"({"method":"io.relinkd.GetEvents"})");
  EXPECT_EQ(reply["parameters"]["events"].size(), 2U);
  EXPECT_FALSE(reply.contains("continues"));
  EXPECT_FALSE(conversation.streaming());
}

TEST_F(ConversationTest, EventsWithMoreGoOn) {
  service.events = {testing::event(1, "one")};
  const json reply = ask(R"({"method":"io.relinkd.GetEvents","more":true})");
  EXPECT_EQ(reply["parameters"]["events"].size(), 1U);
  EXPECT_EQ(reply["continues"], true);
  EXPECT_TRUE(conversation.streaming());
}

TEST_F(ConversationTest, MoreOfWhatIsNoStreamEndsWithItsOneReply) {
  const json reply = ask(R"({"method":"io.relinkd.GetStatus","more":true})");
  EXPECT_FALSE(reply.contains("continues"));
  EXPECT_FALSE(conversation.streaming());
}

TEST_F(ConversationTest, ASubscriberIsNotHeardAgain) {
  conversation.receive(std::string(R"({"method":"io.relinkd.GetEvents","more":true})") + '\0' +
                       R"({"method":"io.relinkd.Reload"})" + '\0');
  ASSERT_TRUE(conversation.ready());
  conversation.answer(WallTime{});
  EXPECT_FALSE(conversation.ready());
  EXPECT_FALSE(conversation.wants_bytes());
}

TEST_F(ConversationTest, AOnewayCallIsCarriedOutWithoutAReply) {
  conversation.receive(std::string(R"({"method":"io.relinkd.Reload","oneway":true})") + '\0');
  EXPECT_EQ(conversation.answer(WallTime{}), "");
  EXPECT_EQ(service.reloads, 1);
  conversation.receive(std::string(R"({"method":"io.relinkd.No","oneway":true})") + '\0');
  EXPECT_EQ(conversation.answer(WallTime{}), "");
}

TEST_F(ConversationTest, CallsThatCameTogetherAreAnsweredInTheirOrder) {
  conversation.receive(std::string(R"({"method":"io.relinkd.GetConfig"})") + '\0' +
                       R"({"method":"io.relinkd.GetEvents"})" + '\0');
  EXPECT_FALSE(conversation.wants_bytes());
  EXPECT_THAT(conversation.answer(WallTime{}), HasSubstr("\"values\""));
  EXPECT_THAT(conversation.answer(WallTime{}), HasSubstr("\"events\""));
  EXPECT_TRUE(conversation.wants_bytes());
}

TEST_F(ConversationTest, NamesWhatItDoesNotKnow) {
  json reply = ask(R"({"method":"io.relinkd.Explode"})");
  EXPECT_EQ(reply["error"], "org.varlink.service.MethodNotFound");
  EXPECT_EQ(reply["parameters"]["method"], "io.relinkd.Explode");
  reply = ask(R"({"method":"org.varlink.service.Explode"})");
  EXPECT_EQ(reply["error"], "org.varlink.service.MethodNotFound");
  reply = ask(R"({"method":"io.other.GetStatus"})");
  EXPECT_EQ(reply["error"], "org.varlink.service.InterfaceNotFound");
  EXPECT_EQ(reply["parameters"]["interface"], "io.other");
  reply = ask(
      R"({"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"x.y"}})");
  EXPECT_EQ(reply["error"], "org.varlink.service.InterfaceNotFound");
}

TEST_F(ConversationTest, NamesTheParameterThatIsWrong) {
  json reply = ask(R"({"method":"GetStatus"})");
  EXPECT_EQ(reply["error"], "org.varlink.service.InvalidParameter");
  EXPECT_EQ(reply["parameters"]["parameter"], "method");
  reply = ask(R"({"method":"io.relinkd.Reload","parameters":{"force":true}})");
  EXPECT_EQ(reply["error"], "org.varlink.service.InvalidParameter");
  EXPECT_EQ(reply["parameters"]["parameter"], "force");
  EXPECT_EQ(service.reloads, 0);
  reply = ask(R"({"method":"org.varlink.service.GetInterfaceDescription"})");
  EXPECT_EQ(reply["parameters"]["parameter"], "interface");
  reply = ask(
      R"({"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":1}})");
  EXPECT_EQ(reply["parameters"]["parameter"], "interface");
}

TEST_F(ConversationTest, GoesOnAfterAnErrorOfTheCaller) {
  ask(R"({"method":"io.relinkd.Explode"})");
  EXPECT_TRUE(conversation.wants_bytes());
  EXPECT_FALSE(ask(R"({"method":"io.relinkd.GetStatus"})").contains("error"));
}

TEST_F(ConversationTest, EndsAfterWhatIsNoCall) {
  const json reply = ask("GET /metrics HTTP/1.1");
  EXPECT_EQ(reply["error"], "io.relinkd.InvalidMessage");
  EXPECT_TRUE(conversation.ended());
  EXPECT_FALSE(conversation.wants_bytes());
}

TEST_F(ConversationTest, EndsWithACallThatIsTooLongBeforeItsEndCame) {
  conversation.receive(std::string(kMaxCall, 'x'));
  EXPECT_FALSE(conversation.ready());
  EXPECT_TRUE(conversation.wants_bytes());
  conversation.receive("x");
  ASSERT_TRUE(conversation.ready());
  EXPECT_THAT(conversation.answer(WallTime{}), HasSubstr("longer than 65536 bytes"));
  EXPECT_TRUE(conversation.ended());
}

}  // namespace
}  // namespace relinkd::control
