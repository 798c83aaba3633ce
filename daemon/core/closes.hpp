// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"
#include "core/app_ending.hpp"
#include "core/relink_planner.hpp"
#include "core/socket_event.hpp"

namespace relinkd::core {

/// A connection of an app that ended, or was not opened, and why.
struct AppClose {
  RelinkTarget target;
  SocketEvent event;
  Circumstances around;
  Attribution why;
  bool usual = false;  ///< counted and listed, and no line in the log
};

/// One line for the log: connections of one app and endpoint to one node that ended of one cause,
/// shortly after each other.
struct CloseNews {
  AppClose first;
  std::uint64_t count = 1;
  Duration over{};  ///< from the first to the last
};

struct CloseOrders {
  /// Ask this node of this endpoint what happened; the answer is on_told().
  struct Inquiry {
    std::string endpoint;
    Address node;
    MonoTime asked{};  ///< when: tells it from an earlier one, whose answer comes late
    friend bool operator==(const Inquiry&, const Inquiry&) = default;
  };
  std::vector<Inquiry> inquire;
  std::vector<AppClose> closed;  ///< decided now: to be counted
  std::vector<CloseNews> news;
  MonoTime deadline = kNever;
};

/// Finds out why the apps' connections closed. A FIN or RST waits for the node's answer; what died
/// together is told together. Pure: event and time in, orders and one deadline out.
class Closes {
 public:
  /// How long a FIN or RST waits for its node's answer.
  static constexpr Duration kAnswerWithin = 3s;
  /// A node is asked once in so long at most: what ends meanwhile shares the next answer.
  static constexpr Duration kPace = 500ms;
  /// FINs and RSTs that wait at a time, at about 600 bytes each. What comes on top is decided by
  /// what the connection itself shows.
  static constexpr std::size_t kMostWaiting = 10'000;
  /// From the first of a kind to the line that tells of it; and to the next line, where they go on.
  static constexpr Duration kGather = 1s;
  static constexpr Duration kGatherOn = 30s;
  /// Kinds of news gathered at a time.
  static constexpr std::size_t kMostGathered = 256;
  /// Kept for those who ask later: so many usual ones, and so many others.
  static constexpr std::size_t kRemembered = 500;
  /// How long it is known that relinkd had a socket ended.
  static constexpr Duration kRelinkKnown = 60s;

  /// A connection of `target` ended, or was not opened; other events have no effect. `around`: as
  /// of now.
  CloseOrders on_event(const RelinkTarget& target, const SocketEvent& event,
                       const Circumstances& around, MonoTime now);
  /// What the node said. Nothing: it cannot be asked. `around`: as of now. An answer that was given
  /// up waiting for has no effect.
  CloseOrders on_told(const CloseOrders::Inquiry& inquiry, const std::optional<Inquired>& told,
                      const Circumstances& around, MonoTime now);
  CloseOrders on_deadline(MonoTime now);
  /// relinkd orders the end of these sockets.
  void on_relink(const std::vector<std::uint64_t>& cookies, const std::string& incident,
                 MonoTime now);

  /// Oldest first, each kind for itself.
  [[nodiscard]] const std::deque<AppClose>& usual() const { return usual_; }
  [[nodiscard]] const std::deque<AppClose>& unusual() const { return unusual_; }

 private:
  /// Of this endpoint.
  using Place = std::pair<std::string, Address>;
  struct Waiting {
    AppClose close;
    MonoTime since{};
  };
  struct Node {
    std::vector<Waiting> waiting;     ///< in the order of time
    std::optional<MonoTime> asked;    ///< the inquiry under way began then
    MonoTime next = MonoTime::min();  ///< no other before this
  };
  struct Relinked {
    std::string incident;
    MonoTime at{};
  };
  /// App, endpoint, node and cause.
  using Kind = std::tuple<RelinkTarget, Address, Cause>;
  struct Gathered {
    std::optional<CloseNews> news;
    MonoTime tell{};  ///< and forget the kind, where there is nothing to tell
  };

  [[nodiscard]] std::string relink_of(std::uint64_t cookie) const;
  void decide(AppClose close, const Inquired& told);
  void gather(const AppClose& close);
  void ask(const Place& which, Node& node);
  void give_up_waiting();
  void tell();
  CloseOrders finish();

  MonoTime now_{};
  CloseOrders orders_;
  std::map<Place, Node> nodes_;
  std::size_t waiting_ = 0;
  std::map<Kind, Gathered> gathered_;
  std::map<std::uint64_t, Relinked> relinked_;
  std::deque<AppClose> usual_, unusual_;
};

}  // namespace relinkd::core
