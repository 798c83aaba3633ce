// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace relinkd::state {

/// A node that an endpoint held as primary before.
struct FormerPrimary {
  std::string node;  ///< "10.0.0.7:6379"
  WallTime demoted{};

  friend bool operator==(const FormerPrimary&, const FormerPrimary&) = default;
};

/// What relinkd remembers of one endpoint over a restart.
struct EndpointState {
  std::string url;      ///< state of an endpoint whose URL is another now is not used
  std::string primary;  ///< the last proven primary of an endpoint with one; else empty
  WallTime last_proof{};
  std::string believed;                ///< what Sentinels agreed on: "10.0.0.8:6379", or empty
  std::uint64_t epoch = 0;             ///< its config-epoch
  std::vector<FormerPrimary> formers;  ///< at most kMaxFormers, newest last

  friend bool operator==(const EndpointState&, const EndpointState&) = default;
};
inline constexpr std::size_t kMaxFormers = 64;

/// What relinkd remembers of one app over a restart (core::RelinkMemory in wall time). Times are
/// not before 1970; WallTime::max() stands for never.
struct AppState {
  /// A relink under way.
  struct Open {
    std::string incident;
    std::uint64_t rung = 0;  ///< of the ladder
    WallTime bad_since{}, acted{};
    std::vector<std::uint64_t> cookies;  ///< at most kMaxCookies
    friend bool operator==(const Open&, const Open&) = default;
  };
  struct Endpoint {
    std::optional<WallTime> last_disturbed;
    std::optional<Open> open;
    /// Sockets that were opened while their node was the primary: at most kMaxCookies.
    std::vector<std::uint64_t> opened_to_primary;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
  };
  std::map<std::string, Endpoint> endpoints;  ///< by name
  std::vector<WallTime> relinks;  ///< of the last hour, oldest first; at most kMaxRelinks
  std::optional<WallTime> breaker_open_until;
  std::string breaker_why;
  bool unprotected = false;  ///< a person took the protection of its live connections back

  friend bool operator==(const AppState&, const AppState&) = default;
};
inline constexpr std::size_t kMaxCookies = 1000;
inline constexpr std::size_t kMaxRelinks = 1000;

struct State {
  std::map<std::string, EndpointState> endpoints;  ///< by name
  std::map<std::string, AppState> apps;            ///< by name
  /// Cookies mean nothing after a reboot: the kernel's boot_id (random(4)) when they were written.
  std::string boot_id;
  std::optional<WallTime> paused_until;  ///< WallTime::max(): until it is resumed

  friend bool operator==(const State&, const State&) = default;
};

/// The longest text that is read or written. An endpoint with one former primary takes about 250
/// bytes, and each more of them 60; an app takes 20 KB for an endpoint at most, if cookies have
/// eight digits.
inline constexpr std::size_t kMaxBytes = std::size_t{4} * 1024 * 1024;

/// The state as JSON with a version: times in milliseconds since the Unix epoch, bytes that are no
/// UTF-8 as U+FFFD.
std::string encode(const State& state);
/// And back. An Error for what is no such text, is longer than kMaxBytes or nested deeper than 16
/// levels, or has a version that is not known. Keys that are not known are passed over. What has a
/// value of another type, or lacks what it cannot be without (the URL; node and time; a relink's
/// incident and times), is left out: that endpoint, former primary, app, app's endpoint, cookie or
/// time alone. Of more formers or relinks than are kept the newest are; of cookies the first.
Result<State> decode(std::string_view json);

/// Reads the file; an empty State if there is none. The Error: it cannot be read or is bad, with
/// the path.
Result<State> read_file(const std::string& path);
/// Replaces the file in one step, so that a crash leaves the old one or the new one: a new file
/// beside it (PATH.new, mode 0600), fsync, rename, fsync of the folder. Waits for the disk, so it
/// is for changes that matter, not for each probe. One writer at a time. The Error, with the path,
/// leaves the old file as it was, unless only the last step failed.
Result<void> write_file(const std::string& path, const State& state);

}  // namespace relinkd::state
