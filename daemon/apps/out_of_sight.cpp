// SPDX-License-Identifier: Apache-2.0
#include "apps/out_of_sight.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "kernel/processes.hpp"

namespace relinkd::apps {

namespace {

/// At most one hundredth of a core.
constexpr int kShare = 100;

}  // namespace

OutOfSight::OutOfSight(loop::Loop& loop, Counted counted)
    : loop_(loop),
      counted_(std::move(counted)),
      matcher_({}),
      next_(loop.deadlines(), [this] { count(); }) {}

void OutOfSight::configure(const std::vector<config::App>& apps) {
  apps_ = apps;
  matcher_ = orders::AppMatcher(apps_);
  next_.set(apps_.empty() ? kNever : loop_.now().at);
}

void OutOfSight::count() {
  const MonoTime begun = loop::Loop::clock();
  std::vector<std::uint64_t> counts(apps_.size());
  const auto pids = kernel::all_pids();
  if (pids) {
    for (const pid_t pid : *pids) {
      // Nearly all are in this one, and asking that is a fifth of the work of asking whose it is.
      if (!kernel::in_other_netns(pid).value_or(false)) continue;
      const auto facts = kernel::process_facts(pid);
      if (!facts) continue;
      for (std::size_t i = 0; i < apps_.size(); ++i) {
        if (matcher_.fits(i, facts->cgroup, facts->uid)) ++counts[i];
      }
    }
    counted_(counts);
  }
  const Duration taken = loop::Loop::clock() - begun;
  next_.set(loop_.now().at + std::max(Duration(kInterval), taken * kShare));
}

}  // namespace relinkd::apps
