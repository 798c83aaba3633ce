// SPDX-License-Identifier: Apache-2.0
#include "manager/sysctl_check.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "kernel/sysctl.hpp"
#include "kernel/sysctl_files.hpp"

namespace relinkd::manager {

namespace {

constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";
/// Of the actuator, which may have to be started first.
constexpr Duration kPatience = 10s;

core::SysctlAnswer answer_of(orders::Answer::Result result) {
  switch (result) {
    case orders::Answer::Result::Done: return core::SysctlAnswer::Done;
    case orders::Answer::Result::Gone: return core::SysctlAnswer::NotNeeded;
    default: return core::SysctlAnswer::Failed;
  }
}

}  // namespace

SysctlCheck::SysctlCheck(loop::Loop& loop, Reporter& reporter, metrics::Numbers& numbers,
                         apps::ActuatorClient& actuator, std::function<bool()> may_act)
    : loop_(loop),
      reporter_(reporter),
      numbers_(numbers),
      actuator_(actuator),
      may_act_(std::move(may_act)),
      next_(loop.deadlines(), [this] { check(); }) {}

void SysctlCheck::configure(const config::Settings& settings) {
  settings_ = settings.sysctl;
  std::erase_if(keys_, [this](const auto& k) { return !settings_.want.contains(k.first); });
  check();
}

void SysctlCheck::check() {
  next_.set(loop_.now().at + settings_.check_interval);
  numbers_.tcp_give_up = kernel::give_up_now();
  numbers_.sysctls.clear();
  const core::SysctlSources files = kernel::read_sysctl_files();
  for (const auto& [key, wanted] : settings_.want) look_at(key, wanted, files);
}

void SysctlCheck::look_at(const std::string& key, std::int64_t wanted,
                          const core::SysctlSources& files) {
  metrics::SysctlNumbers n;
  n.key = key;
  n.wanted = static_cast<double>(wanted);
  const auto value = kernel::read_sysctl_number(key);
  n.readable = value.has_value();
  n.value = static_cast<double>(value.value_or(0));
  n.ok = value == wanted;
  const auto boot = core::decide_sysctl(files, key);
  if (boot.unread.empty()) n.persistent = boot.value == wanted;
  numbers_.sysctls.push_back(n);

  Key& state = keys_[key];
  switch (state.guard.on_look(n.readable, n.ok, settings_.enforce && may_act_(), loop_.now().at)) {
    case core::SysctlStep::Nothing: break;
    case core::SysctlStep::PutBack: put_back(key, state); break;
    case core::SysctlStep::TellDrift: tell_drift(key, wanted, value); break;
    case core::SysctlStep::TellFine:
      report(journal::Event::SysctlApplied, fmt::format("{} is {} again, as wanted", key, wanted));
      break;
  }
}

void SysctlCheck::put_back(const std::string& key, Key& state) {
  orders::Order order;
  order.kind = orders::Order::Kind::Sysctl;
  order.key = key;
  state.order = ++last_order_;
  actuator_.order(std::move(order), kPatience,
                  [this, number = last_order_](const Result<apps::ActuatorClient::Reply>& reply) {
                    if (!reply) {
                      answered(number, core::SysctlAnswer::Failed, reply.error().message);
                    } else {
                      answered(number, answer_of(reply->answer.result), reply->answer.detail);
                    }
                  });
}

void SysctlCheck::tell_drift(const std::string& key, std::int64_t wanted,
                             std::optional<std::int64_t> value) {
  std::string text = value ? fmt::format("{} is {}, {} is wanted", key, *value, wanted)
                           : fmt::format("{} cannot be read, {} is wanted", key, wanted);
  if (value && key == kRetries2 && numbers_.tcp_give_up > Duration::zero()) {
    text += fmt::format(": a connection whose data nobody acknowledges hangs for {} or more",
                        to_text(numbers_.tcp_give_up));
  }
  const core::SysctlGuard& guard = keys_[key].guard;
  const Duration left = guard.due() - loop_.now().at;
  if (value && settings_.enforce && may_act_() && left > Duration::zero()) {
    text +=
        fmt::format("; after {} to put it back it is left for another {}",
                    plural(static_cast<std::uint64_t>(guard.attempts()), "attempt"), to_text(left));
  }
  report(journal::Event::SysctlNotApplied, std::move(text));
}

void SysctlCheck::answered(std::uint64_t order, core::SysctlAnswer answer,
                           const std::string& detail) {
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [order](const auto& k) { return k.second.order == order; });
  if (at == keys_.end()) return;  // it is not wanted any more
  auto& [key, state] = *at;
  state.guard.on_answer(answer);
  if (answer == core::SysctlAnswer::Failed) {
    report(
        journal::Event::SysctlNotApplied,
        fmt::format("{} has drifted, and relinkd-actuator did not put it back: {}", key, detail));
  } else if (answer == core::SysctlAnswer::Done) {
    const int attempts = state.guard.attempts();
    report(journal::Event::SysctlApplied,
           fmt::format("{} had drifted: {}, put back as [sysctl] enforce says{}", key, detail,
                       attempts == 1
                           ? ""
                           : fmt::format("; it is attempt {}: somebody else sets it", attempts)));
  }
  check();
}

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
