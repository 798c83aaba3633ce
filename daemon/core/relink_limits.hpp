// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/relink_planner.hpp"

namespace relinkd::core {

/// reconnect_rate of an endpoint: how many sockets may be destroyed now, whoever's they are. It
/// fills evenly, and what is saved up is a tenth of a second's worth (one at least): so no second
/// sees more than 1.1 times the rate (and one), and the server sees a flow, not a wave a second.
class TokenBucket {
 public:
  void set_rate(int per_second) { rate_ = per_second; }
  /// Takes at most `wanted`, and what there is.
  std::size_t take(std::size_t wanted, MonoTime now);
  /// When there will be `wanted`, or as many as are ever saved up.
  [[nodiscard]] MonoTime next(std::size_t wanted, MonoTime now) const;

 private:
  [[nodiscard]] double most() const;
  int rate_ = 1;
  double tokens_ = 0;
  std::optional<MonoTime> filled_;
};

/// max_relinks_per_hour of an app: open, nothing is done for it.
class RelinkBreaker {
 public:
  static constexpr Duration kHour = 1h;

  /// Counts a relink that is about to begin. False: it is one too many.
  bool count(int most, MonoTime now);
  void open(std::string why, MonoTime now);
  /// The count begins anew.
  void close();
  [[nodiscard]] bool is_open() const { return memory_.open_until.has_value(); }
  /// kNever: it is not open.
  [[nodiscard]] MonoTime open_until() const { return memory_.open_until.value_or(kNever); }

  void restore(const RelinkMemory::Breaker& memory) { memory_ = memory; }
  [[nodiscard]] RelinkMemory::Breaker memory() const;

 private:
  RelinkMemory::Breaker memory_;
};

/// max_parallel of an endpoint: the apps that are being disturbed, and those that wait for their
/// turn, which comes in the order in which they asked.
class RelinkSlots {
 public:
  bool take(const std::string& app, int most);
  /// Gives the turn, or the place among those who wait, back.
  void leave(const std::string& app);
  /// Whether others may have their turn now; asked once.
  bool freed();

 private:
  std::set<std::string> taken_;
  std::vector<std::string> waiting_;
  bool freed_ = false;
};

/// Counts, for one target, the sockets that replaced ended ones and died as soon: three of them,
/// and what carries new connections to the node does not carry data (a path that drops large
/// packets looks like that).
class RelinkReplacements {
 public:
  /// A replacement dies young if it is black-holed within this time of being first seen.
  static constexpr Duration kYoung = 1min;
  static constexpr std::size_t kTooMany = 3;

  /// Sockets to `node` are made to end.
  void on_order(const std::string& node, MonoTime now);
  void on_dead(const RelinkSocket& socket);
  /// A node whose replacements are too many, if there is one.
  [[nodiscard]] std::optional<std::string> failing() const;
  /// What was ordered two minutes ago and more has had its replacements.
  void forget_old(MonoTime now);
  void clear() { nodes_.clear(); }

 private:
  struct Node {
    MonoTime first_order{};
    MonoTime last_order{};
    std::set<std::uint64_t> dead;  ///< cookies; kTooMany at most
  };
  std::map<std::string, Node> nodes_;
};

}  // namespace relinkd::core
