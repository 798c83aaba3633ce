// SPDX-License-Identifier: Apache-2.0
#include "manager/watched.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relinkd::manager {

namespace {

/// A certificate that ends within this time is worth a line in the journal.
constexpr Duration kExpiresSoon = 14 * 24h;

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

/// Unique enough to search for, and readable: when, and for whom.
std::string incident_id(const std::string& endpoint, WallTime now) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}-{:%Y%m%dT%H%M%S}.{:03d}", endpoint, utc, ms % 1000);
}

metrics::NodeRole role_of(const watch::Link& link) {
  if (!link.connected() || !link.role()) return metrics::NodeRole::Unknown;
  switch (link.role()->role) {
    case resp::Role::Primary: return metrics::NodeRole::Primary;
    case resp::Role::Replica: return metrics::NodeRole::Replica;
    case resp::Role::Sentinel: break;
  }
  return metrics::NodeRole::Unknown;
}

std::string_view to_string(config::Expect e) {
  switch (e) {
    case config::Expect::Primary: return "primary";
    case config::Expect::Replica: return "replica";
    case config::Expect::Any: break;
  }
  return "any";
}

}  // namespace

Watched::Watched(Shared& shared, const std::string& name)
    : shared_(shared), name_(name), since_(loop::Loop::wall()), since_mono_(loop::Loop::clock()) {
  numbers_.endpoint = name;
}

Watched::~Watched() = default;

void Watched::start(std::unique_ptr<watch::Endpoint> endpoint) {
  const bool replaced = shown_ != core::Condition::Unknown;
  endpoint_ = std::move(endpoint);
  update_nodes();
  // What was proven of the server before says nothing of this one.
  if (replaced) show(core::Condition::Unknown, "its configuration changed", Duration::zero());
  endpoint_->start();
}

void Watched::stop() {
  shared_.judge.no_longer_unreachable(name_);
  endpoint_->stop();
  shared_.loop.retire(std::move(endpoint_));
}

// --- the door ---------------------------------------------------------------------------------

void Watched::on_transition(watch::Endpoint& endpoint, const core::Transition& t) {
  node_detail_ = t.detail;
  node_last_proof_ = t.since_last_proof;
  if (t.to == core::Condition::Unreachable) {
    const auto& address = endpoint.link().address();
    shared_.judge.became_unreachable(name_, address ? address->host() : name_,
                                     shared_.loop.now().at);
  } else {
    shared_.judge.no_longer_unreachable(name_);
  }
  if (t.to == core::Condition::Unreachable && shared_.judge.is_local(name_)) {
    // Those that were lost just before share this host's fault.
    shared_.rejudge();
  } else {
    show(t.to, t.detail, t.since_last_proof);
  }
}

void Watched::rejudge() {
  if (!endpoint_ || endpoint_->link().machine().condition() != core::Condition::Unreachable) return;
  if (shared_.judge.is_local(name_)) {
    show(core::Condition::LocalFault,
         node_detail_ +
             "; other endpoints at other addresses were lost at the same time, and "
             "nothing is answered anywhere",
         node_last_proof_);
  } else {
    show(core::Condition::Unreachable, node_detail_, node_last_proof_);
  }
}

void Watched::show(core::Condition condition, std::string detail, Duration since_last_proof) {
  detail_ = std::move(detail);
  if (condition == shown_) return;
  const core::Condition from = std::exchange(shown_, condition);
  told_cause_.reset();
  const WallTime wall = loop::Loop::wall();
  const MonoTime now = shared_.loop.now().at;
  const Duration lasted = now - since_mono_;
  since_ = wall;
  since_mono_ = now;

  const auto index = static_cast<std::size_t>(condition);
  numbers_.condition = condition;
  numbers_.up = core::is_up(condition);
  ++numbers_.conditions_total[index];
  if (core::is_up(from) && !core::is_up(condition)) {
    shared_.numbers.detection_seconds[index].observe(since_last_proof);
  }
  update_nodes();

  const bool was_open = !incident_.empty();
  const MonoTime opened = incident_opened_;
  const std::string incident = incident_;
  update_incident(wall);

  std::string message =
      fmt::format("{}: {} {}: {}", name_, endpoint_->node_name(), spoken(condition), detail_);
  if (was_open && core::is_up(condition)) {
    message += fmt::format("; the trouble lasted {}", to_text(now - opened));
  } else if (core::is_up(condition) && core::is_up(from)) {
    message += fmt::format("; it was {} for {}", spoken(from), to_text(lasted));
  }
  journal::Entry e =
      entry(static_cast<journal::Event>(index), priority_of(condition), std::move(message));
  e.condition = core::to_string(condition);
  // The line that ends an incident belongs to it.
  if (e.incident.empty()) e.incident = incident;
  shared_.reporter.report(std::move(e));
  shared_.status_changed();
}

