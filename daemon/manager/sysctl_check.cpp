// SPDX-License-Identifier: Apache-2.0
#include "manager/sysctl_check.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/give_up.hpp"
#include "kernel/sysctl.hpp"
#include "kernel/sysctl_files.hpp"

namespace relinkd::manager {

namespace {

constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";
/// Of the actuator, which may have to be started first.
constexpr Duration kPatience = 10s;

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

SysctlCheck::SysctlCheck(loop::Loop& loop, Reporter& reporter, metrics::Numbers& numbers,
                         std::function<bool()> may_act)
    : loop_(loop),
      reporter_(reporter),
      numbers_(numbers),
      may_act_(std::move(may_act)),
      next_(loop.deadlines(), [this] { check(); }),
      actuator_(loop, *this) {}

void SysctlCheck::configure(const config::Settings& settings) {
  settings_ = settings.sysctl;
  actuator_.configure(settings.actuator.socket);
  std::erase_if(keys_, [this](const auto& k) { return !settings_.want.contains(k.first); });
  check();
}

void SysctlCheck::check() {
  next_.set(loop_.now().at + settings_.check_interval);
  numbers_.tcp_give_up = give_up_now().value_or(Duration::zero());
  numbers_.sysctls.clear();
  const core::SysctlSources files = kernel::read_sysctl_files();
  for (const auto& [key, wanted] : settings_.want) look_at(key, wanted, files);
}

void SysctlCheck::look_at(const std::string& key, std::int64_t wanted,
                          const core::SysctlSources& files) {
  metrics::SysctlNumbers n;
  n.key = key;
  n.wanted = static_cast<double>(wanted);
  const auto value = read_number(key);
  n.readable = value.has_value();
  n.value = static_cast<double>(value.value_or(0));
  n.ok = value && static_cast<std::int64_t>(*value) == wanted;
  const auto boot = core::decide_sysctl(files, key);
  if (boot.unread.empty()) n.persistent = boot.value == wanted;
  numbers_.sysctls.push_back(n);

  Key& state = keys_[key];
  if (n.readable && !n.ok && put_back(key, state)) return;
  if (state.was_ok == n.ok) return;
  const bool first = !state.was_ok;
  state.was_ok = n.ok;
  if (n.ok && first) return;
  if (!n.readable) {
    return report(journal::Event::SysctlNotApplied,
                  fmt::format("{} cannot be read, {} is wanted", key, wanted));
  }
  std::string message = n.ok ? fmt::format("{} is {} again, as wanted", key, *value)
                             : fmt::format("{} is {}, {} is wanted", key, *value, wanted);
  if (key == kRetries2) {
    message += fmt::format(": a connection whose data nobody acknowledges hangs for {} or more",
                           to_text(numbers_.tcp_give_up));
  }
  if (!n.ok && state.times > 1) {
    message += fmt::format("; it was put back {} times, and somebody sets it again", state.times);
  }
  report(n.ok ? journal::Event::SysctlApplied : journal::Event::SysctlNotApplied,
         std::move(message));
}

bool SysctlCheck::put_back(const std::string& key, Key& state) {
  if (state.order != 0) return true;
  const MonoTime now = loop_.now().at;
  if (!settings_.enforce || !may_act_() || now < state.guard.due()) return false;
  state.times = state.guard.tried(now);
  orders::Order order;
  order.kind = orders::Order::Kind::Sysctl;
  order.id = state.order = ++last_order_;
  order.key = key;
  actuator_.order(order, kPatience);
  return true;
}

void SysctlCheck::answered(std::uint64_t order, const std::string& detail,
                           const std::string& trouble) {
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [order](const auto& k) { return k.second.order == order; });
  if (at == keys_.end()) return;  // no longer wanted
  auto& [key, state] = *at;
  state.order = 0;
  if (!trouble.empty()) {
    state.was_ok = false;
    report(
        journal::Event::SysctlNotApplied,
        fmt::format("{} has drifted, and relinkd-actuator did not put it back: {}", key, trouble));
  } else if (!detail.empty()) {
    state.was_ok = true;
    const std::string often =
        state.times == 1 ? std::string()
                         : fmt::format(", for the {}. time: somebody else sets it", state.times);
    report(
        journal::Event::SysctlApplied,
        fmt::format("{} had drifted: {}, put back as [sysctl] enforce says{}", key, detail, often));
  }
  check();
}

void SysctlCheck::on_answer(const orders::Answer& answer) {
  switch (answer.result) {
    case orders::Answer::Result::Done: return answered(answer.id, answer.detail, {});
    // Somebody else was first.
    case orders::Answer::Result::Gone: return answered(answer.id, {}, {});
    default: return answered(answer.id, {}, answer.detail);
  }
}

void SysctlCheck::on_lost(std::uint64_t order, const std::string& why) { answered(order, {}, why); }

void SysctlCheck::report(journal::Event event, std::string message) {
  const bool fine = event == journal::Event::SysctlApplied;
  journal::Entry e;
  e.event = event;
  e.priority = fine ? journal::Priority::Notice : journal::Priority::Warning;
  e.message = std::move(message);
  if (!fine) e.message += "; relinkctl sysctl check says more";
  reporter_.report(std::move(e));
}

}  // namespace relinkd::manager
