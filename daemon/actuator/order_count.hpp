// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace relinkd::actuator {

/// How many orders came in the last minute, so that there are never more than allowed in any
/// minute. Pure: it is handed the time of CLOCK_BOOTTIME, which goes on while the host sleeps.
class OrderCount {
 public:
  /// Counts one more order, unless there were `most` in the last minute.
  bool admit(Duration now, std::uint64_t most);

  /// What outlives an exit: about 1 KB at most.
  [[nodiscard]] std::string encode() const;
  /// And back. The Error: it is none, or counts orders that are still to come, as one does that was
  /// written before the host was started anew.
  static Result<OrderCount> decode(std::string_view text, Duration now);
  /// A whole minute's orders, whatever is allowed: where the count is not known.
  static OrderCount full(Duration now);

  static constexpr std::size_t kMaxBytes = 4096;

  friend bool operator==(const OrderCount&, const OrderCount&) = default;

 private:
  using Second = std::uint64_t;
  void forget_before(Duration now);
  std::map<Second, std::uint64_t> counts_;
};

/// The count in its file. Anyone who could write there could order without limit, so a file that is
/// not this user's own, or that others may write to, counts as a bad one.
class OrderCountFile {
 public:
  /// Reads the file. Where it is bad the minute is full, and `complaint` says why.
  explicit OrderCountFile(std::string path, Duration now);

  /// Counts one more order, in the file too, before it is carried out: a program that is killed
  /// meanwhile has counted it. False: there were `most` in the last minute. The Error: the file
  /// cannot be written.
  Result<bool> admit(Duration now, std::uint64_t most);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  [[nodiscard]] Result<void> write() const;
  std::string path_;
  OrderCount count_;
  std::string complaint_;
};

}  // namespace relinkd::actuator
