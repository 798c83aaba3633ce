// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.hpp"

namespace relinkd::core {

/// When a sysctl that drifted is put back: at once, and rarer the more often somebody else sets it
/// again, so that two programs do not fight over it. Also where putting it back fails.
class SysctlGuard {
 public:
  /// The waits: doubled from the first to the last. After a calm of kForget it begins anew.
  static constexpr Duration kFirstWait = 1min;
  static constexpr Duration kLastWait = 1h;
  static constexpr Duration kForget = 2h;

  /// When it may be tried; in the past: now.
  [[nodiscard]] MonoTime due() const { return last_ ? *last_ + wait_ : MonoTime{}; }

  /// It was tried. Returns the how manieth time this is since the last calm, from 1.
  int tried(MonoTime now) {
    if (!last_ || now - *last_ >= kForget) times_ = 0;
    wait_ = times_ == 0 ? kFirstWait : std::min(2 * wait_, kLastWait);
    last_ = now;
    return ++times_;
  }

 private:
  std::optional<MonoTime> last_;
  Duration wait_{};
  int times_ = 0;
};

}  // namespace relinkd::core
