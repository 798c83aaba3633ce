// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "loop/loop.hpp"

namespace relinkd::metrics {

/// How much of this host guesses may take.
struct CheckerLimits {
  std::size_t waiting = 16;            ///< questions that wait or are being answered
  std::size_t waiting_per_client = 2;  ///< of these, of one client: none keeps the others out
  /// After a wrong password the checker rests as long as it took, and at least this: ten guesses a
  /// second and half a core at most, whoever asks.
  Duration rest = 100ms;
};

/// Compares passwords with hashes of crypt(5), in a thread of its own: that takes 1 ms to 1 s by
/// design, and the loop must not stand still for it. The thread knows nothing but strings.
class PasswordChecker {
 public:
  using Ticket = std::uint64_t;
  /// On the loop's thread, once for each ticket.
  using Answer = std::function<void(Ticket, bool right)>;

  static Result<std::unique_ptr<PasswordChecker>> start(loop::Loop& loop, Answer answer,
                                                        const CheckerLimits& limits = {});
  /// Drops what waits, without an answer. Waits for the comparison under way: a second at most.
  ~PasswordChecker();
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  /// Nothing if too many wait, of this client or at all. `may_be_right`: false has the answer be
  /// false after all the time that a comparison takes, for users that do not exist.
  std::optional<Ticket> ask(const std::string& client, std::string hash, Secret password,
                            bool may_be_right);

 private:
  struct State;
  explicit PasswordChecker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::metrics
