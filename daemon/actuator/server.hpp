// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <sys/types.h>

#include "actuator/configuration.hpp"
#include "actuator/executor.hpp"
#include "base/time.hpp"
#include "journal/journal.hpp"
#include "loop/fd.hpp"
#include "loop/loop.hpp"

namespace relinkd::actuator {

/// The actuator's socket: takes orders and gives answers, one message each, in any order: an answer
/// bears the id of its order. A peer is root or the configured user, by the kernel's word. What is
/// no order is answered with id 0, and its connection closed.
class Server {
 public:
  static constexpr std::size_t kMostConnections = 4;
  /// Without a connection or a job for so long, `on_idle` is called.
  static constexpr Duration kIdleTime = 60s;

  /// `listener`: a listening, non-blocking Unix socket of type SOCK_SEQPACKET. Everything handed in
  /// outlives the server.
  Server(loop::Loop& loop, journal::Journal& journal, Configuration& configuration,
         Executor& executor, int listener, std::function<void()> on_idle);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  struct Connection;

  void accept_some();
  void admit(loop::Fd fd);
  void on_ready(const std::shared_ptr<Connection>& c);
  void answer(Connection& c, std::uint64_t id, Outcome outcome);
  void hold_trace(Connection& c);
  void close(Connection& c);
  void turn_away(const loop::Fd& fd, orders::Answer::Result result, const std::string& why);
  void complain(const std::string& message);
  void on_idle_deadline();

  loop::Loop& loop_;
  journal::Journal& journal_;
  Configuration& configuration_;
  Executor& executor_;
  int listener_;
  std::function<void()> on_idle_;
  std::vector<std::shared_ptr<Connection>> connections_;
  loop::FdWatch accepting_;
  loop::Deadline accept_again_;
  loop::Deadline idle_;
};

}  // namespace relinkd::actuator
