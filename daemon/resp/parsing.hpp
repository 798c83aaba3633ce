// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parsers of replies have in common. Of resp/ alone: no other layer includes it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/host_port.hpp"
#include "base/result.hpp"
#include "resp/reply.hpp"

namespace relinkd::resp {

// The wire's words for a primary and its replicas.
inline constexpr std::string_view kWirePrimary = "master";
inline constexpr std::string_view kWireReplica = "slave";

inline constexpr std::size_t kMaxHost = 255;  ///< RFC 1035, 2.3.4

/// The Error for a command that was answered with an error, in the server's words.
Error refused(std::string_view command, const Reply& reply);

[[nodiscard]] bool is_text(const Reply& reply);

/// Printable and without spaces: what relinkd repeats in its reports is no more than that.
[[nodiscard]] bool is_word(std::string_view text, std::size_t max_length);
[[nodiscard]] bool is_host(std::string_view text);

/// A run, replication or node id: 40 hex digits.
[[nodiscard]] bool is_id(std::string_view text);

/// Whether `list`, words with commas between them, has `word`.
[[nodiscard]] bool has_word(std::string_view list, std::string_view word);

/// Of an Integer that is not negative.
std::optional<std::uint64_t> to_number(const Reply& reply);

std::optional<std::uint16_t> to_port(std::optional<std::uint64_t> number);

/// Where something listens, as two texts say it; nothing if the host is no word or the port no
/// number from 1 to 65535.
std::optional<HostPort> to_host_port(std::string_view host, std::string_view port);

/// Takes what stands before the first `separator` off `rest`, and the separator too. Not base's
/// split(): a hostile text of separators alone would make that a vector of millions.
std::string_view take_until(std::string_view& rest, char separator);

/// Takes the first line off `rest`, without its end (LF or CRLF).
std::string_view take_line(std::string_view& rest);

/// The value of `key` in an array of keys and values in turn, the first if the key is given twice;
/// null if it has no such key, or is no array.
const Reply* find_value(const Reply& map, std::string_view key);
/// The same, of a text; nothing too if the value is none.
std::optional<std::string_view> find_text(const Reply& map, std::string_view key);

}  // namespace relinkd::resp
