// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "loop/loop.hpp"
#include "metrics/numbers.hpp"

namespace relinkd::metrics {

/// How long a client may take.
struct HttpLimits {
  /// Silence after which a connection is closed. It begins anew with each byte.
  std::chrono::seconds silence{10};
  /// From the connection, or the end of the answer before, to the end of the answer: who sends or
  /// reads one byte at a time is not silent.
  Duration exchange = 30s;
};

/// GET /metrics over HTTP, served by libmicrohttpd on relinkd's own loop: no thread, no lock
/// between probes and scrapes, and a large answer is written in small parts between probes.
/// Whoever connects can cost it only so much: 64 connections, 16 of one address, 16 KB for a
/// request's head, and the time of HttpLimits. It keeps one file descriptor in reserve, so that the
/// scrape that tells of used up descriptors gets through.
class HttpServer {
 public:
  /// `listen`: "127.0.0.1:10121" or "[::1]:10121"; port 0 takes a free one. `numbers` and `loop`
  /// outlive the server. The Error names the address and what to do.
  static Result<std::unique_ptr<HttpServer>> start(loop::Loop& loop, const std::string& listen,
                                                   const Numbers& numbers,
                                                   const HttpLimits& limits = {});
  /// Closes all connections. Not to be called while the server handles an event (Loop::later).
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
