// SPDX-License-Identifier: Apache-2.0
#include "journal/rate_limit.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace relinkd::journal {

namespace {

bool always_goes(Event event) {
  switch (event) {
    case Event::Started:
    case Event::Stopped:
    case Event::ConfigReloaded:
    case Event::ConfigRefused:
    case Event::Repeated: return true;
    default: return false;
  }
}

}  // namespace

void RateLimit::refill(Bucket& bucket, MonoTime now) {
  const double gained = to_seconds(now - bucket.filled) / to_seconds(kRefill) * kBurst;
  bucket.tokens = std::min(kBurst, bucket.tokens + gained);
  bucket.filled = now;
}

RateLimit::Bucket& RateLimit::bucket_of(const Entry& entry, MonoTime now) {
  Key key{entry.event, entry.endpoint, entry.app};
  // The event's shared bucket; there are no more of those than events.
  if (buckets_.size() >= kMaxKeys && !buckets_.contains(key)) key = {entry.event, {}, {}};
  return buckets_.try_emplace(std::move(key), Bucket{.filled = now}).first->second;
}

bool RateLimit::admit(const Entry& entry, MonoTime now) {
  if (always_goes(entry.event)) return true;
  Bucket& bucket = bucket_of(entry, now);
  refill(bucket, now);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return true;
  }
  if (bucket.count == 0) {
    bucket.first_held = now;
    bucket.priority = entry.priority;
  }
  ++bucket.count;
  bucket.priority = std::min(bucket.priority, entry.priority);
  bucket.last = entry.message;
  return false;
}

std::vector<RateLimit::HeldBack> RateLimit::take(MonoTime now, Duration age) {
  std::vector<HeldBack> taken;
  for (auto at = buckets_.begin(); at != buckets_.end();) {
    auto& [key, bucket] = *at;
    refill(bucket, now);
    if (bucket.count > 0 && now - bucket.first_held >= age) {
      taken.push_back(HeldBack{key.event, bucket.priority, key.endpoint, key.app,
                               std::move(bucket.last), bucket.count, now - bucket.first_held});
      bucket.count = 0;
      bucket.last.clear();
    }
    const bool idle = bucket.count == 0 && bucket.tokens >= kBurst;
    at = idle ? buckets_.erase(at) : std::next(at);
  }
  return taken;
}

}  // namespace relinkd::journal
