// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scale.hpp"
#include "scene.hpp"

namespace relinkd::sim {
namespace {

using core::Condition;

constexpr std::array<double, 8> kRates{0.001, 0.005, 0.01, 0.02, 0.05, 0.10, 0.20, 0.30};
/// Up to this rate nothing but ok and slow may be seen, and no connection be given up.
constexpr double kQuiet = 0.05;
/// An interval until the next PING, then the user timeout of 8 s at the latest.
constexpr Duration kFoundWithin = 9500ms;

struct False {
  std::uint64_t probes = 0;
  std::size_t half_open = 0;
  std::size_t unreachable = 0;
  std::size_t other = 0;
  std::uint64_t hangups = 0;
  std::uint64_t witnesses = 0;
  std::string troubles;

  [[nodiscard]] std::size_t conditions() const { return half_open + unreachable + other; }
  void add(const Scene& scene) {
    probes += scene.node.probes();
    hangups += scene.node.hangups();
    witnesses += scene.node.witnesses();
    for (const Record& r : scene.node.records()) {
      const Condition c = r.transition.to;
      if (core::is_up(c)) continue;
      (c == Condition::HalfOpen ? half_open : c == Condition::Unreachable ? unreachable : other)++;
    }
    troubles += scene.node.troubles(scene.begin);
    EXPECT_EQ(scene.node.broken(), "");
  }
};

/// A node that is alive all the time.
False watch_alive(double loss, Duration time, std::uint64_t seed) {
  Scene scene(seed, loss);
  scene.world.run_for(time);
  False f;
  f.add(scene);
  return f;
}

struct Detection {
  std::vector<double> seconds;
  int missed = 0;

  [[nodiscard]] double quantile(double q) const {
    if (seconds.empty()) return 0;
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
  }
};

/// Cuts again and again, at random phase, and takes the time until a condition says so.
/// `whole_path`: nothing gets through; else only the watch connection's flow is forgotten.
Detection cut(double loss, int trials, bool whole_path, std::uint64_t seed) {
  Scene scene(seed, loss);
  World& world = scene.world;
  world.run_for(60s);
  Detection d;
  for (int i = 0; i < trials; ++i) {
    world.run_for(20s + world.random(10s));
    while (!scene.up()) world.run_for(1s);
    const std::size_t before = scene.node.records().size();
    const MonoTime at = world.now();
    whole_path ? void(scene.path.cut = true) : scene.node.forget_flow();
    const auto found = [&] {
      const auto& r = scene.node.records();
      return std::find_if(r.begin() + static_cast<std::ptrdiff_t>(before), r.end(),
                          [](const Record& x) { return !core::is_up(x.transition.to); });
    };
    while (found() == scene.node.records().end() && world.now() < at + kFoundWithin) {
      world.run_for(50ms);
    }
    if (found() == scene.node.records().end()) {
      ++d.missed;
    } else {
      d.seconds.push_back(to_seconds(found()->at - at));
    }
    scene.path.cut = false;
  }
  EXPECT_EQ(scene.node.broken(), "");
  return d;
}

}  // namespace

// Up to 5 % loss of packets in each direction, a living node is never called anything but ok or
// slow, and no connection is given up; at any loss, a real cut is found.
TEST(PacketLoss, IsNotTakenForACutAndDoesNotHideOne) {
  const double days = scale();
  std::printf(
      "%.3g virtual days at each rate of loss; false conditions, hang-ups and witnesses a day;\n"
      "seconds from a real cut to the condition\n"
      "  loss    probes half_open unreachable other hang-ups witnesses  flow: median  max  "
      "path: median  max\n",
      days);
  for (const double loss : kRates) {
    SCOPED_TRACE(fmt::format("loss {} %", loss * 100));
    const auto seed = static_cast<std::uint64_t>(loss * 1e6);
    const False f = watch_alive(loss, from_seconds(86400 * days), seed);
    const Detection flow = cut(loss, scaled(60, 10), false, seed + 1);
    const Detection path = cut(loss, scaled(60, 10), true, seed + 2);
    const auto daily = [&](auto n) { return static_cast<double>(n) / days; };
    fmt::print(
        "{:5.1f} % {:8} {:9.3g} {:11.3g} {:5.3g} {:8.3g} {:9.0f} {:13.2f} {:4.2f} {:13.2f} "
        "{:4.2f}\n",
        loss * 100, f.probes, daily(f.half_open), daily(f.unreachable), daily(f.other),
        daily(f.hangups), daily(f.witnesses), flow.quantile(0.5), flow.quantile(1),
        path.quantile(0.5), path.quantile(1));
    (void)std::fflush(stdout);
    if (loss <= kQuiet) {
      EXPECT_EQ(f.conditions(), 0U) << f.troubles;
      EXPECT_EQ(f.hangups, 0U);
    }
    EXPECT_EQ(flow.missed, 0);
    EXPECT_EQ(path.missed, 0);
  }
}

// In its first minute a process does not know yet that a path loses packets: the first loss it sees
// may be three in a row, or three SYNs. That is rare, and one witnessed transmission away from what
// a cut looks like; it must stay rare.
TEST(PacketLoss, RarelyMisleadsAStart) {
  const int starts = scaled(400);
  std::printf("false conditions in the first minute, per 1000 starts\n");
  for (const double loss : {0.01, 0.02, 0.05}) {
    False f;
    for (int i = 0; i < starts; ++i) {
      Scene scene(static_cast<std::uint64_t>(i), loss);
      scene.world.run_for(60s);
      f.add(scene);
    }
    const double rate = 1000.0 * static_cast<double>(f.conditions()) / starts;
    fmt::print("{:5.1f} %: {:.3g} (half_open {}, unreachable {}, other {} of {} starts)\n",
               loss * 100, rate, f.half_open, f.unreachable, f.other, starts);
    (void)std::fflush(stdout);
    EXPECT_LE(rate, 20) << f.troubles;
  }
}

}  // namespace relinkd::sim
