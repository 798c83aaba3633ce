// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/enum_names.hpp"
#include "base/time.hpp"
#include "core/condition.hpp"

namespace relinkd::core {

/// How an application's connection to a node is. Exactly one holds at any time; the label `state`
/// of metrics.
enum class AppSocketState : std::uint8_t {
  Ok,  ///< it was acknowledged lately, or a keepalive timer looks after it
  /// Whether it lives cannot be known: it is idle, and nothing looks after it; or what is sent on
  /// it is acknowledged by nobody, and its node is not proven alive either.
  Unproven,
  PeerClosed,  ///< the app has not read the FIN yet; harmless in a pool
  BlackHoled,  ///< what is sent on it is acknowledged by nobody, and the node is alive
  Stalled,     ///< acknowledged, not answered, and the node is stalled
  WrongNode,   ///< it leads to a former primary, and was opened while that was the primary
  Replica,     ///< it leads to a replica, and was opened to it as one
  Connecting,  ///< SYN-SENT
};
inline constexpr auto kAppSocketStateNames =
    enum_names<AppSocketState>("ok", "unproven", "peer_closed", "black_holed", "stalled",
                               "wrong_node", "replica", "connecting");

constexpr std::string_view to_string(AppSocketState s) { return kAppSocketStateNames[s]; }

/// States that a person should look at.
constexpr bool is_trouble(AppSocketState s) {
  return s == AppSocketState::BlackHoled || s == AppSocketState::WrongNode ||
         s == AppSocketState::Stalled || s == AppSocketState::PeerClosed;
}

/// What the kernel says of a socket at one look (inet_diag and TCP_INFO; sock_diag(7)).
struct AppSocketSample {
  /// idiag_timer.
  enum class Timer : std::uint8_t { None, Retransmit, Keepalive, TimeWait, ZeroWindowProbe };

  std::uint8_t tcp_state = 0;          ///< TCP_ESTABLISHED … of netinet/tcp.h
  std::uint32_t unacked_segments = 0;  ///< tcpi_unacked: sent, and not acknowledged
  std::uint64_t bytes_acked = 0;       ///< tcpi_bytes_acked: of all that the app sent
  std::uint32_t write_queue = 0;       ///< bytes not acknowledged, sent or not (idiag_wqueue)
  std::uint32_t read_queue = 0;        ///< bytes that the app has not read (idiag_rqueue)
  std::uint32_t total_retrans = 0;     ///< tcpi_total_retrans; tail-loss probes included
  std::uint8_t retransmits = 0;        ///< tcpi_retransmits: of this episode, without those probes
  Duration since_data_sent{};          ///< tcpi_last_data_sent: retransmissions count, 1 ms steps
  Duration since_data_received{};      ///< tcpi_last_data_recv
  Duration since_ack_received{};       ///< tcpi_last_ack_recv; answered keepalive probes count
  Duration rto{};                      ///< tcpi_rto, doubled for each retransmission
  Duration rtt{};                      ///< tcpi_rtt, smoothed
  Timer timer = Timer::None;
  Duration timer_left{};  ///< idiag_expires
};

/// What is known of the node that a socket leads to, from the watch.
struct NodeStanding {
  enum class Part : std::uint8_t {
    Unknown,  ///< nothing proven yet
    Primary,  ///< the endpoint's primary, or of a cluster one of them
    Replica,  ///< it is one, and was not held as the primary before
    /// It was the primary, another one has proven itself since, and this one says that it is a
    /// replica, does not answer, or has been absent from the name for long enough.
    Former,
    /// It was, and another is now, but this one does not say so yet. Sockets to it are left alone.
    Leaving,
  };
  Part part = Part::Unknown;
  Condition condition = Condition::Unknown;  ///< of relinkd's own connection to it
  /// The last PING that it answered: when that was sent, and when the answer came. What left this
  /// host between the two found a path that works.
  std::optional<MonoTime> proof_sent;
  std::optional<MonoTime> proof_received;
  int required = 3;       ///< unanswered transmissions in a row, by the loss on the path: 3 to 7
  Duration grace = 20ms;  ///< how long an answer may take on this path
};

/// Follows one socket of an app: from what the kernel says at each look to its state. Pure.
///
/// Black-holed is decided by the rule for relinkd's own connections (docs/ARCHITECTURE.md), with
/// the watch's PING in the place of the witness. All of these hold:
/// - `required` transmissions in a row were acknowledged by nobody: 1 + the growth of total_retrans
///   since bytes were acknowledged, at least 1 + retransmits (a socket may be dying at the first
///   look already). Acknowledged bytes start the count over. Zero-window probes are answered by a
///   living peer, and are none of these.
/// - The last of them left between two proofs of the node, at most a second apart, and an ACK had
///   the time to come: PINGs were answered shortly before and after it.
/// - The first of those PINGs was sent after the kernel had repeated data on the socket. Older ones
///   say nothing: the path may have gone down for both since then.
/// - On a path that loses packets (`required` above 3), half of the required transmissions left
///   after such a proof: what an outage explains says nothing about chance.
/// - The node is proven alive now. One that is stalled, unreachable, refuses, or of which nothing
///   is known black-holes nothing.
/// It then stays black-holed until an ACK comes.
///
/// WrongNode and Replica depend on what the node was when the socket was first seen: one that was
/// opened to a replica stays a reader whatever becomes of the node.
class AppSocket {
 public:
  /// What is acknowledged within this time needs no keepalive timer to be Ok.
  static constexpr Duration kLately = 1min;
  /// Clients may follow a failover faster than relinkd proves it: a socket that was first seen so
  /// long before its node was proven to be the primary counts as opened to the primary.
  static constexpr Duration kAhead = 10s;
  /// How long the last transmission is waited for, besides the path's grace. It may be the first
  /// that arrives after an outage, and its ACK be delayed: by Linux 40 ms, or a round trip where
  /// that is longer (tcp_send_delayed_ack in net/ipv4/tcp_output.c).
  static constexpr Duration kLastAck = 100ms;
  /// Between the two proofs lies no outage but a shorter one than this.
  static constexpr Duration kBracket = 1s;

