// SPDX-License-Identifier: Apache-2.0
// Apps' connections beside the watch's, over virtual days: what is called black-holed is, and what
// is black-holed is found.
#include "app.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scale.hpp"
#include "scene.hpp"

namespace relinkd::sim {
namespace {

using core::AppSocketState;
using core::Condition;

/// Three apps at the node: a busy one, one that pauses, and one whose commands block.
struct Apps {
  explicit Apps(Scene& s)
      : scene(s),
        busy(s.world, s.path, s.server, s.node, 50ms),
        calm(s.world, s.path, s.server, s.node, 3s),
        waiting(s.world, s.path, queue, s.node, 300ms) {
    s.world.run_for(60s);  // a path whose loss is known
    for (App* app : all()) app->start();
  }
  std::array<App*, 3> all() { return {&busy, &calm, &waiting}; }

  /// Time passes, in which commands block and are answered.
  void run_for(Duration time) {
    const MonoTime end = scene.world.now() + time;
    while (scene.world.now() < end) {
      queue.stop();
      scene.world.run_until(std::min(end, scene.world.now() + scene.world.random(2s)));
      queue.resume();
      scene.world.run_until(std::min(end, scene.world.now() + scene.world.random(200ms)));
    }
  }
  std::uint64_t entered(AppSocketState state) {
    std::uint64_t n = 0;
    for (App* app : all()) n += app->entered(state);
    return n;
  }
  std::uint64_t answers() {
    std::uint64_t n = 0;
    for (App* app : all()) n += app->answers();
    return n;
  }

  Scene& scene;
  Server queue;
  App busy, calm, waiting;
};

void cut(Scene& scene, Apps& apps, bool only_replies, Duration time) {
  (only_replies ? scene.path.replies_cut : scene.path.cut) = true;
  apps.run_for(time);
  scene.path.replies_cut = scene.path.cut = false;
}

double quantile(std::vector<double> v, double q) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1))];
}

}  // namespace

TEST(AppSockets, LossOnALivingPathBlackHolesNothing) {
  for (const double loss : {0.0, 0.001, 0.005, 0.01, 0.02, 0.05}) {
    SCOPED_TRACE(fmt::format("loss {} %", loss * 100));
    Scene scene(static_cast<std::uint64_t>(loss * 1e6) + 1, loss);
    Apps apps(scene);
    apps.run_for(scaled(12) * Duration(1h));
    EXPECT_EQ(apps.entered(AppSocketState::BlackHoled), 0U);
    EXPECT_GT(apps.answers(), 500'000U * scale()) << "they work";
  }
}

TEST(AppSockets, ACutPathIsNotTakenForADeadFlow) {
  for (const bool only_replies : {false, true}) {
    for (const double loss : {0.0, 0.01}) {
      SCOPED_TRACE(fmt::format("{}, loss {} %", only_replies ? "only replies" : "both directions",
                               loss * 100));
      Scene scene(only_replies ? 11 : 12, loss);
      Apps apps(scene);
      const int cuts = scaled(1500);
      for (int i = 0; i < cuts; ++i) {
        const Duration lasts = i % 3 == 0   ? scene.world.random(600ms)
                               : i % 3 == 1 ? scene.world.random(3s)
                                            : scene.world.random(60s);
        cut(scene, apps, only_replies, lasts);
        // What was lost is repeated as long after the end as it was lost before it.
        apps.run_for(2s + 2 * lasts);
      }
      // What was lost in the outage may be lost by chance after it, twice in a row at this rate.
      EXPECT_LE(static_cast<double>(apps.entered(AppSocketState::BlackHoled)),
                loss > 0 ? 0.002 * cuts : 0);
      EXPECT_GT(scene.node.entered(Condition::Unreachable), 100U * scale()) << "it is seen";
    }
  }
}

// What was lost in one outage, is next repeated in another that lasts less than a second, and finds
// the node proven before and after that, is called black-holed. The app has waited for long then,
// and a new connection is what helps it; but it must stay rare.
TEST(AppSockets, APathThatFlapsRarelyMisleads) {
  Scene scene(14);
  Apps apps(scene);
  const int cuts = scaled(3000);
  for (int i = 0; i < cuts; ++i) {
    apps.run_for(2s + scene.world.random(8s));
    cut(scene, apps, false, scene.world.random(i % 2 == 0 ? 3s : 60s));
  }
  EXPECT_LE(static_cast<double>(apps.entered(AppSocketState::BlackHoled)), 0.02 * cuts);
}

TEST(AppSockets, ANodeThatIsStalledOrRestartsBlackHolesNothing) {
  Scene scene(13);
  Apps apps(scene);
  for (int i = 0; i < scaled(500); ++i) {
    apps.run_for(10s + scene.world.random(1s));
    scene.server.stop();
    apps.run_for(scene.world.random(12s));
    scene.server.resume();
    apps.run_for(10s);
    scene.server.kill();
    apps.run_for(scene.world.random(5s));
    scene.server.start();
  }
  EXPECT_EQ(apps.entered(AppSocketState::BlackHoled), 0U);
  EXPECT_GT(apps.entered(AppSocketState::Stalled), 100U * scale());
}

// Measured from the first transmission that nobody acknowledges.
TEST(AppSockets, AForgottenFlowIsFoundWhileTheNodeIsFine) {
  std::printf(
      "seconds until a forgotten flow of an app is called black-holed\n"
      "  loss  median     max\n");
  for (const double loss : {0.0, 0.01, 0.05}) {
    Scene scene(static_cast<std::uint64_t>(loss * 1e6) + 21, loss);
    Apps apps(scene);
    std::vector<double> seconds;
    for (int i = 0; i < scaled(400); ++i) {
      apps.run_for(20s + scene.world.random(2s));
      App& app = *apps.all()[static_cast<std::size_t>(i) % 2];
      // A lost reply leaves nothing unacknowledged: the kernel cannot see that one.
      while (app.waits_since()) scene.world.run_for(1ms);
      app.forget_flow();
      const MonoTime begin = scene.world.now();
      while (app.state() != AppSocketState::BlackHoled && scene.world.now() < begin + 120s) {
        scene.world.run_for(10ms);
      }
      ASSERT_EQ(app.state(), AppSocketState::BlackHoled) << app.socket().evidence();
      seconds.push_back(to_seconds(scene.world.now() - *app.waits_since()));
      app.reconnect();
    }
    fmt::print("{:5.1f} % {:6.2f} {:7.2f}\n", loss * 100, quantile(seconds, 0.5),
               quantile(seconds, 1));
    (void)std::fflush(stdout);
    if (loss == 0) {
      EXPECT_LE(quantile(seconds, 0.5), 1.0);
      EXPECT_LE(quantile(seconds, 1), 2.1);
    }
    EXPECT_EQ(apps.entered(AppSocketState::BlackHoled), seconds.size());
    EXPECT_EQ(scene.node.entered(Condition::HalfOpen), 0U) << "the watch's own is alive";
  }
}

}  // namespace relinkd::sim
