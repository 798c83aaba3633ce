// SPDX-License-Identifier: Apache-2.0
#include "core/sentinel_quorum.hpp"

#include <algorithm>
#include <utility>

namespace relinkd::core {

void SentinelQuorum::know(const std::string& id) {
  if (known_.size() < kRemembered) known_.insert(id);
}

void SentinelQuorum::rename(const std::string& old_id, const std::string& id) {
  if (known_.erase(old_id) == 0) return;
  known_.insert(id);
  const auto old = votes_.extract(old_id);
  if (!old) return;
  const auto [vote, inserted] = votes_.try_emplace(id, old.mapped());
  if (!inserted && vote->second.at < old.mapped().at) vote->second = old.mapped();
}

void SentinelQuorum::forget(const std::string& id) {
  known_.erase(id);
  votes_.erase(id);
}

bool SentinelQuorum::on_report(const std::string& id, const SentinelReport& report, MonoTime now) {
  know(id);
  if (!known_.contains(id)) return false;
  const Vote vote{report.primary, report.epoch, now};
  votes_[id] = vote;

  const bool first = !std::exchange(heard_, true);
  const bool outvoted = vote.epoch == epoch_ && vote.primary != primary_ &&
                        votes_for(vote.primary, vote.epoch, now) > known_.size() / 2;
  const bool anew = set_anew(vote);
  if (primary_ && vote.epoch <= epoch_ && !outvoted && !anew) return first;
  const bool same = primary_ == vote.primary && epoch_ == vote.epoch;
  primary_ = vote.primary;
  epoch_ = vote.epoch;
  return first || !same;
}

bool SentinelQuorum::set_anew(const Vote& vote) {
  if (vote.epoch >= epoch_ || votes_for(vote.primary, vote.epoch, vote.at) < known_.size()) {
    lower_.reset();
    return false;
  }
  if (!lower_ || !lower_->says(vote.primary, vote.epoch)) lower_ = vote;
  return vote.at - lower_->at >= kSetAnew;
}

void SentinelQuorum::restore(const HostPort& primary, std::uint64_t epoch) {
  primary_ = primary;
  epoch_ = epoch;
}

unsigned SentinelQuorum::votes_for(const HostPort& primary, std::uint64_t epoch,
                                   MonoTime now) const {
  return static_cast<unsigned>(std::count_if(votes_.begin(), votes_.end(), [&](const auto& entry) {
    return entry.second.fresh(now) && entry.second.says(primary, epoch);
  }));
}

std::optional<SentinelQuorum::Belief> SentinelQuorum::belief(MonoTime now) const {
  if (!primary_ || !heard_) return std::nullopt;
  return Belief{*primary_, epoch_, votes_for(*primary_, epoch_, now),
                static_cast<unsigned>(known_.size())};
}

MonoTime SentinelQuorum::deadline(MonoTime now) const {
  MonoTime next = kNever;
  for (const auto& [id, vote] : votes_) {
    if (primary_ && vote.fresh(now) && vote.says(*primary_, epoch_)) {
      next = std::min(next, vote.at + kFresh);
    }
  }
  return next;
}

}  // namespace relinkd::core
