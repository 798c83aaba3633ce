// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/settings.hpp"
#include "loop/loop.hpp"
#include "metrics/numbers.hpp"
#include "metrics/protection.hpp"

namespace relinkd::metrics {

/// How long a client may take.
struct HttpLimits {
  /// Silence after which a connection is closed. It begins anew with each byte.
  std::chrono::seconds silence{10};
  /// From the connection, or the end of the answer before, to the end of the answer: who sends or
  /// reads one byte at a time is not silent.
  Duration exchange = 30s;
};

/// GET /metrics over HTTP or HTTPS, served by libmicrohttpd on relinkd's own loop: no lock between
/// probes and scrapes, and a large answer is written in small parts between probes. The one thread
/// beside it compares passwords (PasswordChecker).
/// Whoever connects can cost it only so much: 64 connections, 16 of one address, 16 KB for a
/// request's head, 32 KB for a message of a TLS handshake, 50 TLS handshakes a second, ten wrong
/// passwords a second, and the time of HttpLimits. It keeps one file descriptor in reserve, so that
/// the scrape that tells of used up descriptors gets through.
class HttpServer {
 public:
  /// Something that works less well than it should, as a sentence. Called from the loop.
  using Report = std::function<void(std::string)>;

  /// Serves at `settings.listen`, behind the `protection` that was read from the files that the
  /// settings name. When one of these files changes it is read anew within two seconds; what cannot
  /// be used is reported once, and the protection stays what it was. `numbers` and `loop` outlive
  /// the server. The Error names the address and what to do.
  static Result<std::unique_ptr<HttpServer>> start(loop::Loop& loop, config::Metrics settings,
                                                   Protection protection, const Numbers& numbers,
                                                   Report report, const HttpLimits& limits = {});
  /// Closes all connections. Not to be called while the server handles an event (Loop::later).
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// From now on these settings, whose `listen` is the same. The port stays open, and so do
  /// connections, except where TLS is turned on or off. Not to be called while the server handles
  /// an event.
  Result<void> protect(config::Metrics settings, Protection protection);

  /// "http://127.0.0.1:10121/metrics", or https, with the port that was taken.
  [[nodiscard]] std::string url() const;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::metrics
