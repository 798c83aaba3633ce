// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

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
    // The catalog's own line breaks are those of its file.
    for (const auto line : split(trim(paragraph), '\n')) append_lines(out, line, 2, s);
  }
  print(out);
  return kDone;
}

}  // namespace relinkd::relinkctl
