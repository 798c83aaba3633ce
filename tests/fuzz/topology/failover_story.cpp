// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/failover.hpp"
#include "stories.hpp"

namespace relinkd::fuzz {

void tell_failover(Bytes bytes) {
  using core::Condition;
  core::FailoverDetector detector;
  MonoTime now = MonoTime{} + 1h;
  if (bytes.next() % 4 == 0) detector.restore("n0", now - Duration(1s) * bytes.next());
  while (!bytes.empty()) {
    const unsigned what = bytes.next();
    const std::string node = fmt::format("n{}", bytes.next() % 3);
    const std::string step = fmt::format("{} of {}", what % 8, node);
    const std::string before = detector.primary();
    switch (what % 8) {
      case 0: now += Duration(20ms) * (what / 8); continue;
      case 1: now += Duration(5s) * (what / 8); continue;
      case 2: detector.on_learnt(node, what / 8 % 4 == 0, now); break;
      case 3:
        detector.on_condition(node, bytes.pick<Condition>(core::kConditionNames.size()), now);
        break;
      case 4: detector.on_demoted(node, now); break;
      case 5: detector.on_agreed_down(now); break;
      case 6: detector.on_maintenance(now + Duration(1s) * (what / 8)); break;
      default: {
        core::ServerIdentity identity;
        if (what / 8 % 2 == 0) identity.run_id = fmt::format("{:040}", bytes.next() % 4);
        if (what / 16 % 2 == 0) identity.replid = fmt::format("{:040}", bytes.next() % 4);
        if (what / 32 % 2 == 0) identity.replid2 = fmt::format("{:040}", bytes.next() % 4);
        const auto story = detector.on_primary_proven(node, identity, now);
        require(story.has_value() == (!before.empty() && detector.primary() != before),
                "each change is told, and nothing else", step);
        if (!story) continue;
        require(story->from == before && story->to == node, "from the old one to the new", step);
        require(detector.primary() == node && detector.last_proof() == now, "it is proven", step);
        require(story->last_proof <= story->proven && story->learnt <= story->proven &&
                    story->proven == now,
                "proven last", step);
        const auto within = [&](MonoTime t) { return t >= story->last_proof && t <= now; };
        require(!story->suspected || within(*story->suspected), "suspected meanwhile", step);
        require(story->condition.has_value() == story->condition_at.has_value() &&
                    (!story->condition_at || within(*story->condition_at)),
                "in trouble meanwhile", step);
        require(story->to_string().find(" -") == std::string::npos, "no figure is negative", step);
        continue;
      }
    }
    require(detector.primary() == before, "only a proof makes a primary", step);
  }
}

}  // namespace relinkd::fuzz
