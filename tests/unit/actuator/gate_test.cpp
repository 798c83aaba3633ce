// SPDX-License-Identifier: Apache-2.0
// Which orders are carried out. Each test takes one thing from an order that is.
#include "actuator/gate.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

namespace relinkd::testing {
namespace {

using actuator::Gate;
using config::Action;
using core::RelinkVerb;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Result = orders::Answer::Result;

constexpr uid_t kWatcher = 64001;
constexpr uid_t kApp = 64002;
constexpr uid_t kStranger = 64003;
constexpr std::string_view kCgroup = "/system.slice/checkout.service";

config::Endpoint endpoint(const std::string& name) {
  config::Endpoint made;
  made.name = name;
  made.node_ports = {6379, 6380};
  return made;
}

/// Two endpoints; checkout uses sessions, and billing, of the same user, uses both.
config::Settings settings() {
  config::Settings made;
  made.actuator.user = std::to_string(kWatcher);
  made.endpoints = {endpoint("sessions"), endpoint("orders")};
  config::App checkout;
  checkout.name = "checkout";
  checkout.match.unit = "checkout.service";
  checkout.match.user = std::to_string(kApp);
  checkout.endpoints = {"sessions"};
  checkout.actions = {Action{},
                      {RelinkVerb::Signal, "SIGUSR1"},
                      {RelinkVerb::Start, "hook.service"},
                      {RelinkVerb::Reload, ""}};
  config::App billing;
  billing.name = "billing";
  billing.match.user = std::to_string(kApp);
  billing.endpoints = {"sessions", "orders"};
  made.apps = {checkout, billing};
  return made;
}

orders::Order destroy(const std::string& app = "checkout") {
  orders::Order order;
  order.kind = orders::Order::Kind::Relink;
  order.app = app;
  order.endpoint = "sessions";
  order.socket = orders::SocketName{*Address::parse("10.0.0.5", 41234),
                                    *Address::parse("10.0.0.7", 6380), false, 0, 4711};
  return order;
}

orders::Order act(RelinkVerb verb, const std::string& action) {
  orders::Order order = destroy();
  order.verb = verb;
  order.socket.reset();
  order.action = action;
  return order;
}

kernel::TcpSocket socket_of(const orders::Order& order) {
  kernel::TcpSocket socket;
  socket.local = order.socket->local;
  socket.remote = order.socket->remote;
  socket.cookie = order.socket->cookie;
  socket.state = TCP_ESTABLISHED;
  socket.uid = kApp;
  socket.inode = 99;
  return socket;
}

std::string why_not(const Gate& gate, const orders::Order& order) {
  const auto permit = gate.permits(order);
  return permit ? "it is permitted" : permit.error().message;
}

/// The judgement on the order's socket as the kernel sees it.
std::optional<actuator::Outcome> judge(const Gate& gate, const orders::Order& order,
                                       const std::optional<kernel::TcpSocket>& seen,
                                       std::string_view cgroup = kCgroup) {
  const auto permit = gate.permits(order);
  EXPECT_TRUE(permit) << permit.error().message;
  return permit ? gate.objection(*permit, *order.socket, seen, cgroup) : std::nullopt;
}

MATCHER_P2(Is, result, part, "") {
  return arg && arg->result == result && arg->detail.find(part) != std::string::npos;
}

// -------------------------------------------------------------------------------------- the peer

TEST(Peer, IsRootOrTheActuatorsUser) {
  const Gate gate(settings());
  EXPECT_TRUE(gate.obeys(0));
  EXPECT_TRUE(gate.obeys(kWatcher));
  EXPECT_THAT(gate.obeys(kStranger).error().message,
              AllOf(HasSubstr("uid 64003 may not order"), HasSubstr("64001")));
  EXPECT_FALSE(gate.obeys(kApp));
}

TEST(Peer, IsRootAloneWhereThereIsNoSuchUser) {
  auto with = settings();
  with.actuator.user = "no-such-user-anywhere";
  const Gate gate(with);
  EXPECT_TRUE(gate.obeys(0));
  EXPECT_THAT(gate.obeys(kWatcher).error().message, HasSubstr("there is none"));
}

// ------------------------------------------------------------------------------ the configuration

TEST(Order, ThatTheConfigurationNamesIsPermitted) {
  const Gate gate(settings());
  const auto permit = gate.permits(destroy());
  ASSERT_TRUE(permit) << permit.error().message;
  EXPECT_EQ(permit->app->name, "checkout");
  EXPECT_EQ(permit->index, 0U);
  EXPECT_EQ(permit->endpoint->name, "sessions");
  EXPECT_EQ(permit->action->verb, RelinkVerb::DestroySockets);
  for (const auto& order :
       {act(RelinkVerb::Signal, "signal:SIGUSR1"), act(RelinkVerb::Start, "start:hook.service"),
        act(RelinkVerb::Reload, "reload")}) {
    EXPECT_EQ(why_not(gate, order), "it is permitted") << order.action;
  }
}

TEST(Order, ForAnUnknownAppIsRefused) {
  EXPECT_THAT(why_not(Gate(settings()), destroy("chekout")), HasSubstr("has no app chekout"));
}

TEST(Order, ForAnEndpointThatTheAppDoesNotNameIsRefused) {
  const Gate gate(settings());
  auto order = destroy();
  order.endpoint = "orders";
  EXPECT_THAT(why_not(gate, order), HasSubstr("the app checkout names no endpoint orders"));
  order.endpoint = "elsewhere";
  EXPECT_THAT(why_not(gate, order), HasSubstr("names no endpoint elsewhere"));
  order = act(RelinkVerb::Reload, "reload");
  order.endpoint = "orders";
  EXPECT_THAT(why_not(gate, order), HasSubstr("names no endpoint orders"));
}

TEST(Order, OfAnActionThatTheAppDoesNotListIsRefused) {
  auto with = settings();
  with.apps[0].actions = {{RelinkVerb::Reload, ""}};
  const Gate gate(with);
  EXPECT_THAT(why_not(gate, destroy()),
              HasSubstr("destroy-sockets is none of the actions of the app checkout"));
  EXPECT_THAT(why_not(gate, act(RelinkVerb::Restart, "restart")), HasSubstr("restart is none"));
  EXPECT_EQ(why_not(gate, act(RelinkVerb::Reload, "reload")), "it is permitted");
}

TEST(Order, OfAnotherUnitOrSignalThanListedIsRefused) {
  const Gate gate(settings());
  EXPECT_THAT(why_not(gate, act(RelinkVerb::Start, "start:sshd.service")),
              HasSubstr("start:sshd.service is none of the actions"));
  EXPECT_THAT(why_not(gate, act(RelinkVerb::Signal, "signal:SIGKILL")),
              HasSubstr("signal:SIGKILL is none of the actions"));
}

TEST(Order, WhoseVerbIsAnotherThanItsActionIsRefused) {
  // "reload" is listed, restarting is not.
  EXPECT_THAT(why_not(Gate(settings()), act(RelinkVerb::Restart, "reload")),
              HasSubstr("is none of the actions"));
}

TEST(Order, ForAnAppInModeObserveIsRefused) {
  auto with = settings();
  with.apps[0].mode = config::Mode::Observe;
  const Gate gate(with);
  EXPECT_THAT(why_not(gate, destroy()), HasSubstr("the app checkout is in mode observe"));
  EXPECT_THAT(why_not(gate, act(RelinkVerb::Reload, "reload")), HasSubstr("in mode observe"));
  EXPECT_EQ(why_not(gate, destroy("billing")), "it is permitted");
}

TEST(Order, IsRefusedWhereAllIsInModeObserveUnlessTheAppActs) {
  auto with = settings();
  with.mode = config::Mode::Observe;
  with.apps[1].mode = config::Mode::Act;
  const Gate gate(with);
  EXPECT_THAT(why_not(gate, destroy()), HasSubstr("in mode observe"));
  EXPECT_EQ(why_not(gate, destroy("billing")), "it is permitted");
}

// ---------------------------------------------------------------------------------------- tuning

using Tuning = orders::Order::Tuning;

orders::Order tune(Tuning tuning, const std::string& app = "checkout") {
  orders::Order order;
  order.kind = orders::Order::Kind::Tune;
  order.tuning = tuning;
  order.app = app;
  order.endpoint = "sessions";
  order.cookies = {4711};
  return order;
}

std::string why_not_tuned(const config::Settings& with, const orders::Order& order) {
  const auto permit = Gate(with).permits_tuning(order);
  return permit ? "it is permitted" : permit.error().message;
}

TEST(Tuning, OfWhatTheConfigurationNamesIsPermitted) {
  const Gate gate(settings());
  for (const Tuning tuning : {Tuning::Look, Tuning::Apply, Tuning::Revert}) {
    const auto permit = gate.permits_tuning(tune(tuning, "billing"));
    ASSERT_TRUE(permit) << permit.error().message;
    EXPECT_EQ(permit->app->name, "billing");
    EXPECT_EQ(permit->index, 1U);
    EXPECT_EQ(permit->endpoint->name, "sessions");
  }
}

TEST(Tuning, OfAnAppOrEndpointThatIsNotNamedIsRefused) {
  auto order = tune(Tuning::Look, "chekout");
  EXPECT_THAT(why_not_tuned(settings(), order), HasSubstr("has no app chekout"));
  order = tune(Tuning::Revert);
  order.endpoint = "orders";
  EXPECT_THAT(why_not_tuned(settings(), order),
              HasSubstr("the app checkout names no endpoint orders"));
}

TEST(Tuning, NeedsNoActionOfTheApp) {
  auto with = settings();
  with.apps[0].actions = {{RelinkVerb::Reload, ""}};
  EXPECT_EQ(why_not_tuned(with, tune(Tuning::Apply)), "it is permitted");
}

TEST(Tuning, ChangesNothingInModeObserve) {
  auto with = settings();
  with.apps[0].mode = config::Mode::Observe;
  EXPECT_THAT(why_not_tuned(with, tune(Tuning::Apply)),
              HasSubstr("the app checkout is in mode observe"));
  EXPECT_EQ(why_not_tuned(with, tune(Tuning::Look)), "it is permitted");
  EXPECT_EQ(why_not_tuned(with, tune(Tuning::Revert)), "it is permitted");
}

TEST(Tuning, ChangesNothingWhereProtectIsFalse) {
  auto with = settings();
  with.apps[0].protect.wanted = false;
  EXPECT_THAT(why_not_tuned(with, tune(Tuning::Apply)),
              HasSubstr("protect of the app checkout is false"));
  EXPECT_EQ(why_not_tuned(with, tune(Tuning::Look)), "it is permitted");
  EXPECT_EQ(why_not_tuned(with, tune(Tuning::Revert)), "it is permitted");
  EXPECT_EQ(why_not_tuned(with, tune(Tuning::Apply, "billing")), "it is permitted");
}

// ------------------------------------------------------------------------------------ the socket

TEST(Socket, OfTheAppMayBeDestroyed) {
  const Gate gate(settings());
  EXPECT_EQ(judge(gate, destroy(), socket_of(destroy())), std::nullopt);
}

TEST(Socket, MayBeDestroyedInEachStateOfAConnection) {
  const Gate gate(settings());
  auto socket = socket_of(destroy());
  for (const int state : {TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
                          TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK}) {
    socket.state = static_cast<std::uint8_t>(state);
    EXPECT_EQ(judge(gate, destroy(), socket), std::nullopt) << state;
  }
  for (const int state :
       {int{TCP_LISTEN}, int{TCP_SYN_RECV}, int{TCP_TIME_WAIT}, int{TCP_CLOSE}, 0, 12, 255}) {
    socket.state = static_cast<std::uint8_t>(state);
    EXPECT_THAT(judge(gate, destroy(), socket), Is(Result::Refused, "is no connection")) << state;
  }
}

TEST(Socket, ThatTheKernelDoesNotKnowIsGone) {
  EXPECT_THAT(judge(Gate(settings()), destroy(), std::nullopt), Is(Result::Gone, "is no more"));
}

TEST(Socket, OfAnotherCookieIsGone) {
  auto socket = socket_of(destroy());
  ++socket.cookie;
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket), Is(Result::Gone, "is no more"));
}

