// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/address.hpp"
#include "base/time.hpp"

namespace relinkd::core {

/// Follows the addresses of one name. An address that leaves the answer is left at once, unless the
/// name is known to rotate: where an address came back after it had left, several addresses take
/// turns, and each belongs to the endpoint for max(3 TTL, 10 s) after it was last in an answer.
/// Pure.
class NameFollower {
 public:
  struct Change {
    bool changed = false;  ///< the set of addresses is another than before
    bool move = false;     ///< the address in use no longer belongs to the name: follow
  };

  /// A good answer. `in_use`: the address of the present connection.
  Change on_answer(MonoTime now, const std::vector<Address>& addresses, Duration ttl,
                   const std::optional<Address>& in_use);
  void on_failure() { failing_ = true; }

  /// The addresses to try, in the order of the last answer; `preferred` first if it is one of them,
  /// so that a reconnect does not wander among equals.
  [[nodiscard]] std::vector<Address> candidates(const std::optional<Address>& preferred) const;
  [[nodiscard]] const std::vector<Address>& last_answer() const { return last_; }
  [[nodiscard]] bool failing() const { return failing_; }
  /// Whether the address is one of the name's: in the last answer, or its turn is not over yet.
  [[nodiscard]] bool belongs(const Address& address, MonoTime now) const;
  /// Whether the name has been without the address for so long that nobody who follows it is led
  /// there any more: for max(3 TTL, 10 s), the TTL being that of the last answer. True for one that
  /// was in no answer within the last hour.
  [[nodiscard]] bool long_gone(const Address& address, MonoTime now) const;

 private:
  static constexpr std::size_t kRemembered = 256;
  std::vector<Address> last_;
  std::map<Address, MonoTime> seen_;
  Duration turn_{};  ///< how long each of several addresses that take turns may be away
  bool rotates_ = false;
  bool failing_ = false;
};

}  // namespace relinkd::core
