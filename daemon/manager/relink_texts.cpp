// SPDX-License-Identifier: Apache-2.0
#include "manager/relink_texts.hpp"

#include <string_view>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::manager {

namespace {

/// "2 connections to 10.0.0.7:6379 are dead, and 1 leads to a former primary".
std::string found(const core::RelinkNews& news) {
  std::string text;
  const auto add = [&](std::uint64_t n, std::string_view one, std::string_view many) {
    if (n == 0) return;
    text += text.empty() ? plural(n, "connection") : fmt::format(", {}", n);
    text += fmt::format(" {}", n == 1 ? one : many);
  };
  add(news.black_holed, "is dead", "are dead");
  add(news.wrong_node, "leads to a former primary", "lead to a former primary");
  add(news.siblings, "has been silent longer than a dead one",
      "have been silent longer than a dead one");
  if (!text.empty() && !news.node.empty()) text += fmt::format(" ({})", news.node);
  return text;
}

std::string why(core::RelinkHold hold) {
  using core::RelinkHold;
  switch (hold) {
    case RelinkHold::Starting: return "relinkd has just started, and has not seen everything yet";
    case RelinkHold::Paused: return "relinkd is paused; `relinkctl resume` ends that";
    case RelinkHold::Breaker: return "its breaker is open; `relinkctl reset` closes it";
    case RelinkHold::Unhealthy:
      return "the endpoint is not proven healthy now, and nothing better is to be had";
    case RelinkHold::Unconfirmed:
      return "no majority of the known Sentinels stands behind the primary";
    case RelinkHold::MinInterval: return "the last time is too recent (min_interval)";
    case RelinkHold::MaxParallel:
      return "as many other apps are being made to reconnect to the endpoint (max_parallel)";
    case RelinkHold::Rate:
      return "as many connections as reconnect_rate allows were ended in this second";
  }
  return {};
}

/// Holds that end by themselves soon.
bool waits(core::RelinkHold hold) {
  using core::RelinkHold;
  return hold == RelinkHold::MinInterval || hold == RelinkHold::MaxParallel ||
         hold == RelinkHold::Rate || hold == RelinkHold::Starting;
}

std::string outcome(const core::RelinkNews& news, const std::string& action) {
  using core::RelinkResult;
  switch (*news.result) {
    case RelinkResult::Recovered: return fmt::format("{} helped", action);
    case RelinkResult::NotRecovered: return fmt::format("{} did not help", action);
    case RelinkResult::Failed: return fmt::format("{} failed", action);
    case RelinkResult::Would: return fmt::format("{} would be done (mode is observe)", action);
    case RelinkResult::NoActuator:
      return fmt::format("{} could not be done: relinkd-actuator is not there", action);
  }
  return {};
}

}  // namespace

std::string relink_text(const core::RelinkNews& news, const std::string& action) {
  using Kind = core::RelinkNews::Kind;
  const std::string seen = found(news);
  std::string text = news.target.app + ": ";
  if (!news.target.endpoint.empty()) text += fmt::format("{}: ", news.target.endpoint);
  switch (news.kind) {
    case Kind::Decided:
      text += fmt::format("{}; next: {}", seen.empty() ? "it is to reconnect" : seen, action);
      break;
    case Kind::Held:
      text += fmt::format("{}{}{}: {}", seen, seen.empty() ? "" : "; ",
                          waits(*news.hold) ? "it waits" : "nothing is done", why(*news.hold));
      break;
    case Kind::Ended:
      text += outcome(news, action);
      if (!seen.empty()) text += fmt::format("; {}", seen);
      break;
    case Kind::Recovered:
      text += fmt::format("has reconnected; it took {} from the first sign ({})",
                          to_text(news.lasted), action);
      break;
    case Kind::GaveUp:
      text += fmt::format("has not reconnected, and every action was tried{}{}",
                          seen.empty() ? "" : "; ", seen);
      break;
    case Kind::BreakerOpened:
      text += "relinkd stops acting for it until `relinkctl reset`, or for an hour";
      break;
    case Kind::BreakerClosed: text += "relinkd acts for it again"; break;
  }
  if (!news.detail.empty()) text += fmt::format("; {}", news.detail);
  return text;
}

std::string match_text(const config::Match& match) {
  std::string text;
  const auto add = [&](std::string_view what, const std::string& value) {
    if (value.empty()) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, value);
  };
  add("unit", match.unit);
  add("cgroup", match.cgroup);
  add("user", match.user);
  return text;
}

std::string unknown_app_text(const std::string& name, const std::vector<std::string>& known) {
  const std::vector<std::string_view> names(known.begin(), known.end());
  const auto near = nearest(name, names);
  if (near) {
    return fmt::format("no app '{}' is configured; did you mean '{}'?", printable(name), *near);
  }
  return fmt::format("no app '{}' is configured", printable(name));
}

}  // namespace relinkd::manager
