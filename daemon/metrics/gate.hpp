// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "loop/loop.hpp"
#include "metrics/password_checker.hpp"
#include "metrics/users.hpp"

namespace relinkd::metrics {

/// Who may pass with which "Authorization: Basic …" (RFC 7617). Credentials that have been proven
/// pass at once from then on, since a scrape must cost nothing: what is kept of them is a keyed
/// hash, whose random key is this process's own. All others wait for the PasswordChecker; a user
/// that does not exist waits as long as a wrong password does.
class Gate {
 public:
  enum class Verdict : std::uint8_t {
    Pass,
    Refuse,  ///< no credentials, or wrong ones
    Wait,    ///< the answer comes
    Busy     ///< too many wait
  };
  /// Pass or Refuse, on the loop's thread.
  using Answer = std::function<void(Verdict)>;

  static Result<std::unique_ptr<Gate>> open(loop::Loop& loop, const CheckerLimits& limits = {});
  /// Answers that are still to come do not.
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// From now on these. What was proven is to be proven anew.
  void admit(std::vector<User> users);

  /// `header`: the Authorization header's value, null if there is none. `client`: who asks, as
  /// client_of() has it. `answer` is called if the verdict is Wait, and only then.
  Verdict ask(const char* header, const std::string& client, Answer answer);

 private:
  struct State;
  explicit Gate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::metrics
