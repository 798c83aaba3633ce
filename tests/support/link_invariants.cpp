// SPDX-License-Identifier: Apache-2.0
#include "support/link_invariants.hpp"

#include <variant>

#include <fmt/format.h>

namespace relinkd::test {

namespace {

using core::Condition;
using core::ReplyKind;

template <typename Event>
bool is(const core::LinkEvent& event) {
  return std::holds_alternative<Event>(event);
}

}  // namespace

std::string describe(const core::LinkOrders& o) {
  std::string text;
  if (o.hangup)
    text += fmt::format("hangup({}: {}) ", to_string(o.hangup->cause), o.hangup->evidence);
  if (o.close_witness) text += "close_witness ";
  if (o.transition) {
    text +=
        fmt::format("{}->{}({}; {}) ", to_string(o.transition->from), to_string(o.transition->to),
                    o.transition->detail, o.transition->since_last_proof.count());
  }
  if (o.reconnected) text += "reconnected ";
  if (o.dial) text += "dial ";
  if (o.open_witness) text += *o.open_witness ? "full_witness " : "plain_witness ";
  if (o.probe) {
    text += fmt::format("probe({}{}) ", o.probe->greeting ? "greeting " : "",
                        o.probe->topology ? "topology" : "");
  }
  return text + fmt::format("deadline={}", o.deadline.time_since_epoch().count());
}

void LinkInvariants::apply(const core::LinkEvent& event) {
  if (is<core::event::Start>(event)) started_ = true;
  if (is<core::event::Dialed>(event) && dialing_) {
    dialing_ = false;
    connected_ = true;
    proven_ = false;
  }
  if (is<core::event::DialFailed>(event) && dialing_) {
    dialing_ = false;
    inherited_ = false;
  }
  if (is<core::event::DialUnanswered>(event) && dialing_) inherited_ = false;
  if (const auto* replied = std::get_if<core::event::Replied>(&event); replied && outstanding_) {
    outstanding_ = false;
    if (replied->kind != ReplyKind::MaxClients) {
      proven_ = true;
      inherited_ = false;
    }
  }
  if (is<core::event::Ended>(event) && connected_) {
    connected_ = false;
    outstanding_ = false;
    proven_ = false;
    inherited_ = false;
  }
  if (is<core::event::Moved>(event) && (connected_ || inherited_)) {
    inherited_ = core::is_up(condition_);
  }
}

std::optional<std::string> LinkInvariants::check_connection(const core::LinkOrders& o) {
  if (o.hangup) {
    if (!connected_) return "a hangup without a connection";
    connected_ = false;
    outstanding_ = false;
    proven_ = false;
  }
  if (o.dial) {
    if (connected_) return "a dial beside a connection";
    dialing_ = true;
  }
  if (o.close_witness) {
    if (!witness_) return "no witness is open that could be closed";
    witness_ = false;
  }
  if (o.open_witness) {
    if (witness_) return "two witnesses at a time";
    if (!connected_) return "a witness without a connection that is suspect";
    if (!outstanding_) return "a witness although nothing is pending";
    witness_ = true;
  }
  if (witness_ && !outstanding_) return "the witness outlives what it was opened for";
  if (o.probe) {
    if (!connected_) return "a PING without a connection";
    if (outstanding_) return "two PINGs outstanding";
    outstanding_ = true;
  }
  return std::nullopt;
}

std::optional<std::string> LinkInvariants::check_deadline(const core::LinkEvent& event, Now now,
                                                          const core::LinkOrders& o) {
  const bool waits = started_ && !dialing_;
  if (waits && o.deadline == kNever) return "it waits, and no deadline will wake it";
  if (waits && !connected_ && o.deadline - now.at > limits_.backoff_max) {
    return "the back-off exceeds its bound";
  }
  // One that is due at once must lead somewhere, or the loop turns without end.
  const bool still = is<core::event::Deadline>(event) && o.deadline <= now.at && !o.dial &&
                     !o.probe && now.at == last_;
  last_ = now.at;
  standing_still_ = still ? standing_still_ + 1 : 0;
  if (standing_still_ > 2) return "deadlines in the past again and again";
  return std::nullopt;
}

std::optional<std::string> LinkInvariants::check_condition(const core::LinkEvent& event,
                                                           const core::LinkOrders& o,
                                                           Condition condition) {
  if (o.transition) {
    if (o.transition->from != condition_) return "a transition from another condition than before";
    if (o.transition->from == o.transition->to) return "a transition that changes nothing";
    if (o.transition->detail.empty()) return "a transition without a reason";
    if (o.transition->since_last_proof < Duration::zero()) return "a proof of life in the future";
  }
  const Condition told = o.transition ? o.transition->to : condition_;
  if (condition != told) return "a condition changed without a transition";
  // A fault of this host ends without the node's doing; anything else only by an answer.
  const bool answered = is<core::event::Replied>(event) || is<core::event::RoleSaid>(event);
  if (o.transition && condition == Condition::Ok && !answered &&
      o.transition->from != Condition::LocalFault) {
    return "ok without an answer";
  }
  if (core::is_up(condition) && !proven_ && !inherited_) {
    return "up without a reply on this connection";
  }
  if (o.reconnected && !proven_) return "reconnected without a reply";
  condition_ = condition;
  return std::nullopt;
}

std::optional<std::string> LinkInvariants::check(const core::LinkEvent& event, Now now,
                                                 const core::LinkOrders& orders,
                                                 Condition condition) {
  apply(event);
  if (auto broken = check_connection(orders)) return broken;
  if (auto broken = check_deadline(event, now, orders)) return broken;
  return check_condition(event, orders, condition);
}

}  // namespace relinkd::test
