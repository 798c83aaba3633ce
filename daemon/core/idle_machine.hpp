// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/entropy.hpp"
#include "base/time.hpp"
#include "core/cause.hpp"
#include "core/evidence.hpp"

namespace relinkd::core {

/// That idle connections are cut on this path, and at which age.
struct IdleCut {
  Duration age{};       ///< the very age if `how` is a FIN or RST in silence, else an upper end
  Duration survived{};  ///< the longest silence seen to be survived before
  enum class How : std::uint8_t {
    Fin,       ///< closed in the midst of silence: a server or proxy with an idle limit
    Rst,       ///< reset in the midst of silence
    RstOnUse,  ///< reset when used again: a middlebox that had forgotten the flow, and says so
    Silent,    ///< forgotten without a word: an application would hang here
  };
  How how = How::Fin;
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const IdleCut&, const IdleCut&) = default;
};

struct IdleLimits {
  bool only_keepalive = false;  ///< no ages: silent but for the kernel's keepalive
  std::vector<Duration> ages;   ///< rising; not empty unless only_keepalive
  Duration command_timeout = 2s;
  Duration backoff_initial = 100ms;
  Duration backoff_max = 10s;
};

namespace idle {
struct Start {};
/// Connected and greeted: from here on the connection is idle.
struct Ready {};
struct DialFailed {};
struct Replied {};
struct Ended {
  Ending ending;
};
struct Deadline {
  std::optional<TcpSample> sample;
};
/// The watch connection to the same node got a reply to a PING sent at `probe_sent`.
struct NodeProven {
  MonoTime probe_sent{};
  int required_transmissions = 3;
};
/// The watch connection to the same node ended; why is not known yet.
struct NodeDisturbed {};
/// Why it ended, or that the server reports CLIENT KILL: that explains a loss of the idle
/// connection at the same time.
struct NodeExplained {
  Cause cause = Cause::PeerClosed;
  std::string evidence;
};
/// The endpoint is elsewhere now: another path, of which nothing is known yet.
struct Moved {
  std::string reason;
};
}  // namespace idle

using IdleEvent = std::variant<idle::Start, idle::Ready, idle::DialFailed, idle::Replied,
                               idle::Ended, idle::Deadline, idle::NodeProven, idle::NodeDisturbed,
                               idle::NodeExplained, idle::Moved>;

struct IdleOrders {
  /// Give the connection up.
  struct Hangup {
    Cause cause = Cause::LocalClose;
    std::string evidence;
  };
  std::optional<Hangup> hangup;
  /// The connection that ended before was ended by this (told once for each).
  std::optional<Hangup> ended;
  std::optional<IdleCut> found;  ///< a new finding, or one that changed
  bool cleared = false;          ///< the finding no longer holds
  bool dial = false;
  bool probe = false;     ///< send a PING
  bool ask_node = false;  ///< probe the node now: its answer decides
  MonoTime deadline = kNever;
};

/// The idle watch: a second connection that lives as an idle pooled connection of an application
/// would. It is silent until an age, then probes: an answer proves that idle connections of that
/// age survive on this path. A connection with keepalive cannot show this, since keepalive
/// refreshes the very timers that it should discover. Pure, as LinkMachine.
class IdleMachine {
 public:
  IdleMachine(IdleLimits limits, Entropy entropy);
  IdleOrders on(const IdleEvent& event, Now now);
  void probe_sent(const TcpSample& sample) { base_ = sample; }
  [[nodiscard]] bool wants_sample() const { return phase_ == Phase::Probing; }
  [[nodiscard]] const std::optional<IdleCut>& cut() const { return cut_; }

 private:
  enum class Phase : std::uint8_t { Stopped, Waiting, Dialing, Silent, Probing, Deciding };

  void handle(const idle::Start&);
  void handle(const idle::Ready&);
  void handle(const idle::DialFailed&);
  void handle(const idle::Replied&);
  void handle(const idle::Ended& e);
  void handle(const idle::Deadline& e);
  void handle(const idle::NodeProven& e);
  void handle(const idle::NodeDisturbed&);
  void handle(const idle::NodeExplained& e);
  void handle(const idle::Moved& e);

  void wait_and_dial();
  void conclude(IdleCut::How how, Duration age);
  void inconclusive(Cause cause, std::string evidence);
  [[nodiscard]] Duration age() const { return limits_.ages[step_]; }
  /// The watch connection was lost in the midst of this silence: what shows only on use may have
  /// happened then.
  [[nodiscard]] bool lost_with_node() const { return explained_ && explained_at_ > idle_since_; }

  IdleLimits limits_;
  Entropy entropy_;
  Now now_{};
  IdleOrders orders_;
  Phase phase_ = Phase::Stopped;
  unsigned failures_ = 0;
  MonoTime deadline_ = kNever;
  std::size_t step_ = 0;
  MonoTime idle_since_{};
  Duration survived_{};
  std::optional<IdleCut> cut_;

  MonoTime probed_at_{};
  bool asked_ = false;  ///< the node, whether it is alive while our probe is unanswered
  TcpSample base_{};
  MonoTime node_probe_ = MonoTime::min();  ///< when the node's last answered PING was sent
  int required_ = 3;

  /// An ending that waits for the node's word (Deciding).
  IdleCut::How ending_how_ = IdleCut::How::Fin;
  std::string ending_detail_;
  Duration ending_age_{};
  MonoTime ended_at_{};
  bool disturbed_ = false;  ///< the watch connection ended, too: its cause will be ours
  /// The last explanation, for an ending that is noticed after it.
  std::optional<idle::NodeExplained> explained_;
  MonoTime explained_at_{};
};

}  // namespace relinkd::core
