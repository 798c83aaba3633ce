// SPDX-License-Identifier: Apache-2.0
#include "manager/sysctl_check.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/give_up.hpp"
#include "kernel/sysctl.hpp"

namespace relinkd::manager {

namespace {

constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";

std::optional<std::uint64_t> read_number(std::string_view key) {
  const auto text = kernel::read_sysctl(key);
  return text ? parse_u64(trim(*text)) : std::nullopt;
}

/// The time after which the kernel gives up a connection whose data nobody acknowledges.
std::optional<Duration> give_up_now() {
  const auto retries = read_number(kRetries2);
  if (!retries) return std::nullopt;
  const auto rto_max = read_number("net.ipv4.tcp_rto_max_ms");
  return core::give_up_time(
      static_cast<int>(*retries), core::kRtoBase,
      rto_max ? Duration(std::chrono::milliseconds(*rto_max)) : core::kRtoMax);
}

}  // namespace

SysctlCheck::SysctlCheck(loop::Loop& loop, Reporter& reporter, metrics::Numbers& numbers)
    : loop_(loop),
      reporter_(reporter),
      numbers_(numbers),
      next_(loop.deadlines(), [this] { check(); }) {}

void SysctlCheck::configure(const config::Sysctl& settings) {
  settings_ = settings;
  check();
}

void SysctlCheck::check() {
  next_.set(loop_.now().at + settings_.check_interval);
  const auto give_up = give_up_now();
  numbers_.tcp_give_up = give_up.value_or(Duration::zero());
  numbers_.sysctls.clear();
  for (const auto& [key, wanted] : settings_.want) {
    metrics::SysctlNumbers n;
    n.key = key;
    n.wanted = static_cast<double>(wanted);
    const auto value = read_number(key);
    n.readable = value.has_value();
    n.value = static_cast<double>(value.value_or(0));
    n.ok = value && static_cast<std::int64_t>(*value) == wanted;
    numbers_.sysctls.push_back(n);

    const auto before = was_ok_.find(key);
    if (before != was_ok_.end() && before->second == n.ok) continue;
    const bool first = before == was_ok_.end();
    was_ok_[key] = n.ok;
    if (n.ok && first) continue;
    std::string message;
    if (!n.readable) {
      message = fmt::format("{} cannot be read, {} is wanted", key, wanted);
    } else {
      message = fmt::format("{} is {}, {} is wanted", key, *value, wanted);
      if (n.ok) message = fmt::format("{} is {} again, as wanted", key, *value);
      if (key == kRetries2 && give_up) {
        message += fmt::format(": a connection whose data nobody acknowledges hangs for {} or more",
                               to_text(*give_up));
      }
    }
    if (!n.ok) message += "; relinkctl sysctl check says more";
    journal::Entry e;
    e.event = n.ok ? journal::Event::SysctlApplied : journal::Event::SysctlNotApplied;
    e.priority = n.ok ? journal::Priority::Notice : journal::Priority::Warning;
    e.message = std::move(message);
    reporter_.report(std::move(e));
  }
}

}  // namespace relinkd::manager
