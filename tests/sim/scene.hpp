// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "watched.hpp"

namespace relinkd::sim {

/// One node, watched over one path.
struct Scene {
  explicit Scene(std::uint64_t seed, double loss = 0, core::LinkLimits limits = {})
      : world(seed), node(world, host, path, server, limits) {
    path.loss = loss;
    begin = world.now();
    node.start();
  }
  [[nodiscard]] core::Condition condition() const { return node.machine().condition(); }
  [[nodiscard]] bool up() const { return core::is_up(condition()); }

  World world;
  Host host{world};
  Path path;
  Server server;
  Watched node;
  MonoTime begin;
};

}  // namespace relinkd::sim
