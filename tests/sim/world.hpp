// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "base/entropy.hpp"
#include "base/time.hpp"

namespace relinkd::sim {

class Actor;

/// Something that happens to an actor at a point of virtual time. What `kind` and the two numbers
/// mean is the actor's business; `generation` lets it ignore what was meant for an earlier life.
struct Event {
  MonoTime at{};
  std::uint64_t order = 0;  ///< of scheduling: breaks ties, so that a run can be repeated
  Actor* actor = nullptr;
  std::uint32_t generation = 0;
  std::uint32_t kind = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
};

class Actor {
 public:
  Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  virtual ~Actor() = default;
  virtual void on_event(const Event& event) = 0;
};

/// Virtual time and chance. Actors outlive the world's last run.
class World {
 public:
  explicit World(std::uint64_t seed) : entropy_(seed) {}

  [[nodiscard]] MonoTime now() const { return now_; }
  double chance() { return entropy_.unit(); }
  /// Uniform in [0, most).
  Duration random(Duration most) {
    return Duration(static_cast<Duration::rep>(static_cast<double>(most.count()) * chance()));
  }

  void schedule(Event event);
  /// Lets everything happen that is due until `until`, which is the time then.
  void run_until(MonoTime until);
  void run_for(Duration time) { run_until(now_ + time); }

 private:
  struct Later {
    bool operator()(const Event& x, const Event& y) const {
      return x.at != y.at ? x.at > y.at : x.order > y.order;
    }
  };
  MonoTime now_ = MonoTime{} + 1h;  // a host that is up for a while
  std::uint64_t scheduled_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  Entropy entropy_;
};

}  // namespace relinkd::sim
