// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/entropy.hpp"
#include "base/time.hpp"
#include "core/condition.hpp"
#include "core/diagnosis.hpp"
#include "core/evidence.hpp"
#include "core/loss.hpp"
#include "core/rtt.hpp"

namespace relinkd::core {

/// How a node is watched. All durations > 0.
struct LinkLimits {
  Duration ping_interval = 1s;
  Duration command_timeout = 2s;
  Duration slow_threshold = 100ms;
  Duration topology_interval = 5s;
  Duration backoff_initial = 100ms;
  Duration backoff_max = 10s;
  bool expect_primary = true;   ///< a node that says replica is read_only
  bool expect_replica = false;  ///< a node that says primary is worth a remark, no condition
};

/// What can happen to a link. Everything that the machine knows, it was told by one of these.
namespace event {
struct Start {};
/// TCP (and TLS) are established. `rtt`: of the TCP handshake.
struct Dialed {
  Duration rtt{};
};
struct DialFailed {
  DialFailure failure;
};
/// Three SYNs of the attempt under way are unanswered; it goes on.
struct DialUnanswered {
  LocalPath local = LocalPath::Usable;
};
/// The reply to the PING.
struct Replied {
  ReplyKind kind = ReplyKind::Pong;
  std::string detail;  ///< of an error: a clause that quotes it, printable
};
/// What the node says of its role: ROLE or INFO replication.
struct RoleSaid {
  bool replica = false;
  std::string primary;  ///< of a replica: "host:port" whom it follows
};
struct Ended {
  Ending ending;
};
/// The deadline came; with what the kernel says of the connection, if wants_sample().
struct Deadline {
  std::optional<TcpSample> sample;
  LocalPath local = LocalPath::Usable;
};
struct Witnessed {
  WitnessResult result = WitnessResult::Failed;
  Duration rtt{};
  std::string detail;
};
/// Something else made the node suspect: probe it now.
struct ProbeNow {};
/// The endpoint is elsewhere now: leave this connection for a new one.
struct Moved {
  std::string reason;
};
}  // namespace event

using LinkEvent = std::variant<event::Start, event::Dialed, event::DialFailed,
                               event::DialUnanswered, event::Replied, event::RoleSaid, event::Ended,
                               event::Deadline, event::Witnessed, event::ProbeNow, event::Moved>;

/// A change of condition, told once.
struct Transition {
  Condition from = Condition::Unknown;
  Condition to = Condition::Unknown;
  std::string detail;  ///< a clause with figures, without names: "PING unanswered for 0.62 s, …"
  Duration since_last_proof{};  ///< last reply (or start) to now
};

/// What is to be done, in the order of the members. One deadline stands for the whole machine.
struct LinkOrders {
  struct Hangup {
    Cause cause = Cause::LocalClose;
    std::string evidence;
  };
  struct Probe {
    bool greeting = false;  ///< the first on a connection: AUTH and names go before it
    bool topology = false;  ///< ask for the role, too
  };
  std::optional<Hangup> hangup;  ///< give the connection up, at once
  bool close_witness = false;
  std::optional<Transition> transition;
  bool reconnected = false;  ///< the first reply on a new connection came
  bool dial = false;
  std::optional<bool> open_witness;  ///< true: full (TLS, AUTH, PING), false: SYN-ACK is enough
  std::optional<Probe> probe;
  MonoTime deadline = kNever;
};

/// The link to one node: a watch connection's life, its probes, and the node's condition. Pure:
/// event and time in, orders and one deadline out; the same events give the same orders.
class LinkMachine {
 public:
  LinkMachine(LinkLimits limits, Entropy entropy);

  LinkOrders on(const LinkEvent& event, Now now);

  /// New limits, from the next deadline on. The connection is not touched.
  void set_limits(const LinkLimits& limits) { limits_ = limits; }

