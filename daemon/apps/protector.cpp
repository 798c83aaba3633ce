// SPDX-License-Identifier: Apache-2.0
#include "apps/protector.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <netinet/tcp.h>

#include "config/wanted_options.hpp"
#include "kernel/sysctl.hpp"

namespace relinkd::apps {

namespace {

/// The actuator walks over all of the kernel's TCP sockets, and spends a hundredth of a core on it
/// at most: where a walk takes 100 ms, the next is 10 s later.
constexpr Duration kPatience = 60s;

static_assert(core::TunePlanner::kBatch == orders::kMaxTuned);

core::TuneOutcome outcome_of(orders::Answer::Result result) {
  switch (result) {
    case orders::Answer::Result::Done:
    case orders::Answer::Result::Gone: return core::TuneOutcome::Done;
    case orders::Answer::Result::Unsupported: return core::TuneOutcome::Unsupported;
    // It will have time later.
    case orders::Answer::Result::RateLimited: return core::TuneOutcome::Lost;
    case orders::Answer::Result::Refused:
    case orders::Answer::Result::Failed:
    case orders::Answer::Result::NotCaught: break;
  }
  return core::TuneOutcome::NotDone;
}

}  // namespace

Protector::Protector(loop::Loop& loop, ActuatorClient& actuator, Tell tell)
    : loop_(loop), actuator_(actuator), tell_(std::move(tell)) {}

void Protector::configure(const config::Settings& settings) {
  std::map<core::RelinkTarget, core::TuneRules> rules;
  const Duration give_up = kernel::give_up_now();
  for (const config::App& app : settings.apps) {
    for (const config::Endpoint& endpoint : settings.endpoints) {
      const auto& names = app.endpoints;
      if (std::find(names.begin(), names.end(), endpoint.name) == names.end()) continue;
      auto wanted = config::wanted_options(app, endpoint);
      if (wanted) wanted = core::no_later_than(*wanted, give_up);
      rules[{app.name, endpoint.name}] = {wanted, settings.mode_of(app) == config::Mode::Act};
    }
  }
  carry_out(planner_.configure(std::move(rules), loop_.now().at));
}

void Protector::looked(const Census& census, bool paused) {
  if (std::exchange(paused_, paused) != paused) {
    carry_out(planner_.pause(paused, loop_.now().at));
  }
  std::vector<core::TunePlanner::Seen> seen;
  seen.reserve(census.sockets().size());
  for (const auto& [cookie, one] : census.sockets()) {
    const bool open = one.socket.state == TCP_ESTABLISHED || one.socket.state == TCP_CLOSE_WAIT;
    if (open) seen.push_back({cookie, one.target});
  }
  carry_out(planner_.on_looked(seen, loop_.now().at));
}

void Protector::carry_out(const core::TunePlan& plan) {
  for (const core::TuneOrder& order : plan.orders) {
    orders::Order message;
    message.kind = orders::Order::Kind::Tune;
    message.tuning = order.tuning;
    message.app = order.target.app;
    message.endpoint = order.target.endpoint;
    message.cookies = order.cookies;
    actuator_.order(std::move(message), kPatience,
                    [this, id = order.id](const auto& reply) { on_answer(id, reply); });
  }
  for (const core::TuneNews& news : plan.news) tell_(news);
}

void Protector::on_answer(std::uint64_t order, const Result<ActuatorClient::Reply>& reply) {
  const MonoTime now = loop_.now().at;
  if (!reply) {
    return carry_out(
        planner_.on_result(order, core::TuneOutcome::Lost, {}, reply.error().message, now));
  }
  const orders::Answer& answer = reply->answer;
  carry_out(planner_.on_result(order, outcome_of(answer.result), answer.tuned, answer.detail, now));
}

}  // namespace relinkd::apps
