// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "metrics/numbers.hpp"

struct MHD_Response;  // microhttpd.h

namespace relinkd::metrics {

struct ResponseDeleter {
  void operator()(MHD_Response* response) const;
};
/// Null if memory lacks.
using Response = std::unique_ptr<MHD_Response, ResponseDeleter>;

/// `body` is of static duration.
Response fixed_response(std::string_view body, const char* content_type);

/// The metrics, rendered `piece` bytes at a time while they are sent. `head`: for HEAD.
Response metrics_response(const Numbers& numbers, bool head, std::size_t piece);

}  // namespace relinkd::metrics
