// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "loop/loop.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::metrics {

/// GET /metrics over HTTP, served by libmicrohttpd on relinkd's own loop.
class HttpServer {
 public:
  /// `listen`: "127.0.0.1:10121" or "[::1]:10121"; port 0 takes a free one. `numbers` outlives the
  /// server. The Error names the address.
  static Result<std::unique_ptr<HttpServer>> start(loop::Loop& loop, const std::string& listen,
                                                   const Numbers& numbers);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:10121/metrics", with the port that was taken.
  [[nodiscard]] const std::string& url() const;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::metrics
