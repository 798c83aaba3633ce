// SPDX-License-Identifier: Apache-2.0
#include "core/failover.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace relinkd::core {

namespace {

/// Both ends of an uptime are cut to whole seconds, the server's clock being up to 0.1 s old.
constexpr Duration kUptimeRounding = 2s;

/// A replication id is 40 hex digits; zeros stand for none.
bool is_told(std::string_view replid) {
  return replid.find_first_not_of('0') != std::string_view::npos;
}

std::optional<bool> same_history(const ServerIdentity& before, const ServerIdentity& after) {
  if (!is_told(before.replid) || !is_told(after.replid)) return std::nullopt;
  return after.continues(before);
}

/// Takes over what `said` tells of the same process, or all of another one.
void update(ServerIdentity& known, const ServerIdentity& said) {
  if (!said.run_id.empty() && said.run_id != known.run_id) {
    known = said;
    return;
  }
  if (!said.replid.empty()) known.replid = said.replid;
  if (!said.replid2.empty()) known.replid2 = said.replid2;
  if (said.uptime_seconds) known.uptime_seconds = said.uptime_seconds;
}

bool is_closing(Condition c) { return c == Condition::PeerClosed || c == Condition::Reset; }

/// "… after 1.2 s"
std::string spoken(Condition c) {
  switch (c) {
    case Condition::PeerClosed:
    case Condition::Reset: return "disconnected";
    case Condition::ReadOnly:
    case Condition::MasterDown: return "demoted";
    default: break;
  }
  std::string text(to_string(c));
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

}  // namespace

// --- servers ----------------------------------------------------------------------------------

bool ServerIdentity::continues(const ServerIdentity& before) const {
  return is_told(before.replid) && (replid == before.replid || replid2 == before.replid);
}

Replacement compare(const ServerIdentity& before, const ServerIdentity& after,
                    Duration since_last_proof) {
  // An absurd uptime must not overflow.
  const bool older = after.uptime_seconds && static_cast<double>(*after.uptime_seconds) >
                                                 to_seconds(since_last_proof + kUptimeRounding);
  return {older ? Replacement::What::OtherServer : Replacement::What::Restarted,
          same_history(before, after)};
}

// --- the story --------------------------------------------------------------------------------

std::string FailoverStory::to_string() const {
  const bool restart = kind == FailoverKind::Restart;
  const std::string_view noun = restart ? "process" : "primary";
  std::string text = planned ? "announced " : "";
  switch (kind) {
    case FailoverKind::Failover: text += fmt::format("failover from {} to {}", from, to); break;
    case FailoverKind::Switchover: text += fmt::format("switchover from {} to {}", from, to); break;
    case FailoverKind::Dns: text += fmt::format("move of the name from {} to {}", from, to); break;
    case FailoverKind::Restart: text += fmt::format("restart of {}", to); break;
  }
  const auto after = [this](MonoTime t) { return to_text(t - last_proof); };
  text += fmt::format(" took {} from the old {}'s last answer: ", to_text(duration()), noun);
  if (suspected) text += fmt::format("suspected after {}, ", after(*suspected));
  if (condition && condition_at) {
    text += fmt::format("{} after {}, ", spoken(*condition), after(*condition_at));
  }
  text += fmt::format("the new {} ", noun);
  if (learnt < last_proof) {
    text += fmt::format("named {} before it and ", to_text(last_proof - learnt));
  } else if (learnt < proven) {
    text += fmt::format("named after {} and ", after(learnt));
  }
  text += fmt::format("proven after {}", after(proven));
  if (same_history) {
    text +=
        fmt::format("; its data {} the old one's", *same_history ? "continue" : "do not continue");
  }
  return text;
}

// --- the detector -----------------------------------------------------------------------------

void FailoverDetector::restore(const std::string& primary, MonoTime last_proof) {
  primary_ = primary;
  last_proof_ = last_proof;
  proven_ = false;
}

std::optional<FailoverStory> FailoverDetector::on_primary_proven(const std::string& node,
                                                                 const ServerIdentity& identity,
                                                                 MonoTime now) {
  std::optional<FailoverStory> story;
  if (!primary_.empty() && node != primary_) {
    if (!learnt_ || learnt_->node != node) {
      if (proven_ && !trouble_.demoted() && !trouble_.lost(now)) return std::nullopt;
      on_learnt(node, false, now);
    }
    story = tell(*learnt_, identity, now);
    identity_ = ServerIdentity{};
    agreed_down_.reset();
  }
  if (learnt_ && learnt_->node == node) learnt_.reset();
  trouble_ = Trouble{};
  update(identity_, identity);
  primary_ = node;
  last_proof_ = now;
  proven_ = true;
  return story;
}

void FailoverDetector::on_learnt(const std::string& node, bool by_name, MonoTime now) {
  if (node == primary_) {
    learnt_.reset();
  } else if (!learnt_ || learnt_->node != node) {
    learnt_ = Learnt{node, by_name, now, trouble_};
  }
}

void FailoverDetector::on_condition(const std::string& node, Condition condition, MonoTime now) {
  if (node != primary_ || condition == Condition::Ok || condition == Condition::Unknown) return;
  if (condition == Condition::Slow) {
    // An answer that came late, and came: nothing is pending.
    if (!trouble_.suspected && now > last_proof_) trouble_.suspected = now;
    return;
  }
  // A FIN or RST makes way for what the next attempt shows.
  if (trouble_.condition && (!is_closing(*trouble_.condition) || is_closing(condition))) return;
  trouble_.condition = condition;
  trouble_.at = now;
}

void FailoverDetector::on_demoted(const std::string& node, MonoTime now) {
  on_condition(node, Condition::ReadOnly, now);
}

void FailoverDetector::on_agreed_down(MonoTime now) { agreed_down_ = now; }

void FailoverDetector::on_maintenance(MonoTime until) { maintenance_until_ = until; }

bool FailoverDetector::Trouble::demoted() const {
  return condition == Condition::ReadOnly || condition == Condition::MasterDown;
}

bool FailoverDetector::Trouble::lost(MonoTime now) const {
  if (!condition || demoted()) return false;
  return !is_closing(*condition) || now - at > kClosing;
}

FailoverKind FailoverDetector::kind(const Learnt& learnt, bool planned) const {
  if (learnt.by_name) return FailoverKind::Dns;
  if (planned) return FailoverKind::Switchover;
  const bool agreed =
      agreed_down_ && (*agreed_down_ >= last_proof_ || learnt.at - *agreed_down_ <= kAgreed);
  // What happened while relinkd was away is not known to have been planned.
  const bool unseen = !proven_ && !trouble_.demoted();
  return agreed || unseen || learnt.trouble.lost(learnt.at) ? FailoverKind::Failover
                                                            : FailoverKind::Switchover;
}

FailoverStory FailoverDetector::tell(const Learnt& learnt, const ServerIdentity& identity,
                                     MonoTime now) const {
  FailoverStory story;
  story.planned = last_proof_ <= maintenance_until_;
  story.kind = kind(learnt, story.planned);
  story.from = primary_;
  story.to = learnt.node;
  story.last_proof = last_proof_;
  // The old primary may have answered again after another was named: its trouble then was before.
  const Trouble& trouble = learnt.trouble;
  if (trouble.suspected && *trouble.suspected >= last_proof_) story.suspected = trouble.suspected;
  if (trouble.condition && trouble.at >= last_proof_) {
    story.condition = trouble.condition;
    story.condition_at = trouble.at;
  }
  story.learnt = learnt.at;
  story.proven = now;
  story.same_history = same_history(identity_, identity);
  return story;
}

}  // namespace relinkd::core
