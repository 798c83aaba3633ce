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

/// The names of all events, to be offered.
std::string all_names(const Screen& s) {
  std::string names;
  for (const auto name : journal::kEventNames.names) {
    if (!names.empty()) names += ' ';
    names += name;
  }
  std::string out = "There are:";
  for (const auto& line : wrap(names, s.width, 2)) out += '\n' + line;
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
  const auto subject = fmt::format("{}: {}", key, journal::catalog_text(*event).subject);
  print(coloured(subject, Colour::Bold, s) + "\n\n" + journal::catalog_body(*event));
  return kDone;
}

}  // namespace relinkd::relinkctl