  /// `known_before`: it was remembered over a restart as one that was opened while its node was
  /// the primary.
  AppSocket(MonoTime first_seen, bool known_before);

  /// Takes the look of `now`, the time at which the kernel was asked or a little before it, and
  /// returns the state. Looks come in the order of time, at any distance.
  AppSocketState look(const AppSocketSample& sample, const NodeStanding& node, MonoTime now);

  /// The kernel has repeated data, and told so: tcpi_bytes_acked and tcpi_total_retrans just after
  /// it. Else what it repeated before the first look since the last ACK is not known to be
  /// unanswered.
  void repeated(std::uint64_t bytes_acked, std::uint32_t total_retrans);

  [[nodiscard]] AppSocketState state() const { return state_; }
  [[nodiscard]] MonoTime first_seen() const { return first_seen_; }
  /// Since when it has been in this state.
  [[nodiscard]] MonoTime since() const { return since_; }
  /// The same; of a black-holed one, when the first transmission left that nobody answered.
  [[nodiscard]] MonoTime bad_since() const {
    return state_ == AppSocketState::BlackHoled && unanswered_ ? unanswered_->since : since_;
  }
  /// When it last was acknowledged (answered keepalive probes count), as of the last look; of one
  /// that is connecting, when it was first seen.
  [[nodiscard]] MonoTime last_ack() const { return last_ack_; }
  /// It was opened while its node was the primary (to be remembered over a restart).
  [[nodiscard]] bool opened_to_primary() const { return opened_to_primary_.value_or(false); }
  /// Something is overdue on it and may be decided soon: it should be looked at every 100 ms, and
  /// its node asked now. Not while its next retransmission is seconds away.
  [[nodiscard]] bool suspect() const { return suspect_; }
  /// No keepalive timer looks after it: a cut while it is idle is never noticed. Known of an idle
  /// socket only, since data in flight hide the keepalive timer: then what was seen last, and false
  /// for one that has not been seen idle.
  [[nodiscard]] bool unprotected() const { return keepalive_ == false; }
  /// A keepalive probe is due within core::kSoonEnough, as far as the timer tells.
  [[nodiscard]] bool looked_after() const;
  /// All that the app sent is acknowledged, and nothing has come since: it waits for a reply, or is
  /// a worker that blocks. If the path dies now, nothing is sent that could go unacknowledged, so
  /// without keepalive it waits for ever. It may look idle all the same: a subscriber that was told
  /// something, and a command that followed a reply within the kernel's step of time and was
  /// acknowledged within it, too.
  [[nodiscard]] bool waits() const;
  /// A clause with figures on what the state rests on, by the last look: "3 transmissions
  /// unanswered, 6 bytes unacknowledged, last ACK 0.62 s ago".
  [[nodiscard]] std::string evidence() const;

 private:
  /// Data that nobody has acknowledged since the last ACK.
  struct Unanswered {
    int transmissions = 1;
    MonoTime since = kNever;    ///< the first transmission that was seen
    MonoTime overdue = kNever;  ///< the first repetition, as far as it is known
    MonoTime last{};            ///< the last transmission
    /// The path worked: the last answer before it, and the first to a PING that was sent after it.
    std::optional<MonoTime> proven_before, proven_after;
    /// How many of them may have left before the first of these proofs: an outage may explain them.
    std::optional<int> explained;
    bool dead = false;
  };

  void take_part(NodeStanding::Part part, MonoTime now);
  void take_ack(const AppSocketSample& s, MonoTime now);
  void take_repeated(std::uint64_t bytes_acked);
  void take_transmissions(const AppSocketSample& s, MonoTime now);
  void take_proof(const NodeStanding& node);
  void take_keepalive(const AppSocketSample& s);
  [[nodiscard]] bool is_dead(const AppSocketSample& s, const NodeStanding& node) const;
  [[nodiscard]] bool is_suspect(const AppSocketSample& s, Duration grace, MonoTime now) const;
  [[nodiscard]] AppSocketState judge(const AppSocketSample& s, const NodeStanding& node) const;

  MonoTime first_seen_;
  std::optional<bool> opened_to_primary_;  ///< nothing: what the node is has not been known yet
  AppSocketState state_ = AppSocketState::Unproven;
  MonoTime since_;
  MonoTime last_ack_;
  bool acks_known_ = false;  ///< last_ack_ is of an ACK, and base_ is set
  std::uint32_t base_ = 0;   ///< total_retrans up to which all is answered
  /// The first repetition that was told since so many bytes were acknowledged.
  struct Repeated {
    std::uint64_t bytes_acked = 0;
    std::uint32_t base = 0;  ///< total_retrans before it
  };
  std::optional<Repeated> repeated_;
  std::optional<Unanswered> unanswered_;
  /// Of the node, as of the last look: when the PING was sent, and when it was answered.
  std::optional<std::pair<MonoTime, MonoTime>> proof_;
  std::optional<bool> keepalive_;  ///< whether the timer runs; nothing: not seen idle yet
  bool suspect_ = false;
  AppSocketSample seen_;  ///< at the last look
};

}  // namespace relinkd::core
