// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actuator/configuration.hpp"
#include "actuator/outcome.hpp"
#include "actuator/tuned_memory.hpp"
#include "base/result.hpp"
#include "bpf/programs.hpp"
#include "kernel/cgroups.hpp"
#include "loop/loop.hpp"
#include "orders/order.hpp"

namespace relinkd::actuator {

/// What is done with the programs in the kernel: they are loaded when they are first asked for,
/// tell of connections while somebody listens, and set the options of sockets. Which ports they
/// watch, and what a socket is given, is the configuration's word.
class Tuner {
 public:
  /// Orders that come within this time share one walk over the kernel's sockets.
  static constexpr Duration kGather = 20ms;
  /// Of a core, for walks: after one of 10 ms the next is 1 s later.
  static constexpr int kShare = 100;
  /// But so long at most: relinkd waits no longer than a minute for an answer, and takes silence
  /// for the end of the actuator, of what it traces, too.
  static constexpr Duration kLongestRest = 30s;
  /// Orders that wait for a walk.
  static constexpr std::size_t kMostWaiting = bpf::Programs::kMostWishes / orders::kMaxTuned;
  /// After the kernel refused the programs it is not asked again for so long: many orders come at
  /// once, and nothing else is done meanwhile.
  static constexpr Duration kLoadAgain = 5s;
  /// How often sockets that are gone are forgotten.
  static constexpr Duration kForget = 60s;

  /// `path`: of the file in which it remembers what it changed. `complain`: where that is told
  /// which no answer tells. All that is handed in outlives it.
  Tuner(loop::Loop& loop, Configuration& configuration, std::optional<kernel::Cgroups>& cgroups,
        std::string path, std::function<void(const std::string&)> complain);
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  /// Kind::Trace: the ring buffer comes with the outcome.
  Outcome trace();
  /// Nobody listens any more.
  void end_trace();
  /// Kind::Tune; answers after the next walk.
  void tune(orders::Order order, Reply reply);
  /// The configuration may be another one.
  void refresh();

 private:
  struct Waiting {
    orders::Order order;
    Reply reply;
  };
  Result<void> load();
  void walk();
  Result<void> carry_out(std::vector<Waiting>& waiting);
  [[nodiscard]] bool is_of(const bpf::Found& found, const orders::Order& order);
  [[nodiscard]] std::optional<core::SocketOptions> wanted(const bpf::Found& found,
                                                          const orders::Order& order) const;

  loop::Loop& loop_;
  Configuration& configuration_;
  std::optional<kernel::Cgroups>& cgroups_;
  std::string path_;
  std::function<void(const std::string&)> complain_;
  TunedMemory memory_;
  std::unique_ptr<bpf::Programs> programs_;
  std::optional<Error> refused_;  ///< why they were not loaded
  MonoTime next_load_{};
  std::vector<Waiting> waiting_;
  Duration give_up_{};  ///< the kernel's own patience, as of the last walk
  MonoTime next_walk_{};
  MonoTime next_forget_{};
  loop::Deadline walk_;
};

}  // namespace relinkd::actuator
