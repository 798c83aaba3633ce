// SPDX-License-Identifier: Apache-2.0
// A state file with anything in it. What is read of it is bounded, and is read again as it is
// written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "state/state.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto state =
      relinkd::state::decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!state) return 0;
  for (const auto& [name, endpoint] : state->endpoints) {
    require(endpoint.formers.size() <= relinkd::state::kMaxFormers);
  }
  for (const auto& [name, app] : state->apps) {
    require(app.relinks.size() <= relinkd::state::kMaxRelinks);
    for (const auto& [of, endpoint] : app.endpoints) {
      require(endpoint.opened_to_primary.size() <= relinkd::state::kMaxCookies);
      require(!endpoint.open || endpoint.open->cookies.size() <= relinkd::state::kMaxCookies);
    }
  }
  const auto again = relinkd::state::decode(relinkd::state::encode(*state));
  require(again.has_value() && *again == *state);
  return 0;
}
