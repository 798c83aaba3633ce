// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace relinkd {

/// The whole of `text` as a decimal number without sign, or nothing (empty, overflow, other
/// characters).
std::optional<std::uint64_t> parse_u64(std::string_view text);

/// The same with a minus allowed.
std::optional<std::int64_t> parse_i64(std::string_view text);

/// "100ms", "5s", "1m", "2h", "1d", "250us": one whole number and one unit, no spaces, no sign.
/// Nothing if it is not of that form or does not fit a Duration.
std::optional<Duration> parse_duration(std::string_view text);

/// Pieces of `text` between separators; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

std::string_view trim(std::string_view text);

/// "1 endpoint", "2 endpoints".
std::string plural(std::uint64_t count, std::string_view one);

/// A to z for A to Z, all else as it is.
std::string lower_case(std::string_view text);

/// The candidate nearest to `word` by edit distance, if near enough to be a likely slip of the
/// keyboard (at most a third of its length, at least 1).
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

/// Text from the network made fit for a log line: control and non-ASCII bytes become '.', cut at
/// `max` characters with "…" behind.
std::string printable(std::string_view raw, std::size_t max = 120);

/// Whether no place of the JSON text `text` is nested deeper than `max_depth`. Looks at brackets
/// outside strings only, so it can be asked before anything is parsed.
bool json_depth_within(std::string_view text, std::size_t max_depth);

}  // namespace relinkd
