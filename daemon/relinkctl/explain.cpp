// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/app_socket.hpp"
#include "journal/catalog.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

/// The names of all conditions, events and states of sockets, each once.
std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names(journal::kEventNames.names.begin(),
                                      journal::kEventNames.names.end());
  for (const auto name : core::kAppSocketStateNames.names) {
    if (!journal::kEventNames.find(name)) names.push_back(name);
  }
  return names;
}

std::string offered(const Screen& s) {
  std::string names;
  for (const auto name : all_names()) {
    if (!names.empty()) names += ' ';
    names += name;
  }
  std::string out = "There are:";
  for (const auto& line : wrap(names, s.width, 2)) out += '\n' + line;
  return out;
}

void show(const std::string& key, const journal::CatalogText& text, const Screen& s) {
  const auto subject = fmt::format("{}: {}", key, text.subject);
  print(coloured(subject, Colour::Bold, s) + "\n\n" + journal::catalog_body(text));
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
  const auto state = core::kAppSocketStateNames.find(key);
  if (!event && !state) {
    const auto near = nearest(key, all_names());
    complain(fmt::format("\"{}\" is no condition, event or state of a connection{}\n{}",
                         clean(name), near ? fmt::format("; did you mean \"{}\"?", *near) : ".",
                         offered(s)));
    return kFailed;
  }
  if (event) show(key, journal::catalog_text(*event), s);
  if (event && state) print("\n");
  if (state) show(key, journal::catalog_text(*state), s);
  return kDone;
}

}  // namespace relinkd::relinkctl
