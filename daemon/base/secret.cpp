// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <cstring>

namespace relinkd {

void wipe(std::string& text) {
  explicit_bzero(text.data(), text.capacity());
  text.clear();
}

void Secret::wipe() { relinkd::wipe(text_); }

}  // namespace relinkd
