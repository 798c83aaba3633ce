// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/enum_names.hpp"
#include "base/time.hpp"
#include "core/condition.hpp"

namespace relinkd::core {

/// The label `kind` of failovers.
enum class FailoverKind : std::uint8_t {
  Failover,    ///< unplanned: the old primary was lost
  Switchover,  ///< planned: the old primary was well, or maintenance was announced
  Dns,         ///< the name was moved to another primary
  Restart,     ///< the same node, another process
};
inline constexpr auto kFailoverKindNames =
    enum_names<FailoverKind>("failover", "switchover", "dns", "restart");

constexpr std::string_view to_string(FailoverKind k) { return kFailoverKindNames[k]; }

/// Who a server is (INFO server, INFO replication); empty where it does not say.
struct ServerIdentity {
  std::string run_id;   ///< new at each start of the process
  std::string replid;   ///< of its data's history
  std::string replid2;  ///< of the history that it continued when it was promoted
  std::optional<std::uint64_t> uptime_seconds;

  /// Whether this server's data continue those of `before`: the same history, or one that began as
  /// a continuation of it (a promotion moves master_replid to master_replid2; 40 zeros: none).
  /// False, too, where one of them does not say.
  [[nodiscard]] bool continues(const ServerIdentity& before) const;
};

/// A change of primary as a measured thing. Times are of this host's monotonic clock.
struct FailoverStory {
  FailoverKind kind = FailoverKind::Failover;
  std::string from;                   ///< the old primary, "10.0.0.7:6379"
  std::string to;                     ///< the new one
  MonoTime last_proof{};              ///< the old primary answered as primary last
  std::optional<MonoTime> suspected;  ///< the first probe that was late
  std::optional<MonoTime> condition_at;
  std::optional<Condition> condition;  ///< that the old primary came into
  MonoTime learnt{};                   ///< who is the new primary
  MonoTime proven{};                   ///< the new primary answered, and as a primary
  bool planned = false;                ///< maintenance was announced
  /// Whether the new primary's data continue the old one's; nothing where they do not say.
  std::optional<bool> same_history;

  [[nodiscard]] Duration duration() const { return proven - last_proof; }
  /// A sentence with all figures, each counted from the last proof, for the journal: "failover from
  /// A to B took 2.13 s from the old primary's last answer: suspected after 0.93 s, unreachable
  /// after 1.23 s, the new primary named after 2.08 s and proven after 2.13 s; its data continue
  /// the old one's".
  [[nodiscard]] std::string to_string() const;
};

/// What became of a server when its run_id changed at the same address.
struct Replacement {
  enum class What : std::uint8_t {
    Restarted,    ///< the process was started anew
    OtherServer,  ///< one that ran before has taken the address over
  };
  What what = What::Restarted;
  std::optional<bool> same_history;
};
/// `since_last_proof`: last reply of the old process to the first of the new one. The new process
/// is another server if it ran already when the old one still answered: its uptime is longer, by
/// more than the rounding of whole seconds. One that does not tell its uptime counts as restarted.
Replacement compare(const ServerIdentity& before, const ServerIdentity& after,
                    Duration since_last_proof);

/// Follows who is primary of one shard (or of an endpoint that has only one), and tells each change
/// once, when the new primary has proven itself. Pure: events in, at most one story out.
///
/// A change is learnt from a topology source (Sentinel, cluster, DNS, another node's ROLE), and
/// proven by the new primary itself: a PING answered and ROLE (else INFO) saying primary. What was
/// learnt and never proven is replaced by what is learnt next. The old primary coming back as a
/// replica, or a first primary after a start, is no failover.
///
/// Kinds. Dns: learnt from a name. Else Switchover where maintenance was announced, or where the
/// old primary was well: nobody agreed that it is down, and nothing was wrong with it between its
/// last proof and the moment when the change was learnt (what comes later, such as its closing of
/// connections on demotion, is an effect). Else Failover. busy and loading are something wrong: one
/// answers no application, the other was restarted. Nothing wrong: ok, slow; read_only and
/// master_down, which only a replica says: it was demoted, and lives, whatever follows. A FIN or
/// RST alone is undecided: a demotion may close connections (Sentinel sends CLIENT KILL), and a
/// process that died refuses the next attempt 0.1 s later. It is the demotion's if the change is
/// learnt within kClosing and no attempt has failed.
class FailoverDetector {
 public:
  /// How long a closed connection may stay all that is known of a primary that is well.
  static constexpr Duration kClosing = 2s;
  /// An agreement that the primary is down counts that long, even if it answers this host.
  static constexpr Duration kAgreed = 10s;

