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
  EXPECT_THAT(errors("[watch]\nkeepalive = \"5s\""),
              ElementsAre("f:2:13: watch.keepalive: expected a table, found a string"));
  EXPECT_THAT(errors("[watch]\nbackoff = [1]"),
              ElementsAre("f:2:11: watch.backoff: expected a table, found an array"));
}

TEST(Sections, OfLaterVersionsAreRefusedByName) {
  EXPECT_THAT(errors("mode = \"act\""),
              ElementsAre("f:1:1: mode is not supported by this version of relinkd"));
  EXPECT_THAT(errors("[actuator]\nsocket = \"/run/a.sock\""),
              ElementsAre("f:1:2: [actuator] is not supported by this version of relinkd"));
  EXPECT_THAT(errors("[[app]]\nname = \"a\"\n[[app]]\nname = \"b\""),
              ElementsAre("f:1:3: [[app]] is not supported by this version of relinkd"));
}

TEST(Keys, OfLaterVersionsAreRefusedByName) {
  EXPECT_THAT(errors("[metrics]\nusers_file = \"/u\"\ntls = { cert_file = \"/c\" }"),
              ElementsAre("f:2:1: metrics.users_file is not supported by this version of relinkd",
                          "f:3:1: metrics.tls is not supported by this version of relinkd"));
  EXPECT_THAT(errors("[sysctl]\nenforce = true"),
              ElementsAre("f:2:1: sysctl.enforce is not supported by this version of relinkd"));
  EXPECT_THAT(
      endpoint_errors("node_ports = [6379]\nreconnect_rate = 100\nmax_parallel = 4\n"
                      "cluster_relink = false"),
      ElementsAre("f:2:1: endpoint.node_ports is not supported by this version of relinkd",
                  "f:3:1: endpoint.reconnect_rate is not supported by this version of relinkd",
                  "f:4:1: endpoint.max_parallel is not supported by this version of relinkd",
                  "f:5:1: endpoint.cluster_relink is not supported by this version of relinkd"));
}

}  // namespace
}  // namespace relinkd::config::test
