// SPDX-License-Identifier: Apache-2.0
// What an endpoint tells of who is its primary. Its conditions and connections are in watched.cpp.
#include <utility>

#include <fmt/format.h>

#include "manager/incident.hpp"
#include "manager/watched.hpp"

namespace relinkd::manager {

void Watched::count_failover(control::FailoverView failover, core::FailoverKind kind,
                             bool measured) {
  const auto index = static_cast<std::size_t>(kind);
  ++numbers_.failovers_total[index];
  numbers_.last_failover = failover.time = loop::Loop::wall();
  failover.kind = core::to_string(kind);
  if (measured) {
    numbers_.last_failover_duration = failover.duration;
    shared_.numbers.failover_seconds[index].observe(failover.duration);
  }
  last_failover_ = std::move(failover);
  shared_.memory_changed();
}

void Watched::on_restarted(const watch::Node& node, Duration outage,
                           const core::Replacement& what) {
  if (node.part() != watch::Part::Primary) return;
  const bool restarted = what.what == core::Replacement::What::Restarted;
  const std::string history = !what.same_history   ? ""
                              : *what.same_history ? "; its data continue the old one's"
                                                   : "; its data do not continue the old one's";
  const std::string text =
      restarted ? fmt::format(
                      "{} was restarted: its run_id changed; {} from the last reply of the "
                      "old process to the first of the new one{}",
                      node.label(), to_text(outage), history)
                : fmt::format(
                      "another server has taken over {}: it was running before the old one "
                      "fell silent, {} ago{}",
                      node.label(), to_text(outage), history);
  report(restarted ? journal::Event::ServerRestarted : journal::Event::ServerReplaced,
         journal::Priority::Warning, text, node.label());
  // One that continues the same data is the heir of the server that was there before; any other is
  // just another server.
  if (!restarted && !what.same_history.value_or(false)) return;
  control::FailoverView v;
  v.from = v.to = node.label();
  v.duration = outage;
  v.planned = endpoint_->in_maintenance();
  v.detail = text;
  count_failover(std::move(v),
                 restarted ? core::FailoverKind::Restart : core::FailoverKind::Failover, true);
}

void Watched::on_failover(const core::FailoverStory& story, bool away) {
  control::FailoverView v;
  v.from = story.from;
  v.to = story.to;
  v.duration = story.duration();
  v.planned = story.planned;
  v.detail = story.to_string();
  if (away) v.detail += "; it happened while relinkd did not run";
  const bool planned = story.kind == core::FailoverKind::Switchover;
  journal::Entry e = entry(journal::Event::Failover,
                           planned ? journal::Priority::Notice : journal::Priority::Warning,
                           fmt::format("{}: {}", name_, v.detail));
  e.node = story.to;
  // The new primary's answer has just ended the incident; a switchover without one gets its own.
  if (e.incident.empty()) {
    e.incident = last_incident_end_ >= story.last_proof ? last_incident_ : new_incident_id(name_);
  }
  // What applications do about it belongs to it.
  if (incident_.empty()) {
    last_incident_ = e.incident;
    last_incident_end_ = shared_.loop.now().at;
  }
  disturb(v.detail);
  shared_.endpoint_changed();
  // What happened while relinkd did not run cannot be measured.
  count_failover(std::move(v), story.kind, !away);
  shared_.reporter.report(std::move(e));
}

void Watched::on_primary_named(const std::string& sentence) {
  report(journal::Event::PrimaryNamed, journal::Priority::Notice, sentence);
  shared_.memory_changed();
}

void Watched::on_confirmed(bool confirmed, const std::string& sentence) {
  if (confirmed) {
    report(journal::Event::TopologyConfirmed, journal::Priority::Notice, sentence);
  } else {
    report(journal::Event::TopologyUnconfirmed, journal::Priority::Warning,
           fmt::format("unconfirmed: only {}; relinkd tells no application to move on their word",
                       sentence));
  }
  shared_.endpoint_changed();
}

void Watched::on_sentinel_news(const watch::Node& sentinel, const core::SentinelEvent& event) {
  using Kind = core::SentinelEvent::Kind;
  using Subject = core::SentinelEvent::Subject;
  std::string what;
  switch (event.subject) {
    case Subject::Primary: what = " primary "; break;
    case Subject::Replica: what = " replica "; break;
    case Subject::Sentinel: what = " Sentinel "; break;
    case Subject::None: break;
  }
  if (!what.empty()) what += event.where.to_string();
  if (event.primary) what += " to " + event.primary->to_string();
  const bool bad =
      event.kind == Kind::SDown || event.kind == Kind::ODown || event.kind == Kind::Tilt;
  report(journal::Event::SentinelEvent,
         bad ? journal::Priority::Warning : journal::Priority::Notice,
         fmt::format("Sentinel {} says {}{}", sentinel.label(),
                     core::kSentinelEventNames[event.kind], what),
         sentinel.label());
}

void Watched::on_cluster_changed(const std::string& sentence) {
  report(journal::Event::ClusterChanged, journal::Priority::Notice,
         fmt::format("the cluster changed: {}", sentence));
}

void Watched::on_cluster_health(bool fine, const std::string& detail) {
  report(fine ? journal::Event::ClusterFine : journal::Event::ClusterFailing,
         fine ? journal::Priority::Notice : journal::Priority::Error,
         fmt::format("{}: {}", fine ? "the cluster is complete" : "the cluster is not complete",
                     detail));
}

void Watched::on_announcement(const core::Announcement& a) {
  ++numbers_.maintenance_events_total[static_cast<std::size_t>(a.type)];
  std::string text = fmt::format("maintenance announced: {}", a.raw_type);
  using Type = core::Announcement::Type;
  const bool ahead = a.type == Type::Scheduled || a.type == Type::Starting;
  if (a.starts && ahead) text += fmt::format(", starts at {}", to_iso8601(*a.starts));
  if (!a.node.empty()) text += fmt::format(", node {}", a.node);
  if (a.is_replica) text += *a.is_replica ? " (a replica)" : " (the primary)";
  maintenance_ = text;
  report(journal::Event::Maintenance, journal::Priority::Notice, text);
}

void Watched::on_former_left(const watch::Former& former) {
  report(journal::Event::FormerLeft, journal::Priority::Notice,
         fmt::format("no connection of this host leads to the former primary {} any more",
                     former.address.to_string()),
         former.address.to_string());
  shared_.memory_changed();
}

void Watched::on_trouble(const std::string& sentence) {
  report(journal::Event::Degraded, journal::Priority::Warning, sentence);
}

}  // namespace relinkd::manager
