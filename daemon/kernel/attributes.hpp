// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace relinkd::kernel {

/// The content of the first attribute of that type among the netlink attributes `attributes`
/// (struct rtattr, rtnetlink(7)). Nothing if there is none before the first malformed one.
std::optional<std::span<const char>> attribute(std::span<const char> attributes,
                                               std::uint16_t type);

}  // namespace relinkd::kernel
