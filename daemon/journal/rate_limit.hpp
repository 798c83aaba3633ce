// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "journal/journal.hpp"

namespace relinkd::journal {

/// Decides which lines of the log may go, so that a fault that flaps does not bury the rest: a
/// token bucket for each event, endpoint and app. Pure: it is handed the time. What is held back is
/// counted, never forgotten.
class RateLimit {
 public:
  /// Lines of one event, endpoint and app that may come at once. A bucket fills in kRefill.
  static constexpr double kBurst = 10;
  static constexpr Duration kRefill = 10s;
  /// How long lines are counted before they are told of.
  static constexpr Duration kTellAfter = 60s;
  /// Buckets for one endpoint and app each; above that, they share one bucket for each event. Far
  /// above what a few hundred endpoints in trouble need, about 1 MB.
  static constexpr std::size_t kMaxKeys = 4096;

  /// Lines held back, of one event, endpoint and app.
  struct HeldBack {
    Event event = Event::Started;
    Priority priority = Priority::Info;  ///< the most severe among them
    std::string endpoint, app;
    std::string last;  ///< the message of the last one
    std::uint64_t count = 0;
    Duration over{};  ///< since the first of them
  };

  /// Whether the line may go now; if not, it is counted. Start, end and configuration always go:
  /// they are rare, and a log without them cannot be read.
  bool admit(const Entry& entry, MonoTime now);

  /// Hands over what has been held back for at least `age`, and forgets it and whatever bucket is
  /// full again.
  std::vector<HeldBack> take(MonoTime now, Duration age);

  /// Buckets in use.
  [[nodiscard]] std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = kBurst;
    MonoTime filled{};  ///< when `tokens` was right
    MonoTime first_held{};
    std::uint64_t count = 0;
    Priority priority = Priority::Debug;
    std::string last;
  };
  struct Key {
    Event event = Event::Started;
    std::string endpoint, app;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  static void refill(Bucket& bucket, MonoTime now);
  Bucket& bucket_of(const Entry& entry, MonoTime now);

  std::map<Key, Bucket> buckets_;
};

}  // namespace relinkd::journal
