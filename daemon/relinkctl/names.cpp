// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::relinkctl {

Result<void> all_known(std::span<const std::string> names, std::string_view kind,
                       std::span<const std::string_view> known) {
  for (const auto& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    return Error{fmt::format("there is no {} \"{}\"{}", kind, name,
                             near ? fmt::format("; did you mean \"{}\"?", *near) : "")};
  }
  return {};
}

}  // namespace relinkd::relinkctl
