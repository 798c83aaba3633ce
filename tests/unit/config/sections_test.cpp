// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MetricsListen, IsAnIpAddressAndPortOrEmpty) {
  for (const char* good : {"127.0.0.1:10121", "[::1]:10121", "0.0.0.0:65535", "[::]:0", ""}) {
    EXPECT_EQ(settings("[metrics]\nlisten = \"" + std::string(good) + "\"").metrics.listen, good);
  }
}

TEST(MetricsListen, RefusesAllElse) {
  for (const std::string bad :
       {"127.0.0.1", "10121", ":10121", "localhost:10121", "127.0.0.1:65536",
        "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "::1:10121", "[::1]", "[::1",
        "[127.0.0.1]:10121", "[::1]x:10121", "127.0.0.1 :10121", "[]:10121"}) {
    EXPECT_THAT(errors("[metrics]\nlisten = \"" + bad + "\""),
                ElementsAre("f:2:10: metrics.listen: '" + bad +
                            "' is not an IP address and port (0 to 65535), such as "
                            "\"127.0.0.1:10121\" or \"[::1]:10121\"; \"\" turns it off"));
  }
  EXPECT_THAT(
      errors("[metrics]\nlisten = 10121"),
      ElementsAre("f:2:10: metrics.listen: expected an IP address and port, found an integer"));
  EXPECT_THAT(errors("[metrics]\nlisten = \"127.0.0.1\\u0000:1\""),
              ElementsAre("f:2:10: metrics.listen: expected an IP address and port, found control "
                          "characters"));
}

TEST(ControlSocket, IsAnAbsolutePathThatFitsASocketAddress) {
  const std::string longest = "/" + std::string(106, 's');
  EXPECT_EQ(settings("[control]\nsocket = \"" + longest + "\"").control.socket, longest);
  EXPECT_THAT(errors("[control]\nsocket = \"" + longest + "s\""),
              ElementsAre("f:2:10: control.socket: a path of 108 bytes is out of range: at most "
                          "107"));
  for (const char* bad : {"", "control.sock", "./control.sock", "/", "/run/relinkd/"}) {
    EXPECT_THAT(errors("[control]\nsocket = \"" + std::string(bad) + "\""),
                ElementsAre("f:2:10: control.socket: expected an absolute path of a file, starting "
                            "with '/'"));
  }
  EXPECT_THAT(errors("[control]\nsocket = \"/run/a\\u0000b\""),
              ElementsAre("f:2:10: control.socket: expected an absolute path, found control "
                          "characters"));
}

TEST(ControlOperators, AreNamesOfGroups) {
  EXPECT_THAT(settings("[control]\noperators = [\"wheel\", \"redis-admins\"]").control.operators,
              ElementsAre("wheel", "redis-admins"));
  EXPECT_THAT(settings("[control]\noperators = []").control.operators, IsEmpty());
  EXPECT_THAT(errors("[control]\noperators = \"wheel\""),
              ElementsAre("f:2:13: control.operators: expected an array of group names, found a "
                          "string"));
  EXPECT_THAT(errors("[control]\noperators = [\"wheel\", 0, \"\", \"a,b\", \"a:b\"]"),
              ElementsAre("f:2:23: control.operators: expected a group's name, found an integer",
                          "f:2:26: control.operators: a group's name has 1 to 255 bytes, no ':' "
                          "and no ','",
                          "f:2:30: control.operators: a group's name has 1 to 255 bytes, no ':' "
                          "and no ','",
                          "f:2:37: control.operators: a group's name has 1 to 255 bytes, no ':' "
                          "and no ','"));
}

TEST(Sections, MustBeTables) {
  EXPECT_THAT(errors("watch = 5"), ElementsAre("f:1:9: watch: expected a table, found an integer"));
  EXPECT_THAT(errors("[[metrics]]\nlisten = \"\""),
              ElementsAre("f:1:1: metrics: expected a table, found an array of tables"));
  EXPECT_THAT(errors("control = \"x\""),
              ElementsAre("f:1:11: control: expected a table, found a string"));
  EXPECT_THAT(errors("actuator = true"),
              ElementsAre("f:1:12: actuator: expected a table, found a boolean"));
  EXPECT_THAT(errors("[watch]\nkeepalive = \"5s\""),
              ElementsAre("f:2:13: watch.keepalive: expected a table, found a string"));
  EXPECT_THAT(errors("[watch]\nbackoff = [1]"),
              ElementsAre("f:2:11: watch.backoff: expected a table, found an array"));
}

TEST(Mode, IsActOrObserve) {
  EXPECT_EQ(settings("mode = \"act\"").mode, Mode::Act);
  EXPECT_EQ(settings("mode = \"observe\"").mode, Mode::Observe);
  EXPECT_EQ(settings("").mode, Mode::Act);
  EXPECT_THAT(errors("mode = \"observer\""),
              ElementsAre("f:1:8: mode: expected one of \"act\", \"observe\", found 'observer'; "
                          "did you mean 'observe'?"));
  EXPECT_THAT(errors("mode = true"),
              ElementsAre("f:1:8: mode: expected \"act\", \"observe\", found a boolean"));
}

TEST(Actuator, TakesItsKeys) {
  const Actuator read = settings(
                            "[actuator]\nsocket = \"/run/a.sock\"\nuser = \"1000\"\n"
                            "max_orders_per_minute = 5")
                            .actuator;
  EXPECT_EQ(read, (Actuator{.socket = "/run/a.sock", .user = "1000", .max_orders_per_minute = 5}));
}

TEST(ActuatorSocket, IsAnAbsolutePathThatFitsASocketAddress) {
  const std::string longest = "/" + std::string(106, 's');
  EXPECT_EQ(settings("[actuator]\nsocket = \"" + longest + "\"").actuator.socket, longest);
  EXPECT_THAT(errors("[actuator]\nsocket = \"" + longest + "s\""),
              ElementsAre("f:2:10: actuator.socket: a path of 108 bytes is out of range: at most "
                          "107"));
  EXPECT_THAT(errors("[actuator]\nsocket = \"a.sock\""),
              ElementsAre("f:2:10: actuator.socket: expected an absolute path of a file, starting "
                          "with '/'"));
}

TEST(ActuatorUser, IsANameOrAUid) {
  for (const std::string& good :
       {std::string("relinkd"), std::string("_r-2.x$"), std::string("relinkd@example.net"),
        std::string("0"), std::string("4294967294"), std::string(255, 'u')}) {
    EXPECT_EQ(settings("[actuator]\nuser = \"" + good + "\"").actuator.user, good);
  }
  for (const std::string bad :
       {"", "-r", "a b", "a:b", "a/b", "é", "4294967295", "99999999999999999999"}) {
    const std::string printed = bad == "é" ? ".." : bad;
    EXPECT_THAT(errors("[actuator]\nuser = \"" + bad + "\""),
                ElementsAre("f:2:8: actuator.user: '" + printed +
                            "' is neither a user's name nor a uid (0 to 4294967294)"));
  }
  EXPECT_EQ(errors("[actuator]\nuser = \"" + std::string(256, 'u') + "\"").size(), 1U);
  EXPECT_THAT(errors("[actuator]\nuser = 0"),
              ElementsAre("f:2:8: actuator.user: expected a user's name or uid, found an integer"));
}

TEST(ActuatorMaxOrders, IsFrom1To100000) {
  const auto read = [](const std::string& value) {
    return settings("[actuator]\nmax_orders_per_minute = " + value).actuator.max_orders_per_minute;
  };
  EXPECT_EQ(read("1"), 1);
  EXPECT_EQ(read("100000"), 100'000);
  for (const std::string bad : {"0", "100001"}) {
    EXPECT_THAT(errors("[actuator]\nmax_orders_per_minute = " + bad),
                ElementsAre("f:2:25: actuator.max_orders_per_minute: " + bad +
                            " is out of range: 1 to 100000"));
  }
}

}  // namespace
}  // namespace relinkd::config::test