void Watched::update_incident(WallTime now) {
  const bool unknown = shown_ == core::Condition::Unknown;
  if (!core::is_up(shown_) && !unknown && incident_.empty()) {
    incident_ = incident_id(name_, now);
    incident_opened_ = shared_.loop.now().at;
  } else if (core::is_up(shown_) || unknown) {
    incident_.clear();
  }
  numbers_.incidents_open = incident_.empty() ? 0 : 1;
}

void Watched::update_nodes() {
  numbers_.nodes = {metrics::NodeNumbers{endpoint_->node_name(), core::is_up(shown_),
                                         role_of(endpoint_->link())}};
}

journal::Entry Watched::entry(journal::Event event, journal::Priority priority,
                              std::string message) const {
  journal::Entry e;
  e.event = event;
  e.priority = priority;
  e.message = std::move(message);
  e.endpoint = name_;
  if (endpoint_) e.node = endpoint_->node_name();
  e.incident = incident_;
  return e;
}

// --- connections ------------------------------------------------------------------------------

void Watched::on_disconnected(watch::Endpoint&, const Address& address,
                              const core::Attribution& why) {
  ++numbers_.disconnects_total[static_cast<std::size_t>(why.cause)];
  // The line of the reload or of the stop has said it for all.
  if (why.cause == core::Cause::LocalClose) return;
  // Attempt after attempt that ends alike is one piece of news, until the condition is another.
  if (std::exchange(told_cause_, why.cause) == why.cause) return;
  journal::Entry e =
      entry(journal::Event::Disconnected, journal::Priority::Notice,
            fmt::format("{}: {} disconnected, cause {}: {}", name_, address.to_string(),
                        core::to_string(why.cause), why.evidence));
  e.node = address.to_string();
  e.cause = core::to_string(why.cause);
  shared_.reporter.report(std::move(e));
}

void Watched::on_connect_result(watch::Endpoint&, core::ConnectResult result,
                                std::optional<Duration> outage) {
  ++numbers_.reconnects_total[static_cast<std::size_t>(result)];
  if (outage) shared_.numbers.reconnect_seconds.observe(*outage);
  // A move keeps the condition, and is another node.
  if (result == core::ConnectResult::Ok) update_nodes();
  // This host is cleared when others are answered; what this attempt met with is its own trouble.
  if (result != core::ConnectResult::Ok) rejudge();
}

void Watched::on_rtt(watch::Endpoint&, Duration rtt) {
  numbers_.ping_rtt_seconds.observe(rtt);
  // The role comes with the replies before the PING's.
  if (!numbers_.nodes.empty()) numbers_.nodes.front().role = role_of(endpoint_->link());
}

bool Watched::on_this_host() const {
  const auto& address = endpoint_->link().address();
  if (!address || address->is_unix()) return true;
  return address->family() == Address::Family::IPv4
             ? address->bytes()[0] == 127
             : *address == *Address::parse("::1", address->port());
}

void Watched::on_answered(watch::Endpoint&) {
  if (!on_this_host()) shared_.judge.answered(shared_.loop.now().at);
}

void Watched::on_restarted(watch::Endpoint&, Duration outage) {
  const auto kind = static_cast<std::size_t>(metrics::FailoverKind::Restart);
  ++numbers_.failovers_total[kind];
  numbers_.last_failover = loop::Loop::wall();
  numbers_.last_failover_duration = outage;
  shared_.numbers.failover_seconds[kind].observe(outage);
  shared_.reporter.report(
      entry(journal::Event::ServerRestarted, journal::Priority::Warning,
            fmt::format("{}: {} was restarted: its run_id changed; {} from the last reply of the "
                        "old process to the first of the new one",
                        name_, endpoint_->node_name(), to_text(outage))));
}

