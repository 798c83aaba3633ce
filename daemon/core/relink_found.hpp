// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/relink_planner.hpp"

namespace relinkd::core {

/// By node: the newest last ACK of the dead sockets of a relink. What was acknowledged later has
/// outlived whatever cut those.
using DeadAcks = std::map<std::string, MonoTime>;

/// What a census of a target means for its relink. Points into the census.
struct RelinkFound {
  std::vector<const RelinkSocket*> dead;      ///< black-holed
  std::vector<const RelinkSocket*> wrong;     ///< to a former primary; or a person wants it gone
  std::vector<const RelinkSocket*> siblings;  ///< of dead ones, see find_siblings()
  bool living = false;                        ///< one at least is ok or unproven

  [[nodiscard]] bool bad() const { return !dead.empty() || !wrong.empty(); }
  /// When the first sign of the oldest bad one was seen; `now`: there is none.
  [[nodiscard]] MonoTime since(MonoTime now) const;
  /// The node that most bad ones lead to; empty: there is none.
  [[nodiscard]] std::string node() const;
  /// Of `wrong`, without what only a person wants gone.
  [[nodiscard]] std::uint64_t wrong_nodes() const;
  /// Into the counts of a line.
  void tell(RelinkNews& news) const;
};

/// Sorts out what is bad. `left_alone`: cookies that nothing has helped; they are not looked at.
/// `by_hand`: those that a person wants gone, whatever their state is.
RelinkFound find_bad(const std::vector<RelinkSocket>& sockets, bool wrong_node,
                     const std::set<std::uint64_t>& left_alone,
                     const std::set<std::uint64_t>& by_hand);

/// Adds the siblings: idle sockets to the same node that have been silent for longer than a dead
/// one, and that no keepalive timer will ask soon. A quiet subscriber whose keepalive is answered
/// is none.
void find_siblings(RelinkFound& found, const std::vector<RelinkSocket>& sockets,
                   const DeadAcks& dead_acks, const std::set<std::uint64_t>& left_alone);

}  // namespace relinkd::core
