// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/closes_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::relinkctl {
namespace {

using testing::HasSubstr;
using testing::Not;

control::CloseView killed() {
  control::CloseView close;
  close.time = WallTime(std::chrono::seconds(1'795'342'500));
  close.app = "checkout";
  close.endpoint = "sessions";
  close.local = "10.0.0.5:51234";
  close.node = "10.0.0.7:6380";
  close.cause = "killed";
  close.detail = "the server's CLIENT KILL calls rose from 4 to 5";
  close.age = 131min;
  close.idle = 12s;
  close.rtt = 400us;
  close.sent = 1204;
  close.received = 8812;
  close.condition = "ok";
  return close;
}

control::CloseView closed_by_the_app() {
  control::CloseView close = killed();
  close.cause = "local_close";
  close.detail = "python3, pid 42 closed it in order";
  close.usual = true;
  return close;
}

TEST(Closes, SayWhatEndedWhyAndWhatItWasLike) {
  const std::string text = render_closes({killed()}, false, {});
  EXPECT_THAT(text, HasSubstr("checkout  sessions  10.0.0.7:6380  killed\n"));
  EXPECT_THAT(text, HasSubstr("the server's CLIENT KILL calls rose from 4 to 5\n"));
  EXPECT_THAT(text, HasSubstr("from 10.0.0.5:51234, opened 2 h 11 min before, idle for 12.0 s, "
                              "1204 bytes sent and 8812 received, RTT 400 µs, the node was ok\n"));
}

TEST(Closes, LeaveOutWhatHappensEveryDayAndCountIt) {
  const std::vector<control::CloseView> closes{closed_by_the_app(), killed(), closed_by_the_app()};
  const std::string some = render_closes(closes, false, {});
  EXPECT_THAT(some, Not(HasSubstr("local_close")));
  EXPECT_THAT(some, HasSubstr("2 more ended as connections do every day; --all shows them."));
  const std::string all = render_closes(closes, true, {});
  EXPECT_THAT(all, HasSubstr("python3, pid 42 closed it in order"));
  EXPECT_THAT(all, Not(HasSubstr("every day")));
}

TEST(Closes, SayWhatLimitsTheNodeAndThePathHadThen) {
  control::CloseView close = killed();
  close.maintenance = true;
  close.server_timeout = 5min;
  close.idle_cut = 10min;
  EXPECT_THAT(
      render_closes({close}, false, {}),
      HasSubstr("the node was ok, maintenance was announced, the server's timeout is 5 min, "
                "idle connections are cut after 10 min on this path\n"));
  close.server_timeout = 0s;
  EXPECT_THAT(render_closes({close}, false, {}), Not(HasSubstr("timeout")));
}

TEST(Closes, SayWhenThereAreNone) {
  EXPECT_THAT(render_closes({}, false, {}), HasSubstr("has been seen to end"));
  EXPECT_THAT(render_closes({closed_by_the_app()}, false, {}), HasSubstr("ended unusually"));
}

TEST(Closes, AnAttemptThatFailedWasNeverOpened) {
  control::CloseView close = killed();
  close.established = false;
  close.incident = "sessions-1";
  close.condition = "unknown";
  const std::string text = render_closes({close}, false, {});
  EXPECT_THAT(text, HasSubstr("from 10.0.0.5:51234, never opened, incident sessions-1\n"));
}

}  // namespace
}  // namespace relinkd::relinkctl
