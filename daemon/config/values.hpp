// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "config/document.hpp"
#include "config/settings.hpp"

namespace relinkd::config {

/// How one setting is read from TOML, and written as TOML again. It refers to the setting that it
/// was made for and must not outlive it.
struct Codec {
  std::function<Problems(const Node&)> read;  ///< sets the value, unless it finds problems
  std::function<std::string()> show;          ///< empty: there is nothing to show
};

/// A TOML string with its quotes.
std::string quote(std::string_view text);

// Each gives problems at the value's own place; where a range is named, both ends belong to it.

Codec duration(Duration& value, Duration min, Duration max);
Codec whole_seconds(Duration& value, Duration min, Duration max);
Codec integer(int& value, int min, int max);
Codec boolean(bool& value);
/// An absolute path of at most `max` bytes. Problems do not repeat it: where a password's file is
/// asked for, people write the password.
Codec absolute_path(std::string& value, std::size_t max);
Codec listen_address(std::string& value);
Codec group_names(std::vector<std::string>& value);
Codec idle_watch(IdleWatch& value);
Codec name(std::string& value);
Codec endpoint_url(Url& value);
/// 1 to `max` ports.
Codec ports(std::vector<std::uint16_t>& value, std::size_t max);
Codec secret_source(std::optional<SecretSource>& value);
Codec server_name(std::string& value);
/// Problems do not repeat it, as those of a password's path.
Codec user_name(std::string& value);

/// Which of `names` it is; the error has them all, and the nearest.
Result<std::size_t> read_choice(const Node& node, std::span<const std::string_view> names);

/// One of an enum's names, which must outlive the codec.
template <typename Enum, std::size_t N>
Codec choice(Enum& value, const EnumNames<Enum, N>& names) {
  return {[&value, &names](const Node& node) -> Problems {
            const auto index = read_choice(node, names.names);
            if (!index) return {{node.place, index.error().message}};
            value = static_cast<Enum>(*index);
            return {};
          },
          [&value, &names] { return quote(names[value]); }};
}
/// The same where nothing has to be chosen.
template <typename Enum, std::size_t N>
Codec choice(std::optional<Enum>& value, const EnumNames<Enum, N>& names) {
  return {[&value, &names](const Node& node) -> Problems {
            Enum chosen{};
            Problems problems = choice(chosen, names).read(node);
            if (problems.empty()) value = chosen;
            return problems;
          },
          [&value, &names] { return value ? quote(names[*value]) : ""; }};
}

/// Longest path that open(2) takes: PATH_MAX without the NUL.
constexpr std::size_t kMaxPath = 4095;

/// The wanted value of a sysctl: 0 to the largest 64-bit integer.
Result<std::int64_t> read_sysctl_value(const Node& node);

/// A sysctl's key in dotted form, "net.ipv4.tcp_retries2". As sysctl(8) has it, the first separator
/// decides: after a '/', dots belong to names, and the dotted form has '/' in their place.
Result<std::string> dotted_sysctl_key(std::string_view key);

/// "expected WHAT, found an integer".
std::string type_error(std::string_view what, const Node& found);

/// "unknown key 'pingintervall'; did you mean 'ping_interval'?", or "unknown key 'x' in TABLE".
std::string unknown_key(std::string_view key, std::span<const std::string_view> known,
                        std::string_view table);

}  // namespace relinkd::config