  /// What the last primary was before a restart of relinkd; the next proof of another one is a
  /// failover whose last proof was then.
  void restore(const std::string& primary, MonoTime last_proof);

  /// `node` answered a PING and says (or is taken) to be primary. `identity` as far as it is known;
  /// what it leaves out stays as it was told before by the same process.
  /// The story of the change, if this proof completes one.
  ///
  /// A node that nobody named counts as learnt now, unless the present primary is well: then there
  /// are two (a copy set free with REPLICAOF NO ONE, an old primary that was cut off or does not
  /// know yet), and the one that came first stays until a source says otherwise, it says that it is
  /// a replica, or it is lost. Where a source decides (Sentinel, cluster), give only the proofs of
  /// the node that it names.
  std::optional<FailoverStory> on_primary_proven(const std::string& node,
                                                 const ServerIdentity& identity, MonoTime now);
  /// A source says that `node` is the primary now; saying it again changes nothing. `by_name`: a
  /// name was moved.
  void on_learnt(const std::string& node, bool by_name, MonoTime now);
  /// The condition of `node` changed. Only those of the primary count.
  void on_condition(const std::string& node, Condition condition, MonoTime now);
  /// `node` itself says that it is a replica. The same as its condition read_only, for those of
  /// whom no primary is expected any more.
  void on_demoted(const std::string& node, MonoTime now);
  /// Others agree that the present primary is down (+odown, the cluster's fail flag). Say it again
  /// while it holds; make sure that it is said of primary().
  void on_agreed_down(MonoTime now);
  /// Maintenance is announced for the time until `until`; the last word holds.
  void on_maintenance(MonoTime until);

  /// Whether primary() has proven itself since the start: it is not only restored.
  [[nodiscard]] bool proven() const { return proven_; }
  /// The last proven primary; empty before the first.
  [[nodiscard]] const std::string& primary() const { return primary_; }
  [[nodiscard]] const ServerIdentity& identity() const { return identity_; }
  [[nodiscard]] MonoTime last_proof() const { return last_proof_; }

 private:
  /// What is wrong with the primary since its last proof.
  struct Trouble {
    std::optional<MonoTime> suspected;
    std::optional<Condition> condition;  ///< the first that decides
    MonoTime at{};
    [[nodiscard]] bool demoted() const;
    [[nodiscard]] bool lost(MonoTime now) const;
  };
  struct Learnt {
    std::string node;
    bool by_name = false;
    MonoTime at{};
    Trouble trouble;  ///< the old primary's at that moment: why another was named
  };

  [[nodiscard]] FailoverKind kind(const Learnt& learnt, bool planned) const;
  [[nodiscard]] FailoverStory tell(const Learnt& learnt, const ServerIdentity& identity,
                                   MonoTime now) const;

  std::string primary_;
  ServerIdentity identity_;
  MonoTime last_proof_{};
  bool proven_ = false;  ///< since the start: not only restored
  Trouble trouble_;
  std::optional<MonoTime> agreed_down_;
  std::optional<Learnt> learnt_;
  MonoTime maintenance_until_ = MonoTime::min();
};

}  // namespace relinkd::core
