// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/enum_names.hpp"

namespace relinkd::core {

/// The ways to make an app reconnect; the label `action` of metrics, and how the configuration
/// writes them.
enum class RelinkVerb : std::uint8_t { DestroySockets, Reload, Signal, Start, Restart };
inline constexpr auto kRelinkVerbNames =
    enum_names<RelinkVerb>("destroy-sockets", "reload", "signal", "start", "restart");

}  // namespace relinkd::core
