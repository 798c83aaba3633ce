// SPDX-License-Identifier: Apache-2.0
#include "resp/parsing.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::resp {

Error refused(std::string_view command, const Reply& reply) {
  return {fmt::format("{} was answered with an error: {}", command, printable(reply.text))};
}

bool is_text(const Reply& reply) {
  return reply.type == Reply::Type::String || reply.type == Reply::Type::Status;
}

bool is_word(std::string_view text, std::size_t max_length) {
  return !text.empty() && text.size() <= max_length &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool is_host(std::string_view text) { return is_word(text, kMaxHost); }

bool is_id(std::string_view text) {
  return text.size() == 40 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (take_until(list, ',') == word) return true;
  }
  return false;
}

std::optional<std::uint64_t> to_number(const Reply& reply) {
  if (reply.type != Reply::Type::Integer || reply.integer < 0) return std::nullopt;
  return static_cast<std::uint64_t>(reply.integer);
}

std::optional<std::uint16_t> to_port(std::optional<std::uint64_t> number) {
  if (!number || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

std::optional<HostPort> to_host_port(std::string_view host, std::string_view port) {
  const std::uint16_t number = to_port(parse_u64(port)).value_or(0);
  if (!is_host(host) || number == 0) return std::nullopt;
  return HostPort{.host = std::string(host), .port = number};
}

std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return piece;
}

std::string_view take_line(std::string_view& rest) {
  std::string_view line = take_until(rest, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

const Reply* find_value(const Reply& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (is_text(map.elements[i]) && map.elements[i].text == key) return &map.elements[i + 1];
  }
  return nullptr;
}

std::optional<std::string_view> find_text(const Reply& map, std::string_view key) {
  const Reply* value = find_value(map, key);
  if (value == nullptr || !is_text(*value)) return std::nullopt;
  return value->text;
}

}  // namespace relinkd::resp