  [[nodiscard]] Condition condition() const { return condition_; }
  /// What the condition rests on, by the newest evidence: a clause as in Transition.
  [[nodiscard]] std::string detail() const;
  /// Whether a Deadline event should carry a TcpSample and the local path: a probe is overdue.
  [[nodiscard]] bool wants_sample(MonoTime now) const;
  [[nodiscard]] bool wants_local_path(MonoTime now) const;
  /// The kernel's counters when the probe was sent; call it right after sending.
  void probe_sent(const TcpSample& sample);
  /// Last reply on any connection to this node; nothing before the first.
  [[nodiscard]] std::optional<MonoTime> last_proof() const { return last_proof_; }
  /// When the PING was sent that last_proof() answered: in between, the path worked both ways.
  [[nodiscard]] std::optional<MonoTime> last_proof_sent() const { return last_proof_sent_; }
  /// How long an answer may take on this path.
  [[nodiscard]] Duration grace() const;
  [[nodiscard]] std::optional<Duration> smoothed_rtt() const { return rtt_.smoothed(); }
  /// Of the last probe, if the loop was not late; for the histogram.
  [[nodiscard]] std::optional<Duration> last_rtt() const { return last_rtt_; }
  /// Whether a PING waits for its reply: then what has arrived is to be heard before a Deadline.
  [[nodiscard]] bool awaits_reply() const { return pending_.has_value(); }
  [[nodiscard]] bool connected() const { return phase_ == Phase::Up; }
  [[nodiscard]] int required_transmissions(MonoTime now) const {
    return loss_.required_transmissions(now);
  }

 private:
  enum class Phase : std::uint8_t { Stopped, Waiting, Dialing, Up };

  /// The PING that waits for its reply.
  struct Pending {
    MonoTime sent{};
    MonoTime granted{};  ///< deadlines count from here: later than `sent` after a late loop
    TcpSample base{};
    std::uint32_t growth = 0;
    MonoTime last_growth{};
    Duration jitter{};
    bool was_unacked = false;
  };
  struct Witness {
    bool full = false;
    MonoTime opened{};
    std::optional<WitnessResult> result;
    MonoTime result_at{};
    std::optional<int> transmissions_at_result;  ///< as of the first look after the result
    Duration rtt{};
    std::string detail;
  };

  void handle(const event::Start&);
  void handle(const event::Dialed& e);
  void handle(const event::DialFailed& e);
  void handle(const event::DialUnanswered& e);
  void handle(const event::Replied& e);
  void handle(const event::RoleSaid& e);
  void handle(const event::Ended& e);
  void handle(const event::Deadline& e);
  void handle(const event::Witnessed& e);
  void handle(const event::ProbeNow&);
  void handle(const event::Moved& e);

  void send_probe(bool greeting);
  void grant_anew();
  void judge(const event::Deadline& e);
  [[nodiscard]] SuspectEvidence gather(const event::Deadline& e) const;
  void carry_out(Verdict verdict, const event::Deadline& e);
  void give_up(Condition condition, Cause cause, std::string detail);
  void wait_and_dial();
  void open_witness(bool full);
  void drop_witness();
  void forget_pending();
  [[nodiscard]] Condition compute() const;
  void update_condition();
  [[nodiscard]] MonoTime next_deadline() const;
  [[nodiscard]] MonoTime next_look() const;  ///< at the pending PING
  [[nodiscard]] Duration probe_deadline() const { return rtt_.deadline(limits_.command_timeout); }
  [[nodiscard]] int transmissions() const;
  [[nodiscard]] std::string describe_pending() const;

  LinkLimits limits_;
  Entropy entropy_;
  Now now_{};
  LinkOrders orders_;

  Phase phase_ = Phase::Stopped;
  Condition condition_ = Condition::Unknown;
  /// What the last ended connection or failed attempt said; holds until a reply.
  Condition offline_ = Condition::Unknown;
  std::string offline_detail_;
  unsigned failures_ = 0;
  MonoTime dial_at_ = kNever;

  bool proven_ = false;  ///< a reply came on this connection
  ReplyKind last_reply_ = ReplyKind::Pong;
  std::string last_reply_text_;
  std::optional<bool> replica_;
  std::string primary_;
  std::optional<Condition> verdict_;  ///< of a probe still pending, connection kept
  std::string verdict_detail_;
  bool last_was_slow_ = false;
  std::optional<Duration> last_rtt_;
  std::optional<MonoTime> last_proof_;
  std::optional<MonoTime> last_proof_sent_;
  MonoTime started_{};

  std::optional<Pending> pending_;
  MonoTime next_probe_ = kNever;
  MonoTime next_topology_{};
  bool first_interval_ = true;
  TcpSample seen_{};  ///< counters up to which loss_ has been told
  bool seen_valid_ = false;
  std::optional<Witness> witness_;
  unsigned stalled_witnesses_ = 0;
  MonoTime next_witness_ = MonoTime::min();
  RttEstimator rtt_;
  LossEstimator loss_;
};

}  // namespace relinkd::core