void Watched::on_certificate(watch::Endpoint&, WallTime expiry) {
  numbers_.certificate_expiry = expiry;
  const Duration left = expiry - loop::Loop::wall();
  if (left > kExpiresSoon || told_expiry_ == expiry) return;
  told_expiry_ = expiry;
  shared_.reporter.report(entry(
      journal::Event::CertificateExpiring, journal::Priority::Warning,
      left > Duration::zero()
          ? fmt::format("{}: the server's certificate ends in {}, at {}", name_, to_text(left),
                        to_iso8601(expiry))
          : fmt::format("{}: the server's certificate ended at {}", name_, to_iso8601(expiry))));
}

void Watched::on_idle_cut(watch::Endpoint&, const std::optional<core::IdleCut>& cut) {
  numbers_.idle_cut = cut ? cut->age : Duration::zero();
  if (cut) {
    shared_.reporter.report(entry(journal::Event::IdleCut, journal::Priority::Warning,
                                  fmt::format("{}: {}", name_, cut->to_string())));
  } else {
    shared_.reporter.report(
        entry(journal::Event::IdleCutGone, journal::Priority::Notice,
              fmt::format("{}: idle connections are no longer cut on this path", name_)));
  }
}

void Watched::on_dns_changed(watch::Endpoint& endpoint, const std::vector<Address>& before,
                             const std::vector<Address>& now, bool followed) {
  ++numbers_.dns_changes_total;
  shared_.reporter.report(entry(journal::Event::DnsChanged, journal::Priority::Notice,
                                fmt::format("{}: {} resolved to {} and resolves to {} now{}", name_,
                                            endpoint.settings().url.host, join(before), join(now),
                                            followed ? "; following" : "")));
}

void Watched::on_dns_failing(watch::Endpoint& endpoint, const std::string& why) {
  const auto& last = endpoint.names().last_answer();
  shared_.reporter.report(entry(
      journal::Event::DnsFailing, journal::Priority::Warning,
      last.empty()
          ? fmt::format("{}: {} does not resolve: {}", name_, endpoint.settings().url.host, why)
          : fmt::format("{}: {} does not resolve any more: {}; {} stays watched", name_,
                        endpoint.settings().url.host, why, join(last))));
}

// --- for relinkctl ----------------------------------------------------------------------------

WallTime Watched::wall_of(MonoTime t) const {
  return loop::Loop::wall() - (loop::Loop::clock() - t);
}

control::EndpointView Watched::view() const {
  const watch::Link& link = endpoint_->link();
  control::EndpointView v;
  v.name = name_;
  v.url = endpoint_->settings().url.to_string();
  v.expect = to_string(endpoint_->settings().expect);
  v.condition = core::to_string(shown_);
  v.up = core::is_up(shown_);
  v.since = since_;
  // The reason may be another by now while the condition is the same.
  v.detail = link.machine().condition() == shown_ ? link.machine().detail() : detail_;
  v.incident = incident_;
  for (const Address& a : endpoint_->names().last_answer()) v.addresses.push_back(a.to_string());
  if (const auto cut = endpoint_->idle_cut()) {
    v.idle_cut = cut->age;
    v.idle_cut_detail = cut->to_string();
  }
  for (std::size_t i = 0; i < numbers_.disconnects_total.size(); ++i) {
    if (numbers_.disconnects_total[i] == 0) continue;
    v.disconnects[std::string(core::to_string(static_cast<core::Cause>(i)))] =
        numbers_.disconnects_total[i];
  }
  control::NodeView n;
  n.node = endpoint_->node_name();
  n.condition = v.condition;
  n.role = metrics::kNodeRoleNames[role_of(link)];
  n.since = since_;
  n.detail = v.detail;
  n.rtt = link.machine().smoothed_rtt();
  if (const auto proof = link.machine().last_proof()) n.last_reply = wall_of(*proof);
  if (link.connected()) n.connected_since = wall_of(link.connected_since());
  n.server_version = link.facts().version.value_or("");
  v.nodes.push_back(std::move(n));
  return v;
}

}  // namespace relinkd::manager
