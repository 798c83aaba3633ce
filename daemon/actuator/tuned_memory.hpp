// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "core/protection.hpp"

namespace relinkd::actuator {

/// What sockets were like before their options were changed, by cookie: the kernel never uses one
/// again until the host is started anew, and the file is in a folder that this empties.
class TunedMemory {
 public:
  /// Sockets that are remembered; no more are changed.
  static constexpr std::size_t kMost = 16384;
  /// A line is 80 bytes at most.
  static constexpr std::size_t kMaxBytes = kMost * 80;

  [[nodiscard]] const core::SocketOptions* find(std::uint64_t cookie) const;
  [[nodiscard]] std::size_t size() const { return before_.size(); }
  [[nodiscard]] std::set<std::uint64_t> cookies() const;
  /// False: there are as many as may be. What is remembered of a socket already stays.
  bool remember(std::uint64_t cookie, const core::SocketOptions& before);
  void forget(std::uint64_t cookie) {
    before_.erase(cookie);
    given_.erase(cookie);
  }
  /// What a remembered socket was changed to. This is not known of sockets that decode() read.
  void gave(std::uint64_t cookie, const core::SocketOptions& options);
  /// What the socket is like now: of a remembered one, each option that is not what it was given is
  /// the app's own since, and takes the place of what was before.
  void notice(std::uint64_t cookie, const core::SocketOptions& now);

  /// A line for each: cookie, keepalive, idle and interval in seconds, count, user timeout in ms.
  [[nodiscard]] std::string encode() const;
  static Result<TunedMemory> decode(std::string_view text);

 private:
  std::map<std::uint64_t, core::SocketOptions> before_;
  std::map<std::uint64_t, core::SocketOptions> given_;
};

}  // namespace relinkd::actuator
