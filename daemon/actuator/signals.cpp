// SPDX-License-Identifier: Apache-2.0
#include "actuator/signals.hpp"

#include <csignal>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "kernel/processes.hpp"

namespace relinkd::actuator {

namespace {

using Result = orders::Answer::Result;

std::string processes(std::size_t count) {
  return fmt::format("{} process{}", count, count == 1 ? "" : "es");
}

}  // namespace

std::optional<int> signal_number(std::string_view name) {
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* abbreviation = sigabbrev_np(signal);
    if (abbreviation != nullptr && name == fmt::format("SIG{}", abbreviation)) return signal;
  }
  return std::nullopt;
}

Outcome signal_processes(const orders::AppMatcher& matcher, std::size_t app, int signal) {
  const auto pids = kernel::all_pids();
  if (!pids) return {Result::Failed, pids.error().message};
  std::size_t found = 0;
  std::size_t catching = 0;
  std::size_t signalled = 0;
  std::string trouble;
  for (const pid_t pid : *pids) {
    const auto facts = kernel::process_facts(pid);
    if (!facts || !matcher.fits(app, facts->cgroup, facts->uid)) continue;
    ++found;
    if (!facts->catches(signal)) continue;
    ++catching;
    if (const auto sent = kernel::signal_process(pid, facts->cgroup, signal); sent) {
      ++signalled;
    } else {
      trouble = sent.error().message;
    }
  }
  if (found == 0) return {Result::Failed, "no process of the app runs"};
  if (catching == 0) {
    return {Result::NotCaught, fmt::format("{} of the app run{}, and none catches the signal, "
                                           "which would end it",
                                           processes(found), found == 1 ? "s" : "")};
  }
  std::string told =
      fmt::format("{} of {} that catch the signal were sent it", signalled, catching);
  if (!trouble.empty()) told += ": " + trouble;
  return {signalled > 0 ? Result::Done : Result::Failed, std::move(told)};
}

}  // namespace relinkd::actuator
