// SPDX-License-Identifier: Apache-2.0
#include "kernel/attributes.hpp"

#include <cstddef>
#include <cstring>

#include <linux/rtnetlink.h>

namespace relinkd::kernel {

std::optional<std::span<const char>> attribute(std::span<const char> attributes,
                                               std::uint16_t type) {
  while (attributes.size() >= sizeof(rtattr)) {
    rtattr a{};
    std::memcpy(&a, attributes.data(), sizeof a);
    if (a.rta_len < sizeof a || a.rta_len > attributes.size()) return std::nullopt;
    if (a.rta_type == type) {
      return attributes.subspan(RTA_LENGTH(0), a.rta_len - RTA_LENGTH(0));
    }
    const std::size_t step = RTA_ALIGN(a.rta_len);
    if (step >= attributes.size()) return std::nullopt;
    attributes = attributes.subspan(step);
  }
  return std::nullopt;
}

}  // namespace relinkd::kernel
