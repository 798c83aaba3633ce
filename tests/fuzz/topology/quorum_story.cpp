// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/sentinel_quorum.hpp"
#include "stories.hpp"

namespace relinkd::fuzz {

void tell_quorum(Bytes bytes) {
  core::SentinelQuorum quorum;
  MonoTime now = MonoTime{} + 1h;
  std::optional<core::SentinelQuorum::Belief> before;
  std::uint64_t restored = 0;
  if (bytes.next() % 4 == 0) {
    restored = bytes.next() % 8;
    quorum.restore({"10.0.0.0", 6379}, restored);
  }
  while (!bytes.empty()) {
    const unsigned what = bytes.next();
    const std::string id = fmt::format("s{}", bytes.next() % 80);
    std::optional<bool> told;
    switch (what % 8) {
      case 0: quorum.know(id); break;
      case 1: quorum.forget(id); break;
      case 2: quorum.rename(id, fmt::format("s{}", bytes.next() % 80)); break;
      case 3: now += Duration(100ms) * (what / 8); break;
      case 4: now += Duration(10s) * (what / 8); break;
      default: {
        core::SentinelReport report;
        report.primary = {fmt::format("10.0.0.{}", bytes.next() % 4), 6379};
        report.epoch = bytes.next() % 8;
        told = quorum.on_report(id, report, now);
      }
    }
    const std::string step = fmt::format("{} of {}", what % 8, id);
    const auto belief = quorum.belief(now);
    const MonoTime deadline = quorum.deadline(now);
    require(deadline > now, "the deadline is to come", step);
    require(belief.has_value() || !before, "what was believed is not forgotten", step);
    if (!belief) continue;
    require(belief->votes <= belief->known, "only known Sentinels vote", step);
    require(belief->known <= core::SentinelQuorum::kRemembered, "memory is bounded", step);
    require((deadline == kNever) == (belief->votes == 0), "votes have a deadline", step);
    if (deadline != kNever) {
      require(quorum.belief(deadline - 1ns)->votes == belief->votes, "votes last that long", step);
      require(quorum.belief(deadline)->votes < belief->votes, "votes lapse then", step);
    }
    const bool changed =
        !before || before->primary != belief->primary || before->epoch != belief->epoch;
    require(told.value_or(false) == changed, "a change is told, and nothing else", step);
    const bool back = belief->epoch < (before ? before->epoch : restored);
    require(!back || belief->votes == belief->known, "only all together go back", step);
    before = belief;
  }
}

}  // namespace relinkd::fuzz