TEST(Socket, OfOtherAddressesIsGone) {
  auto socket = socket_of(destroy());
  socket.remote = socket.remote.with_port(6379);
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket), Is(Result::Gone, "is no more"));
  socket = socket_of(destroy());
  socket.local = *Address::parse("10.0.0.6", 41234);
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket), Is(Result::Gone, "is no more"));
}

TEST(Socket, WithoutAHolderIsGone) {
  auto socket = socket_of(destroy());
  socket.inode = 0;
  socket.uid = 0;
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket), Is(Result::Gone, "held by no process"));
}

TEST(Socket, ToAPortThatIsNoneOfTheNodesIsRefused) {
  auto order = destroy();
  order.socket->remote = *Address::parse("10.0.0.7", 5432);
  EXPECT_THAT(judge(Gate(settings()), order, socket_of(order)),
              Is(Result::Refused, "none of the node_ports of sessions (6379, 6380)"));
}

TEST(Socket, OfAnotherUserIsRefused) {
  auto socket = socket_of(destroy());
  socket.uid = kStranger;
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket),
              Is(Result::Refused,
                 "its uid is 64003, its cgroup /system.slice/checkout.service, "
                 "which is no app's"));
  socket.uid = 0;
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket), Is(Result::Refused, "uid is 0"));
}

