// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "base/time.hpp"
#include "loop/deadline_queue.hpp"

struct sd_bus;  // systemd/sd-bus.h

namespace relinkd::loop {

class Loop;

/// The registration of one file descriptor with the loop. The owner holds it; destroying it ends
/// the watching (before the descriptor is closed). Level-triggered. A handler may destroy any
/// watch but its own: for that it asks Loop::later().
class FdWatch {
 public:
  /// `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP…; EPOLLERR and EPOLLHUP always come.
  FdWatch(Loop& loop, int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  /// Changes the events waited for; nothing if they are the same.
  void want(std::uint32_t events);

  /// Ends the watching now, from its own handler, too; the descriptor may be closed after it.
  void stop();

 private:
  friend class Loop;
  Loop& loop_;
  int fd_;
  std::uint32_t events_;
  std::function<void(std::uint32_t)> handler_;
  std::uint32_t slot_ = 0;
};

/// The program's one event loop, one thread. sd-event runs it and brings signals, the watchdog and
/// the bus; all descriptors and deadlines of relinkd's own share one inner epoll set and
/// one timer, since sd-event dispatches one source an iteration and asks epoll for all anew: with
/// a source for each of 10,000 connections it collapses (measured).
class Loop {
 public:
  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until exit(). An Error if the loop itself fails.
  Result<int> run();
  void exit(int code);

  /// The present as of the beginning of this turn, and how late the turn came.
  [[nodiscard]] Now now() const;
  /// CLOCK_MONOTONIC read at this moment, for measuring what happens within a turn.
  [[nodiscard]] static MonoTime clock();
  [[nodiscard]] static WallTime wall();

  [[nodiscard]] DeadlineQueue& deadlines();

  /// Calls `action` once at the end of this turn (or of the next, from outside a turn).
  void later(std::function<void()> action);

  /// Destroys `object` at the end of this turn: the way to part with an object from within its own
  /// handlers.
  void retire(std::shared_ptr<void> object);

  /// Calls `handler` when `signal` comes; blocks the signal's default action.
  Result<void> on_signal(int signal, std::function<void()> handler);

  /// Has the loop serve a bus connection (sd_bus_attach_event(3)). The bus' handlers run outside a
  /// turn: they hand on by later().
  Result<void> attach(sd_bus* bus);

  /// Turns on sd-event's answer to systemd's WatchdogSec= (WATCHDOG=1 as long as the loop turns).
  void enable_watchdog();

 private:
  friend class FdWatch;
  struct State;
  explicit Loop(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::loop
