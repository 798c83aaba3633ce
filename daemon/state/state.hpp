// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
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

struct State {
  std::map<std::string, EndpointState> endpoints;  ///< by name

  friend bool operator==(const State&, const State&) = default;
};

/// The longest text that is read or written. An endpoint with one former primary takes about 250
/// bytes, and each more of them 60.
inline constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;

/// The state as JSON with a version: times in milliseconds since the Unix epoch, bytes that are no
/// UTF-8 as U+FFFD.
std::string encode(const State& state);
/// And back. An Error for what is no such text, is longer than kMaxBytes or nested deeper than 16
/// levels, or has a version that is not known. Keys that are not known are passed over; an endpoint
/// or former primary with a value of another type, or without its URL or node and time, is left
/// out. Of more formers than kMaxFormers the newest are kept.
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