TEST(Socket, OfAnotherCgroupIsRefused) {
  EXPECT_THAT(
      judge(Gate(settings()), destroy(), socket_of(destroy()), "/system.slice/cron.service"),
      Is(Result::Refused, "is the app billing's"));
}

TEST(Socket, OfACgroupThatIsNotKnownIsNoUnits) {
  EXPECT_THAT(judge(Gate(settings()), destroy(), socket_of(destroy()), ""),
              Is(Result::Refused, "its cgroup not known"));
}

TEST(Socket, OfTwoAppsThatFitIsTheFirstOnes) {
  // billing matches by the user alone, but checkout stands before it.
  EXPECT_THAT(judge(Gate(settings()), destroy("billing"), socket_of(destroy("billing"))),
              Is(Result::Refused, "is the app checkout's"));
  auto order = destroy("billing");
  order.endpoint = "orders";
  EXPECT_EQ(judge(Gate(settings()), order, socket_of(order)), std::nullopt);
}

// --- sysctls --------------------------------------------------------------------------------

config::Settings enforcing() {
  config::Settings made = settings();
  made.mode = config::Mode::Act;
  made.sysctl.enforce = true;
  return made;
}

TEST(GateOfSysctls, GivesTheValueThatTheConfigurationWants) {
  const auto wanted = Gate(enforcing()).wanted("net.ipv4.tcp_retries2");
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(*wanted, 5);
}

TEST(GateOfSysctls, RefusesWhatIsNotListed) {
  for (const char* key : {"kernel.sysrq", "net/ipv4/tcp_retries2", "net.ipv4.tcp_retries", ""}) {
    EXPECT_FALSE(Gate(enforcing()).wanted(key)) << key;
  }
}

TEST(GateOfSysctls, RefusesAllWhereNothingIsToBeEnforced) {
  config::Settings without = enforcing();
  without.sysctl.enforce = false;
  EXPECT_THAT(Gate(without).wanted("net.ipv4.tcp_retries2").error().message,
              HasSubstr("enforce of [sysctl] is not true"));
  config::Settings observing = enforcing();
  observing.mode = config::Mode::Observe;
  EXPECT_THAT(Gate(observing).wanted("net.ipv4.tcp_retries2").error().message,
              HasSubstr("observe"));
}

}  // namespace
}  // namespace relinkd::testing
