// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "control/service.hpp"
#include "loop/loop.hpp"

namespace relinkd::control {

/// What the peers of the control socket may take, all together and each. Every local user can
/// connect, so nothing may grow with what they do.
struct Limits {
  std::size_t connections_per_uid = 64;
  /// Of all who may not order: who may can connect even if others have used this up.
  std::size_t connections = 512;
  /// Bytes of events waiting for who follows them; one that falls behind further is dropped.
  std::size_t queued = std::size_t{4} * 1024 * 1024;
  Duration call_time = 10s;    ///< from a call's first byte to its last
  Duration reply_time = 30s;   ///< until the peer has taken all of a reply
  Duration idle_time = 10min;  ///< between calls
};

/// The control socket: Varlink (https://varlink.org), interface io.relinkd.
class Server {
 public:
  /// Listens at `path` (mode 0666: who may do what is decided by the peer's credentials). A stale
  /// socket is replaced; one on which another relinkd answers is an Error, and so is anything at
  /// `path` that is no socket. Makes the parent folder if only that is missing. `loop` and
  /// `service` outlive the server. No method of `service` may destroy the server: a reload that
  /// moves the socket does that in Loop::later().
  static Result<std::unique_ptr<Server>> start(loop::Loop& loop, const std::string& path,
                                               Service& service, const Limits& limits = {});
  /// Closes all connections and removes the socket, if it still is this server's.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Sends `event` to everyone who follows the events.
  void publish(const EventView& event);

  /// What Service::subscription() says may have changed. Soon, each subscriber is sent its list, if
  /// it is another than the last that it was sent. One that does not read gets the newest when it
  /// does, and none of those in between.
  void subscriptions_changed();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::control
