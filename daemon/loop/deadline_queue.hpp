// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/time.hpp"

namespace relinkd::loop {

class DeadlineQueue;

/// One point in time at which its owner wants to be called: at most one, moved at will. The owner
/// holds it; destroying it cancels. A handler may set or clear any deadline, its own too, and
/// destroy any but its own.
class Deadline {
 public:
  Deadline(DeadlineQueue& queue, std::function<void()> handler)
      : queue_(queue), handler_(std::move(handler)) {}
  ~Deadline() { clear(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  /// Moves the deadline; kNever clears it.
  void set(MonoTime due);
  void clear();
  [[nodiscard]] MonoTime due() const { return due_; }

 private:
  friend class DeadlineQueue;
  static constexpr std::size_t kNotQueued = static_cast<std::size_t>(-1);
  DeadlineQueue& queue_;
  std::function<void()> handler_;
  MonoTime due_ = kNever;
  std::size_t place_ = kNotQueued;
};

/// All deadlines of the program in one binary heap, so that the event loop needs one timer.
/// Setting, moving and clearing cost O(log n) without allocation in the steady state.
class DeadlineQueue {
 public:
  DeadlineQueue() = default;
  DeadlineQueue(const DeadlineQueue&) = delete;
  DeadlineQueue& operator=(const DeadlineQueue&) = delete;
  ~DeadlineQueue() = default;

  /// kNever if there is none.
  [[nodiscard]] MonoTime earliest() const { return heap_.empty() ? kNever : heap_.front()->due_; }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

  /// Calls the handlers of all deadlines due at `now`, in order of time; one that a handler sets
  /// anew at or before `now` waits for the next call, so that a call always ends.
  void run_due(MonoTime now);

 private:
  friend class Deadline;
  void insert(Deadline& d);
  void remove(Deadline& d);
  void moved(std::size_t place);
  void place(std::size_t at, Deadline* d);
  std::vector<Deadline*> heap_;
  std::vector<Deadline*> due_now_;
};

}  // namespace relinkd::loop
