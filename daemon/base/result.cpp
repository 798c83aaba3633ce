// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

#include <system_error>

namespace relinkd {

Error system_error(int code, std::string what) {
  return Error{std::move(what) + ": " + std::generic_category().message(code), code};
}

}  // namespace relinkd
