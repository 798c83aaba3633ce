// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace relinkd::core {

/// What a look at a wanted sysctl leads to.
enum class SysctlStep : std::uint8_t {
  Nothing,
  PutBack,    ///< order it; on_answer() says what came of it
  TellDrift,  ///< it has another value than before, and not the wanted one
  TellFine,   ///< it has the wanted value again
};

/// What came of putting it back.
enum class SysctlAnswer : std::uint8_t {
  Done,
  NotNeeded,  ///< it had the wanted value already
  Failed,     ///< refused, impossible, or nobody answered
};

/// The life of one wanted sysctl. Pure: a look or an answer + now → what to do. Each change is told
/// once. With `may_enforce` a value that drifted is put back: at once, and rarer the more often
/// that was tried, so that two programs do not fight over it.
class SysctlGuard {
 public:
  /// Between attempts: doubled from the first to the last. After a calm of kForget it begins anew.
  static constexpr Duration kFirstWait = 1min;
  static constexpr Duration kLastWait = 1h;
  static constexpr Duration kForget = 2h;

  /// `readable`: else it is not `ok`, and nothing can be put back.
  SysctlStep on_look(bool readable, bool ok, bool may_enforce, MonoTime now);
  /// The caller tells of Done and Failed.
  void on_answer(SysctlAnswer answer);

  /// Attempts to put it back since the last calm.
  [[nodiscard]] int attempts() const { return attempts_; }
  /// When the next attempt may be made; in the past: now.
  [[nodiscard]] MonoTime due() const { return last_ ? *last_ + wait_ : MonoTime{}; }

 private:
  std::optional<bool> was_ok_;  ///< as told; nothing: not looked at yet
  bool under_way_ = false;
  std::optional<MonoTime> last_;
  Duration wait_{};
  int attempts_ = 0;
};

}  // namespace relinkd::core
