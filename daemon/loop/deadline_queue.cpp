// SPDX-License-Identifier: Apache-2.0
#include "loop/deadline_queue.hpp"

#include <algorithm>

namespace relinkd::loop {

void Deadline::set(MonoTime due) {
  if (due == kNever) {
    clear();
    return;
  }
  due_ = due;
  if (place_ == kNotQueued) {
    queue_.insert(*this);
  } else {
    queue_.moved(place_);
  }
}

void Deadline::clear() {
  // Also a deadline that is due in the running call and was taken out of the heap for it.
  std::replace(queue_.due_now_.begin(), queue_.due_now_.end(), this,
               static_cast<Deadline*>(nullptr));
  if (place_ != kNotQueued) queue_.remove(*this);
  due_ = kNever;
}

void DeadlineQueue::place(std::size_t at, Deadline* d) {
  heap_[at] = d;
  d->place_ = at;
}

void DeadlineQueue::insert(Deadline& d) {
  heap_.push_back(&d);
  d.place_ = heap_.size() - 1;
  moved(d.place_);
}

void DeadlineQueue::remove(Deadline& d) {
  const std::size_t at = d.place_;
  d.place_ = Deadline::kNotQueued;
  Deadline* last = heap_.back();
  heap_.pop_back();
  if (last == &d) return;
  place(at, last);
  moved(at);
}

void DeadlineQueue::moved(std::size_t at) {
  Deadline* d = heap_[at];
  while (at > 0 && d->due_ < heap_[(at - 1) / 2]->due_) {
    place(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (heap_[child]->due_ >= d->due_) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, d);
}

void DeadlineQueue::run_due(MonoTime now) {
  due_now_.clear();
  while (!heap_.empty() && heap_.front()->due_ <= now) {
    due_now_.push_back(heap_.front());
    remove(*heap_.front());
  }
  // By index: a handler that destroys another deadline puts nullptr in its place.
  for (std::size_t i = 0; i < due_now_.size(); ++i) {
    Deadline* d = due_now_[i];
    if (d == nullptr) continue;
    due_now_[i] = nullptr;
    // Set anew by an earlier handler of this call: it has a new time and stays in the heap.
    if (d->place_ != Deadline::kNotQueued) continue;
    d->due_ = kNever;
    d->handler_();
  }
  due_now_.clear();
}

}  // namespace relinkd::loop
