// SPDX-License-Identifier: Apache-2.0
#include "core/relink_limits.hpp"

#include <algorithm>
#include <utility>

namespace relinkd::core {

namespace {

/// What is kept over a restart of an app's relinks.
constexpr std::size_t kMostRelinks = 1000;

}  // namespace

// --- reconnect_rate ---------------------------------------------------------------------------

double TokenBucket::most() const { return std::max(1.0, rate_ / 10.0); }

std::size_t TokenBucket::take(std::size_t wanted, MonoTime now) {
  tokens_ = filled_ ? std::min(most(), tokens_ + to_seconds(now - *filled_) * rate_) : most();
  filled_ = now;
  const std::size_t taken = std::min(wanted, static_cast<std::size_t>(tokens_));
  tokens_ -= static_cast<double>(taken);
  return taken;
}

MonoTime TokenBucket::next(std::size_t wanted, MonoTime now) const {
  const double missing = std::min(static_cast<double>(wanted), most()) - tokens_;
  // Rounded up: a moment too early there would be one less.
  return now + from_seconds(std::max(missing, 0.0) / rate_) + 1us;
}

// --- max_relinks_per_hour ---------------------------------------------------------------------

bool RelinkBreaker::count(int most, MonoTime now) {
  std::erase_if(memory_.relinks, [&](MonoTime t) { return now - t >= kHour; });
  if (memory_.relinks.size() >= static_cast<std::size_t>(most)) return false;
  memory_.relinks.push_back(now);
  return true;
}

void RelinkBreaker::open(std::string why, MonoTime now) {
  memory_.open_until = now + kHour;
  memory_.why = std::move(why);
}

void RelinkBreaker::close() { memory_ = {}; }

RelinkMemory::Breaker RelinkBreaker::memory() const {
  RelinkMemory::Breaker memory = memory_;
  if (memory.relinks.size() > kMostRelinks) {
    memory.relinks.erase(memory.relinks.begin(),
                         memory.relinks.end() - static_cast<std::ptrdiff_t>(kMostRelinks));
  }
  return memory;
}

// --- max_parallel -----------------------------------------------------------------------------

bool RelinkSlots::take(const std::string& app, int most) {
  if (taken_.contains(app)) return true;
  auto place = std::find(waiting_.begin(), waiting_.end(), app);
  if (place == waiting_.end()) place = waiting_.insert(waiting_.end(), app);
  const auto ahead = static_cast<std::size_t>(place - waiting_.begin());
  if (taken_.size() + ahead >= static_cast<std::size_t>(most)) return false;
  waiting_.erase(place);
  taken_.insert(app);
  return true;
}

void RelinkSlots::leave(const std::string& app) {
  if (taken_.erase(app) + std::erase(waiting_, app) > 0) freed_ = true;
}

bool RelinkSlots::freed() { return std::exchange(freed_, false) && !waiting_.empty(); }

// --- replacements -----------------------------------------------------------------------------

void RelinkReplacements::on_order(const std::string& node, MonoTime now) {
  nodes_.try_emplace(node, Node{now, now, {}}).first->second.last_order = now;
}

void RelinkReplacements::on_dead(const RelinkSocket& socket) {
  const auto it = nodes_.find(socket.node);
  if (it == nodes_.end() || it->second.dead.size() >= kTooMany) return;
  const bool replaces = socket.first_seen > it->second.first_order;
  if (replaces && socket.since - socket.first_seen <= kYoung) it->second.dead.insert(socket.cookie);
}

std::optional<std::string> RelinkReplacements::failing() const {
  for (const auto& [name, node] : nodes_) {
    if (node.dead.size() >= kTooMany) return name;
  }
  return std::nullopt;
}

void RelinkReplacements::forget_old(MonoTime now) {
  // One opened right after the last order has had its minute, twice over.
  std::erase_if(nodes_, [&](const auto& e) { return now - e.second.last_order > 2 * kYoung; });
}

}  // namespace relinkd::core
