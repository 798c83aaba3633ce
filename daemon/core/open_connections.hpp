// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "base/address.hpp"
#include "core/relink_planner.hpp"

namespace relinkd::core {

/// The apps' connections that the last full look of the census found established, and how many of
/// them ended without a word of the kernel. Pure.
class OpenConnections {
 public:
  struct One {
    RelinkTarget target;
    Address remote;
  };
  using ByCookie = std::unordered_map<std::uint64_t, One>;

  /// Whose it is, or was until lately; null: not known.
  [[nodiscard]] const RelinkTarget* find(std::uint64_t cookie) const;
  /// The kernel told of its end.
  void on_ended(std::uint64_t cookie);
  /// Events were lost and are counted as that, and which ones is not known: what was open before
  /// the next look counts no more.
  void on_lost() { some_lost_ = true; }
  /// A full look found these established. `ended`: those of whose end the kernel told before it
  /// was compared, after the look perhaps. `watched`: whether connections to an address are looked
  /// for at all now. Returns how many ended untold: gone in two looks, since a list that is read
  /// while it changes may leave one out.
  std::uint64_t on_looked(ByCookie open, const std::unordered_set<std::uint64_t>& ended,
                          const std::function<bool(const Address&)>& watched);
  /// Whose they are may be another now, or nobody.
  void forget();

 private:
  ByCookie open_;
  /// Open at the look before the last, and not at the last, though nothing told of their end.
  ByCookie missed_;
  bool some_lost_ = false;  ///< since the last look
};

}  // namespace relinkd::core
