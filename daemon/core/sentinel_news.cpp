// SPDX-License-Identifier: Apache-2.0
#include "core/sentinel_news.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace relinkd::core {

namespace {

/// Names come from the network: two host names and a primary's name of decent length fit.
constexpr std::size_t kLongestKey = 1024;

std::string key_of(std::string_view what, const std::string& primary_name, const HostPort& where) {
  return fmt::format("{} {} {}", what, primary_name, where.to_string()).substr(0, kLongestKey);
}

std::string sdown(const SentinelEvent& e) { return key_of("sdown", e.primary_name, e.where); }
std::string odown(const SentinelEvent& e) { return key_of("odown", e.primary_name, e.where); }
std::string left(const SentinelEvent& e) { return key_of("left", e.primary_name, e.where); }
std::string tilt(const std::string& from) { return ("tilt " + from).substr(0, kLongestKey); }

}  // namespace

bool SentinelNews::on_event(const std::string& from, const SentinelEvent& event, MonoTime now) {
  using Kind = SentinelEvent::Kind;
  const bool straggles =
      event.subject == SentinelEvent::Subject::Primary && seen_lately(left(event), now);
  switch (event.kind) {
    case Kind::SwitchMaster: return switches(event, now);
    case Kind::SDown: return !straggles && begins(sdown(event), now);
    case Kind::ODown: return !straggles && begins(odown(event), now);
    case Kind::Tilt: return begins(tilt(from), now);
    case Kind::SDownGone: return ends(sdown(event), now);
    case Kind::ODownGone: return ends(odown(event), now);
    case Kind::TiltGone: return ends(tilt(from), now);
  }
  return false;
}

bool SentinelNews::switches(const SentinelEvent& event, MonoTime now) {
  if (!event.primary) return false;
  const std::string key =
      key_of("switch " + event.where.to_string(), event.primary_name, *event.primary);
  if (seen_lately(key, now)) return false;
  remember(key, now);
  SentinelEvent successor = event;
  successor.where = *event.primary;
  seen_.erase(left(successor));
  remember(left(event), now);
  seen_.erase(sdown(event));
  seen_.erase(odown(event));
  return true;
}

bool SentinelNews::begins(const std::string& key, MonoTime now) {
  const auto seen = seen_.find(key);
  const bool held = seen != seen_.end() && seen->second.holds;
  remember(key, now);
  return !held;
}

bool SentinelNews::ends(const std::string& key, MonoTime now) {
  const auto seen = seen_.find(key);
  if (seen == seen_.end()) return false;
  seen->second.at = now;
  return std::exchange(seen->second.holds, false);
}

bool SentinelNews::seen_lately(const std::string& key, MonoTime now) const {
  const auto seen = seen_.find(key);
  return seen != seen_.end() && now - seen->second.at < kSame;
}

void SentinelNews::remember(const std::string& key, MonoTime now) {
  if (!seen_.contains(key) && seen_.size() >= kRemembered) {
    seen_.erase(std::min_element(seen_.begin(), seen_.end(), [](const auto& a, const auto& b) {
      return a.second.at < b.second.at;
    }));
  }
  seen_[key] = Seen{true, now};
}

}  // namespace relinkd::core
