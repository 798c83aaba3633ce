// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/host_port.hpp"
#include "base/time.hpp"
#include "core/topology.hpp"

namespace relinkd::core {

/// The shards of a cluster, by what several of its nodes say. Pure.
///
/// A shard keeps its key over failovers: the new primary of slots that a replica took over, or of
/// most of a known shard's slots, continues that shard. Where views differ, the claim with the
/// higher config-epoch to a slot wins, as it does in the cluster itself, so that a node which was
/// cut off and still believes in its old view is not followed. (Who takes a slot over has the
/// highest epoch of the cluster then: a failover gets a new one, CLUSTER SETSLOT NODE bumps it.)
/// Where no epochs are told, the last view holds.
///
/// Absence is no claim: a shard is removed only when its slots are claimed by others. Slots that
/// nobody claims any more stay with their last primary, which is then not covered, and go to
/// whoever claims them next, at any epoch.
///
/// Three views in a row of nodes that know none of the primaries, or that tell no epochs where they
/// were told before, are a cluster that was set up anew, and are believed.
class ClusterMap {
 public:
  struct Shard {
    /// Stable over failovers: the id (or address) of its first primary; with '+' behind while that
    /// is the key of another shard.
    std::string key;
    std::string primary_id;
    HostPort primary;
    std::uint64_t epoch = 0;
    bool failed = false;  ///< the cluster agrees that the primary is down; its own word is no proof
    std::vector<SlotRange> slots;
    std::vector<HostPort> replicas;  ///< by the newest view, in order; failed ones included
    bool covered = true;             ///< false: nobody claims its slots any more
    friend bool operator==(const Shard&, const Shard&) = default;
  };
  struct Change {
    bool any = false;                  ///< shards() or uncovered_slots() say something else now
    std::vector<std::string> added;    ///< keys of new shards
    std::vector<std::string> removed;  ///< keys of shards without slots left
    std::vector<std::string> moved;    ///< keys whose primary is another now, or elsewhere
    /// Slots went from one shard to another, new ones included, and both are there.
    bool resharded = false;
  };

  /// The view of one node of the cluster. `asked` replaces empty hosts, unless the node's address
  /// is known already. `names`: from SHARDS or SLOTS, the form of address that clients should use,
  /// matched by id; may be empty. Views without a single slot (a node that was reset, or is not in
  /// the cluster yet) are no news. 16384 slots and 1,000 nodes take below a millisecond.
  Change on_view(const HostPort& asked, const ClusterNodes& nodes, const ClusterNodes& names);

  /// In the order of their first slot.
  [[nodiscard]] const std::vector<Shard>& shards() const { return shards_; }
  /// Slots that nobody claims in the newest view: one that knows the highest epoch seen. A view
  /// that does not know all primaries (a node that joined just now) counts only as the third in a
  /// row. 0 before the first view.
  [[nodiscard]] unsigned uncovered_slots() const { return uncovered_; }

 private:
  static constexpr std::uint16_t kNobody = 0xFFFF;  ///< there are fewer shards than slots
  /// How many views in a row it takes to believe what may be one node's ignorance.
  static constexpr unsigned kInARow = 3;
  struct View;
  struct Step;

  [[nodiscard]] View read(const HostPort& asked, const ClusterNodes& nodes,
                          const ClusterNodes& names) const;
  bool strange(const View& view);
  bool counts(const View& view);
  void take_claims(const View& view, Step& step);
  [[nodiscard]] std::uint16_t heir_of(std::uint16_t from, const View& view, const Step& step) const;
  void give_keys(const View& view, Step& step) const;
  void describe(const View& view, Step& step);
  void cover(const View& view, Step& step);

  std::vector<Shard> shards_;
  /// Of each slot: who holds it, an index into shards_, and at which config-epoch it was claimed.
  std::vector<std::uint16_t> holders_ = std::vector<std::uint16_t>(kClusterSlots, kNobody);
  std::vector<std::uint64_t> epochs_ = std::vector<std::uint64_t>(kClusterSlots, 0);
  std::uint64_t newest_ = 0;  ///< the highest config-epoch seen
  unsigned strange_views_ = 0;
  unsigned partial_views_ = 0;
  unsigned uncovered_ = 0;
};

}  // namespace relinkd::core
