// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/tune_view.hpp"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::relinkctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

control::TuningView example() {
  control::TuningEndpointView endpoint;
  endpoint.endpoint = "sessions";
  endpoint.sockets = 20;
  endpoint.strict = 3;
  endpoint.tuned = 17;
  endpoint.wanted = control::SocketOptionsView{true, 5s, 1s, 3, 8s};
  endpoint.changes = {{17, true, {false, 7200s, 75s, 9, 0s}, {true, 5s, 1s, 3, 8s}}};
  control::TuningAppView app;
  app.name = "checkout";
  app.mode = "act";
  app.endpoints = {endpoint};
  control::TuningView view;
  view.apps = {app};
  return view;
}

TEST(TuneView, HasALineForEachEndpointAndWhatWasChangedBelow) {
  EXPECT_THAT(
      render_tuning(example(), Screen{}),
      StartsWith(
          "checkout: mode act\n"
          "ENDPOINT  SOCKETS  STRICT  TUNED  LOOSE  UNSEEN  WANTED\n"
          "sessions  20       3       17     0      0       keepalive after 5s idle, 3 probes each "
          "1s, user timeout 8s\n"
          "  17 sockets have keepalive after 5s idle, 3 probes each 1s, user timeout 8s; the app's "
          "own: no keepalive, no user timeout\n"));
}

TEST(TuneView, SaysWhatWouldBeChangedInModeObserve) {
  control::TuningView view = example();
  view.apps[0].mode = "observe";
  control::TuningEndpointView& endpoint = view.apps[0].endpoints[0];
  endpoint.changes = {{1, false, {true, 60s, 10s, 6, 0s}, {true, 5s, 1s, 3, 8s}}};
  EXPECT_THAT(
      render_tuning(view, Screen{}),
      AllOf(HasSubstr("checkout: mode observe\n"),
            HasSubstr("  1 socket would get keepalive after 5s idle, 3 probes each 1s, user "
                      "timeout 8s; now: keepalive after 1m idle, 6 probes each 10s, no user "
                      "timeout\n")));
}

TEST(TuneView, SaysWhyNothingIsDone) {
  control::TuningView view = example();
  view.unsupported = "this kernel has no BTF";
  view.paused = true;
  view.apps[0].reverted = true;
  view.apps[0].endpoints[0].wanted.reset();
  EXPECT_THAT(
      render_tuning(view, Screen{}),
      AllOf(
          HasSubstr("relinkd is paused"),
          HasSubstr("the options of live sockets cannot be looked at: this kernel has no BTF\n"),
          HasSubstr("checkout: mode act, protection taken back (relinkctl tune apply checkout)\n"),
          HasSubstr("nothing: protect = false")));
}

TEST(TuneView, CleansWhatRelinkdSays) {
  control::TuningView view = example();
  view.unsupported = "a\x1b[2Jb";
  EXPECT_THAT(render_tuning(view, Screen{}), Not(HasSubstr("\x1b")));
}

TEST(TuneView, OfNoAppSaysSo) {
  EXPECT_EQ(render_tuning({}, Screen{}), "No app is configured ([[app]]).\n");
}

}  // namespace
}  // namespace relinkd::relinkctl
