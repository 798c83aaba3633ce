// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "core/protection.hpp"
#include "core/relink_planner.hpp"

namespace relinkd::core {

/// How the live sockets of an app to an endpoint are to be.
struct TuneRules {
  std::optional<SocketOptions> wanted;  ///< nothing: `protect = false`
  bool acts = false;                    ///< the app's mode is act
  friend bool operator==(const TuneRules&, const TuneRules&) = default;
};

struct TuneOrder {
  std::uint64_t id = 0;
  RelinkTarget target;
  Tuning tuning = Tuning::Look;
  std::vector<std::uint64_t> cookies;  ///< 1 to TunePlanner::kBatch
};

enum class TuneOutcome : std::uint8_t {
  Done,
  NotDone,      ///< refused, or failed, of some of the sockets at least
  Unsupported,  ///< the actuator, or this kernel, cannot
  Lost,         ///< there is no actuator, or it did not answer
};

/// What a person should know, once for an app and endpoint until it changes.
struct TuneNews {
  enum class Kind : std::uint8_t {
    Protected,  ///< relinkd's options are in force on `sockets` of its connections
    Would,      ///< in mode observe: they would be
    Reverted,   ///< the app's own are in force again on so many
    NotDone,    ///< `detail` says why not
  };
  Kind kind = Kind::Protected;
  RelinkTarget target;
  std::size_t sockets = 0;
  SocketOptions wanted;  ///< of Protected and Would
  std::string detail;
};

struct TunePlan {
  std::vector<TuneOrder> orders;
  std::vector<TuneNews> news;
};

/// What is known of the options of one socket.
struct SocketTuning {
  RelinkTarget target;
  std::optional<SocketOptions> now;     ///< nothing: not seen yet
  std::optional<SocketOptions> before;  ///< the app's own, where relinkd's are in force
};

/// Decides which live sockets of apps are looked at, made stricter, and put back. Pure.
///
/// Each socket is ordered for when it is first seen, and again every kAgain, since the app may set
/// its own options meanwhile; at once where something else is to be done with it than before. An
/// app whose protection a person took back stays so until a person applies it again.
class TunePlanner {
 public:
  /// orders::kMaxTuned.
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kMostUnderWay = 64;
  static constexpr Duration kAgain = 1min;
  /// After an order was lost.
  static constexpr Duration kWait = 10s;

  /// A connection of an app that is established, or half closed by its peer.
  struct Seen {
    std::uint64_t cookie = 0;
    RelinkTarget target;
  };

  /// Apps that a person reverted before a restart.
  void restore(std::set<std::string, std::less<>> reverted) { reverted_ = std::move(reverted); }
  /// An app that is in no rules is no longer reverted.
  TunePlan configure(std::map<RelinkTarget, TuneRules> rules, MonoTime now);
  /// All of them were looked at. What is not among `sockets` is forgotten.
  TunePlan on_looked(const std::vector<Seen>& sockets, MonoTime now);
  /// Of one of the orders; `tuned` are those of its sockets that were found.
  TunePlan on_result(std::uint64_t order, TuneOutcome outcome,
                     const std::vector<TunedSocket>& tuned, const std::string& detail,
                     MonoTime now);
  /// While paused, nothing is made stricter.
  TunePlan pause(bool paused, MonoTime now);
  /// The actuator may be another one, and be able to do what the last one was not.
  void actuator_changed() { unsupported_.reset(); }

  /// By a person: protects the app again, at once. Also asks an actuator that could not.
  TunePlan apply(const std::string& app, MonoTime now);
  /// By a person: puts back what was changed, and leaves the app alone.
  TunePlan revert(const std::string& app, MonoTime now);
  [[nodiscard]] const std::set<std::string, std::less<>>& reverted() const { return reverted_; }

  [[nodiscard]] const SocketTuning* find(std::uint64_t cookie) const;
  /// All sockets of the last look to this endpoint.
  [[nodiscard]] std::vector<const SocketTuning*> sockets(const RelinkTarget& target) const;
  [[nodiscard]] const TuneRules* rules(const RelinkTarget& target) const;
  /// Why nothing is done; nothing: it can be.
  [[nodiscard]] const std::optional<std::string>& unsupported() const { return unsupported_; }

 private:
  struct Socket {
    SocketTuning tuning;
    std::optional<Tuning> asked;  ///< what was ordered last; nothing: to be ordered at once
    MonoTime asked_at{};
    bool under_way = false;
  };
  /// Of one app and endpoint.
  struct Told {
    std::set<TuneNews::Kind> kinds;
    std::size_t put_back = 0;  ///< not told yet
    std::size_t under_way = 0;
    bool failed = false;  ///< one of those under way, or that were with them
  };

  [[nodiscard]] Tuning tuning_of(const RelinkTarget& target) const;
  [[nodiscard]] bool is_due(const Socket& socket, Tuning tuning, MonoTime now) const;
  TunePlan plan(MonoTime now);
  void begin(TuneOrder order, MonoTime now, TunePlan& plan);
  void take(const TuneOrder& order, const std::vector<TunedSocket>& tuned);
  void tell(const RelinkTarget& target, TunePlan& plan);
  void ask_anew(const std::string& app);

  std::map<RelinkTarget, TuneRules> rules_;
  std::unordered_map<std::uint64_t, Socket> sockets_;
  std::map<std::uint64_t, TuneOrder> under_way_;
  std::map<RelinkTarget, Told> told_;
  std::set<std::string, std::less<>> reverted_;  ///< apps
  std::optional<std::string> unsupported_;
  std::optional<MonoTime> not_before_;
  bool paused_ = false;
  std::uint64_t next_id_ = 1;
};

}  // namespace relinkd::core
