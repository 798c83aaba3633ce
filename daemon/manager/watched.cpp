// SPDX-License-Identifier: Apache-2.0
#include "manager/watched.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "manager/incident.hpp"

namespace relinkd::manager {

namespace {

/// A certificate that ends within this time is worth a line in the journal.
constexpr Duration kExpiresSoon = 14 * 24h;

/// What follows an incident within this time belongs to it.
constexpr Duration kRecent = 1min;

/// "half_open" as people write it.
std::string spoken(core::Condition c) {
  std::string text(core::to_string(c));
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

journal::Priority priority_of(core::Condition c) {
  using core::Condition;
  switch (c) {
    case Condition::Unknown:
    case Condition::Slow: return journal::Priority::Info;
    case Condition::Ok: return journal::Priority::Notice;
    case Condition::HalfOpen:
    case Condition::PeerClosed:
    case Condition::Reset:
    case Condition::MasterDown:
    case Condition::Loading:
    case Condition::Busy: return journal::Priority::Warning;
    default: return journal::Priority::Error;
  }
}

std::string join(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& a : addresses) text += (text.empty() ? "" : ", ") + a.host();
  return text;
}

bool on_this_host(const watch::Node& node) {
  const auto& address = node.link().address();
  if (!address || address->is_unix()) return true;
  return address->family() == Address::Family::IPv4
             ? address->bytes()[0] == 127
             : *address == *Address::parse("::1", address->port());
}

/// How lines name a node: one that is no member by its part.
std::string spoken(const watch::Node& node) {
  switch (node.part()) {
    case watch::Part::Sentinel: return "Sentinel " + node.label();
    case watch::Part::Replica: return "replica " + node.label();
    default: return node.label();
  }
}

/// Whether the connections to the node are counted as the endpoint's.
bool counts(const watch::Node& node) {
  return node.part() == watch::Part::Primary || node.part() == watch::Part::Replica;
}

bool is_member(const watch::Node& node) { return node.part() == watch::Part::Primary; }

}  // namespace

Watched::Watched(Shared& shared, const std::string& name)
    : shared_(shared), name_(name), since_(loop::Loop::wall()) {
  numbers_.endpoint = name;
}

Watched::~Watched() = default;

metrics::NodeRole Watched::role_of(const watch::Link& link) {
  if (!link.connected() || !link.role()) return metrics::NodeRole::Unknown;
  switch (link.role()->role) {
    case resp::Role::Primary: return metrics::NodeRole::Primary;
    case resp::Role::Replica: return metrics::NodeRole::Replica;
    case resp::Role::Sentinel: break;
  }
  return metrics::NodeRole::Unknown;
}

void Watched::start(std::unique_ptr<watch::Endpoint> endpoint) {
  endpoint_ = std::move(endpoint);
  states_.clear();
  update_nodes();
  // What was proven of the server before says nothing of this one.
  if (shown_ != core::Condition::Unknown) {
    detail_ = "its configuration changed";
    enter(core::Condition::Unknown);
    const auto members = endpoint_->members();
    const std::string node = members.empty() ? name_ : members.front()->label();
    journal::Entry e = entry(journal::Event::ConditionUnknown, journal::Priority::Info,
                             fmt::format("{}: {} unknown: {}", name_, node, detail_));
    e.node = node;
    e.condition = core::to_string(core::Condition::Unknown);
    shared_.reporter.report(std::move(e));
  }
  endpoint_->start();
}

void Watched::stop() {
  shared_.judge.no_longer_unreachable(name_);
  endpoint_->stop();
  shared_.loop.retire(std::move(endpoint_));
}

Watched::NodeState& Watched::state_of(const watch::Node& node) {
  const auto [it, fresh] = states_.try_emplace(&node);
  if (fresh) {
    it->second.since = loop::Loop::wall();
    it->second.since_mono = it->second.trouble_since = loop::Loop::clock();
  }
  return it->second;
}

// --- the door ---------------------------------------------------------------------------------

void Watched::on_transition(const watch::Node& node, const core::Transition& t) {
  shared_.endpoint_changed();
  NodeState& state = state_of(node);
  state.link_detail = t.detail;
  state.last_proof = t.since_last_proof;
  if (!is_member(node)) return show(node, t.to, t.detail);
  if (t.to == core::Condition::Unreachable) {
    const auto& address = node.link().address();
    shared_.judge.became_unreachable(name_, address ? address->host() : name_,
                                     shared_.loop.now().at);
  } else {
    forgive_unreachable();
  }
  if (t.to == core::Condition::Unreachable && shared_.judge.is_local(name_)) {
    // Those that were lost just before share this host's fault.
    shared_.rejudge();
  } else {
    show(node, t.to, t.detail);
  }
}

void Watched::forgive_unreachable() {
  const auto members = endpoint_->members();
  const bool any = std::any_of(members.begin(), members.end(), [](const watch::Node* n) {
    return n->condition() == core::Condition::Unreachable;
  });
  if (!any) shared_.judge.no_longer_unreachable(name_);
}

void Watched::rejudge() {
  if (!endpoint_) return;
  for (const watch::Node* node : endpoint_->members()) {
    if (node->condition() != core::Condition::Unreachable) continue;
    const std::string& detail = state_of(*node).link_detail;
    if (shared_.judge.is_local(name_)) {
      show(*node, core::Condition::LocalFault,
           detail +
               "; other endpoints at other addresses were lost at the same time, and nothing "
               "is answered anywhere");
    } else {
      show(*node, core::Condition::Unreachable, detail);
    }
  }
}

void Watched::show(const watch::Node& node, core::Condition condition, std::string detail) {
  NodeState& state = state_of(node);
  state.detail = std::move(detail);
  const bool counts_here = is_member(node) || endpoint_->members().empty();
  if (condition == state.shown) {
    if (counts_here) settle();
    return;
  }
  const core::Condition from = std::exchange(state.shown, condition);
  const MonoTime now = shared_.loop.now().at;
  const Duration lasted = now - state.since_mono;
  const bool begins = core::is_up(from) || from == core::Condition::Unknown;
  const bool was_trouble = !begins;
  if (begins) state.trouble_since = now;
  state.told_cause.reset();
  state.since = loop::Loop::wall();
  state.since_mono = now;
  const auto index = static_cast<std::size_t>(condition);
  if (is_member(node) && core::is_up(from) && !core::is_up(condition)) {
    shared_.numbers.detection_seconds[index].observe(state.last_proof);
  }
  const std::string incident = incident_;
  if (counts_here) settle();
  update_nodes();
  // Of former primaries and candidates the endpoint's story tells what matters.
  if (node.part() == watch::Part::Former || node.part() == watch::Part::Candidate) return;

  std::string message =
      fmt::format("{}: {} {}: {}", name_, spoken(node), spoken(condition), state.detail);
  if (was_trouble && core::is_up(condition)) {
    message += fmt::format("; the trouble lasted {}", to_text(now - state.trouble_since));
  } else if (core::is_up(condition) && core::is_up(from)) {
    message += fmt::format("; it was {} for {}", spoken(from), to_text(lasted));
  } else if (!core::is_up(condition) && endpoint_->in_maintenance()) {
    message += "; maintenance was announced for this time";
  }
  journal::Entry e =
      entry(static_cast<journal::Event>(index), priority_of(condition), std::move(message));
  e.node = node.label();
  // The condition of the endpoint comes from its members alone.
  if (is_member(node)) e.condition = core::to_string(condition);
  // The line that ends an incident belongs to it.
  if (e.incident.empty() && is_member(node)) e.incident = incident;
  shared_.reporter.report(std::move(e));
}

void Watched::settle(bool tell) {
  const auto members = endpoint_->members();
  core::Condition worst = core::Condition::Ok;
  const watch::Node* culprit = nullptr;
  for (const watch::Node* node : members) {
    const core::Condition c = state_of(*node).shown;
    // Of a shard that has just been added nothing is known yet, and of the others there is.
    if (c == core::Condition::Unknown && members.size() > 1) continue;
    if (culprit != nullptr && core::worse(c, worst) == worst) continue;
    worst = c;
    culprit = node;
  }
  if (culprit != nullptr) {
    detail_ = members.size() == 1 ? state_of(*culprit).detail
                                  : culprit->label() + ": " + state_of(*culprit).detail;
  } else if (const watch::Node* source = members.empty() ? endpoint_->best_source() : nullptr) {
    // Nobody has said yet where the endpoint is: what keeps them from it is its condition.
    const NodeState& state = state_of(*source);
    worst = core::is_up(state.shown) ? core::Condition::Unknown : state.shown;
    detail_ = fmt::format("where its primary is nobody has said yet; {} {}: {}", spoken(*source),
                          spoken(state.shown), state.detail);
  } else {
    worst = core::Condition::Unknown;
  }
  if (worst == shown_) return;
  const std::string incident = incident_;
  enter(worst);
  // The lines of its members tell the rest.
  if (!tell && !members.empty()) return;
  const auto event = static_cast<journal::Event>(worst);
  journal::Entry e =
      entry(event, priority_of(worst), fmt::format("{}: {}: {}", name_, spoken(worst), detail_));
  e.condition = core::to_string(worst);
  if (e.incident.empty()) e.incident = incident;
  shared_.reporter.report(std::move(e));
}

void Watched::enter(core::Condition condition) {
  shown_ = condition;
  since_ = loop::Loop::wall();
  numbers_.condition = condition;
  numbers_.up = core::is_up(condition);
  ++numbers_.conditions_total[static_cast<std::size_t>(condition)];
  update_incident();
  shared_.endpoint_changed();
  if (condition == core::Condition::HalfOpen) {
    disturb(fmt::format("a connection to it was dead: {}", detail_));
  }
  shared_.status_changed();
}

void Watched::update_incident() {
  const bool unknown = shown_ == core::Condition::Unknown;
  if (!core::is_up(shown_) && !unknown && incident_.empty()) {
    incident_ = new_incident_id(name_);
  } else if ((core::is_up(shown_) || unknown) && !incident_.empty()) {
    last_incident_ = std::exchange(incident_, {});
    last_incident_end_ = shared_.loop.now().at;
  }
  numbers_.incidents_open = incident_.empty() ? 0 : 1;
}

void Watched::disturb(std::string why) {
  const WallTime wall = loop::Loop::wall();
  disturbance_ = Disturbance{shared_.loop.now().at, wall, std::move(why)};
}

core::Circumstances Watched::circumstances(const Address& node) const {
  core::Circumstances c = endpoint_->circumstances(node);
  c.incident = recent_incident();
  return c;
}

std::string Watched::recent_incident() const {
  if (!incident_.empty()) return incident_;
  const bool recent = last_incident_end_ != MonoTime::min() &&
                      shared_.loop.now().at - last_incident_end_ <= kRecent;
  return recent ? last_incident_ : std::string();
}

void Watched::update_nodes() {
  numbers_.nodes.clear();
  numbered_ = endpoint_->members();
  const auto others = endpoint_->others();
  numbered_.insert(numbered_.end(), others.begin(), others.end());
  for (const watch::Node* node : numbered_) {
    numbers_.nodes.push_back(
        {node->label(), core::is_up(state_of(*node).shown), role_of(node->link())});
  }
}

void Watched::on_nodes_changed() {
  const auto sentinels = endpoint_->sentinels();
  std::map<const watch::Node*, NodeState> kept;
  const auto keep = [&](const std::vector<const watch::Node*>& nodes) {
    for (const watch::Node* node : nodes) {
      if (const auto it = states_.find(node); it != states_.end()) kept.insert(*it);
    }
  };
  keep(endpoint_->members());
  keep(endpoint_->others());
  keep(endpoint_->sentinels());
  states_ = std::move(kept);
  update_nodes();
  forgive_unreachable();
  settle(/*tell=*/true);
  shared_.memory_changed();
  shared_.endpoint_changed();
}

journal::Entry Watched::entry(journal::Event event, journal::Priority priority,
                              std::string message) const {
  journal::Entry e;
  e.event = event;
  e.priority = priority;
  e.message = std::move(message);
  e.endpoint = name_;
  e.incident = incident_;
  return e;
}

void Watched::report(journal::Event event, journal::Priority priority, const std::string& sentence,
                     const std::string& node) {
  journal::Entry e = entry(event, priority, fmt::format("{}: {}", name_, sentence));
  e.node = node;
  shared_.reporter.report(std::move(e));
}

// --- connections ------------------------------------------------------------------------------

void Watched::on_disconnected(const watch::Node& node, const Address& address,
                              const core::Attribution& why) {
  if (!counts(node)) return;
  ++numbers_.disconnects_total[static_cast<std::size_t>(why.cause)];
  // The line of the reload or of the stop has said it for all.
  if (why.cause == core::Cause::LocalClose) return;
  // Attempt after attempt that ends alike is one piece of news, until the condition is another.
  if (std::exchange(state_of(node).told_cause, why.cause) == why.cause) return;
  journal::Entry e =
      entry(journal::Event::Disconnected, journal::Priority::Notice,
            fmt::format("{}: {} disconnected, cause {}: {}", name_, address.to_string(),
                        core::to_string(why.cause), why.evidence));
  e.node = address.to_string();
  e.cause = core::to_string(why.cause);
  shared_.reporter.report(std::move(e));
}

void Watched::on_connect_result(const watch::Node& node, core::ConnectResult result,
                                std::optional<Duration> outage) {
  if (!counts(node)) return;
  ++numbers_.reconnects_total[static_cast<std::size_t>(result)];
  if (outage) shared_.numbers.reconnect_seconds.observe(*outage);
  // A move keeps the condition, and is another node.
  if (result == core::ConnectResult::Ok) update_nodes();
  // This host is cleared when others are answered; what this attempt met with is its own trouble.
  if (result != core::ConnectResult::Ok) rejudge();
}

void Watched::on_rtt(const watch::Node& node, Duration rtt) {
  if (is_member(node)) numbers_.ping_rtt_seconds.observe(rtt);
  // The role comes with the replies before the PING's.
  const auto it = std::find(numbered_.begin(), numbered_.end(), &node);
  if (it == numbered_.end()) return;
  numbers_.nodes[static_cast<std::size_t>(it - numbered_.begin())].role = role_of(node.link());
}

void Watched::on_answered(const watch::Node& node) {
  if (!on_this_host(node)) shared_.judge.answered(shared_.loop.now().at);
}

void Watched::on_certificate(const watch::Node& node, WallTime expiry) {
  if (!is_member(node)) return;
  numbers_.certificate_expiry = expiry;
  const Duration left = expiry - loop::Loop::wall();
  if (left > kExpiresSoon || told_expiry_ == expiry) return;
  told_expiry_ = expiry;
  report(journal::Event::CertificateExpiring, journal::Priority::Warning,
         left > Duration::zero()
             ? fmt::format("the server's certificate ends in {}, at {}", to_text(left),
                           to_iso8601(expiry))
             : fmt::format("the server's certificate ended at {}", to_iso8601(expiry)),
         node.label());
}

void Watched::on_idle_cut(const watch::Node& node, const std::optional<core::IdleCut>& cut) {
  numbers_.idle_cut = cut ? cut->age : Duration::zero();
  if (cut) {
    report(journal::Event::IdleCut, journal::Priority::Warning, cut->to_string(), node.label());
  } else {
    report(journal::Event::IdleCutGone, journal::Priority::Notice,
           "idle connections are no longer cut on this path", node.label());
  }
}

void Watched::on_dns_changed(const watch::Node& node, const std::vector<Address>& before,
                             const std::vector<Address>& now, bool followed) {
  if (is_member(node)) ++numbers_.dns_changes_total;
  report(journal::Event::DnsChanged, journal::Priority::Notice,
         fmt::format("{} resolved to {} and resolves to {} now{}", node.where().host, join(before),
                     join(now), followed ? "; following" : ""),
         node.label());
}

void Watched::on_dns_failing(const watch::Node& node, const std::string& why) {
  const auto& last = node.names().last_answer();
  report(journal::Event::DnsFailing, journal::Priority::Warning,
         last.empty() ? fmt::format("{} does not resolve: {}", node.where().host, why)
                      : fmt::format("{} does not resolve any more: {}; {} stays watched",
                                    node.where().host, why, join(last)),
         node.label());
}

}  // namespace relinkd::manager
