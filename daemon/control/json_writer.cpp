// SPDX-License-Identifier: Apache-2.0
#include "control/json_writer.hpp"

#include <iterator>

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace relinkd::control {

void JsonWriter::separate() {
  // No value ends with one of these.
  if (!text_.empty() && std::string_view("{[:").find(text_.back()) == std::string_view::npos) {
    text_ += ',';
  }
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  return append(bracket);
}

JsonWriter& JsonWriter::key(std::string_view name) { return string(name).append(':'); }

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  text_ += '"';
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t size = utf8_character(text);
    if (size == 0) {
      text_ += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (size == 1 && static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      text_.append(text, 0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return append('"');
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  separate();
  fmt::format_to(std::back_inserter(text_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::count(std::uint64_t value) {
  separate();
  fmt::format_to(std::back_inserter(text_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  text_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  text_ += "null";
  return *this;
}

JsonWriter& JsonWriter::seconds(Duration d) {
  separate();
  const auto us = std::chrono::round<std::chrono::microseconds>(d).count();
  fmt::format_to(std::back_inserter(text_), "{}", static_cast<double>(us) / 1e6);
  return *this;
}

JsonWriter& JsonWriter::time(WallTime t) { return string(to_iso8601(t)); }

}  // namespace relinkd::control
