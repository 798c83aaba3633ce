// SPDX-License-Identifier: Apache-2.0
#include "core/sysctl_guard.hpp"

#include <algorithm>
#include <utility>

namespace relinkd::core {

SysctlStep SysctlGuard::on_look(bool readable, bool ok, bool may_enforce, MonoTime now) {
  if (under_way_) return SysctlStep::Nothing;
  if (readable && !ok && may_enforce && now >= due()) {
    if (!last_ || now - *last_ >= kForget) attempts_ = 0;
    wait_ = attempts_ == 0 ? kFirstWait : std::min(2 * wait_, kLastWait);
    last_ = now;
    ++attempts_;
    under_way_ = true;
    return SysctlStep::PutBack;
  }
  const auto before = std::exchange(was_ok_, ok);
  if (before == ok) return SysctlStep::Nothing;
  if (!ok) return SysctlStep::TellDrift;
  // That it is as wanted from the beginning is no news.
  return before ? SysctlStep::TellFine : SysctlStep::Nothing;
}

void SysctlGuard::on_answer(SysctlAnswer answer) {
  under_way_ = false;
  if (answer != SysctlAnswer::NotNeeded) was_ok_ = answer == SysctlAnswer::Done;
}

}  // namespace relinkd::core
