// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "journal/catalog.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

void append_lines(std::string& out, std::string_view text, std::size_t indent, const Screen& s) {
  for (const auto& line : wrap(text, s.width, indent)) out += line + '\n';
}

/// The catalog's line breaks are those of its file, except before an indented or an empty line.
void append_paragraph(std::string& out, std::string_view paragraph, const Screen& s) {
  std::string text;
  for (const auto line : split(trim(paragraph), '\n')) {
    const bool begins = line.empty() || line.front() == ' ';
    if (begins && !text.empty()) append_lines(out, std::exchange(text, {}), 2, s);
    if (line.empty()) {
      out += '\n';
      continue;
    }
    if (!text.empty()) text += ' ';
    text += line;
  }
  if (!text.empty()) append_lines(out, text, 2, s);
}

/// The names of all events, to be offered.
std::string all_names(const Screen& s) {
  std::string names;
  for (const auto name : journal::kEventNames.names) {
    if (!names.empty()) names += ' ';
    names += name;
  }
  std::string out = "There are:\n";
  append_lines(out, names, 2, s);
  return out;
}

}  // namespace

int run_explain(const std::string& name) {
  const Screen s = screen();
  // "half-open" and "Half_Open" are what people write.
  std::string key = name;
  std::transform(key.begin(), key.end(), key.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto event = journal::kEventNames.find(key);
  if (!event) {
    const auto near = nearest(key, journal::kEventNames.names);
    complain(fmt::format("\"{}\" is no condition or event{}\n{}", clean(name),
                         near ? fmt::format("; did you mean \"{}\"?", *near) : ".", all_names(s)));
    return kFailed;
  }
  const auto& text = journal::catalog_text(*event);
  std::string out = coloured(fmt::format("{}: {}", key, text.subject), Colour::Bold, s) + '\n';
  for (const auto& [heading, paragraph] :
       {std::pair{"What happened", text.happened}, std::pair{"What it means", text.means},
        std::pair{"What to do", text.action}}) {
    out += fmt::format("\n{}:\n", heading);
    append_paragraph(out, paragraph, s);
  }
  print(out);
  return kDone;
}

}  // namespace relinkd::relinkctl
