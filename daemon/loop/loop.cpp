// SPDX-License-Identifier: Apache-2.0
#include "loop/loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

namespace relinkd::loop {

namespace {

/// Timers may be this late, so that one wake-up serves many connections.
constexpr std::uint64_t kTimerSlackUsec = 10'000;
/// Descriptors asked for at a time.
constexpr std::size_t kBatch = 512;

Duration read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

}  // namespace

struct Loop::State {
  sd_event* event = nullptr;
  sd_event_source* io = nullptr;
  sd_event_source* timer = nullptr;
  int epoll = -1;
  DeadlineQueue deadlines;
  Now now;
  bool in_turn = false;
  MonoTime armed = kNever;

  /// Slots, so that an event of a batch whose watch was destroyed meanwhile finds nothing; the
  /// generation tells a new tenant of the slot from the old one.
  struct Slot {
    FdWatch* watch = nullptr;
    std::uint32_t generation = 0;
  };
  std::vector<Slot> slots;
  std::vector<std::uint32_t> free_slots;
  std::vector<std::function<void()>> after_turn;
  struct SignalHandler {
    State* state;
    std::function<void()> handler;
  };
  std::vector<std::unique_ptr<SignalHandler>> signal_handlers;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    sd_event_source_unref(io);
    sd_event_source_unref(timer);
    sd_event_unref(event);
    if (epoll >= 0) close(epoll);
  }

  void turn();
  void arm();
  void run_after_turn();
};

void Loop::State::turn() {
  in_turn = true;
  const MonoTime at{read_clock(CLOCK_MONOTONIC)};
  const MonoTime due = deadlines.earliest();
  now = Now{at, due < at ? at - due : Duration::zero()};

  // Everyone who is ready is served once before any deadline counts: with thousands of connections
  // that is more than one batch, and epoll hands them out in turn.
  std::array<epoll_event, kBatch> ready;
  const std::size_t rounds = slots.size() / kBatch + 1;
  std::size_t round = 0;
  for (bool more = true; more && round < rounds; ++round) {
    const int n = epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < n; ++i) {
      const auto& e = ready[static_cast<std::size_t>(i)];
      const auto slot = static_cast<std::uint32_t>(e.data.u64);
      const auto generation = static_cast<std::uint32_t>(e.data.u64 >> 32U);
      if (slots[slot].generation != generation || slots[slot].watch == nullptr) continue;
      slots[slot].watch->handler_(e.events);
    }
    more = n == static_cast<int>(kBatch);
  }
  deadlines.run_due(at);
  run_after_turn();
  in_turn = false;
  arm();
}

void Loop::State::run_after_turn() {
  // An action may ask for another; those run too, since they belong to the same turn.
  for (std::size_t i = 0; i < after_turn.size(); ++i) {
    const auto action = std::move(after_turn[i]);
    action();
  }
  after_turn.clear();
}

void Loop::State::arm() {
  const MonoTime due = after_turn.empty() ? deadlines.earliest() : MonoTime::min();
  if (due == armed) return;
  armed = due;
  if (due == kNever) {
    sd_event_source_set_enabled(timer, SD_EVENT_OFF);
    return;
  }
  // The slack counts from the time given: what is due already is asked for in the distant past.
  const auto usec = std::chrono::ceil<std::chrono::microseconds>(due.time_since_epoch()).count();
  sd_event_source_set_time(timer, due <= clock() ? 0 : static_cast<std::uint64_t>(usec));
  sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

Loop::Loop(std::unique_ptr<State> state) : state_(std::move(state)) {}
Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::create() {
  auto state = std::make_unique<State>();
  int r = sd_event_new(&state->event);
  if (r < 0) return system_error(-r, "cannot make an event loop");
  state->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (state->epoll < 0) return system_error(errno, "cannot make an epoll set");
  r = sd_event_add_io(
      state->event, &state->io, state->epoll, EPOLLIN,
      [](sd_event_source*, int, std::uint32_t, void* self) {
        static_cast<State*>(self)->turn();
        return 0;
      },
      state.get());
  if (r < 0) return system_error(-r, "cannot watch the epoll set");
  r = sd_event_add_time(
      state->event, &state->timer, CLOCK_MONOTONIC, 0, kTimerSlackUsec,
      [](sd_event_source*, std::uint64_t, void* self) {
        auto* s = static_cast<State*>(self);
        s->armed = kNever;  // one-shot: sd-event has turned it off
        s->turn();
        return 0;
      },
      state.get());
  if (r < 0) return system_error(-r, "cannot make a timer");
  sd_event_source_set_enabled(state->timer, SD_EVENT_OFF);
  // Replies before deadlines: what has arrived by now is heard first.
  sd_event_source_set_priority(state->io, SD_EVENT_PRIORITY_NORMAL);
  sd_event_source_set_priority(state->timer, SD_EVENT_PRIORITY_NORMAL + 1);
  return std::unique_ptr<Loop>(new Loop(std::move(state)));
}

Result<int> Loop::run() {
  state_->arm();
  const int r = sd_event_loop(state_->event);
  if (r < 0) return system_error(-r, "the event loop failed");
  return r;
}

void Loop::exit(int code) { sd_event_exit(state_->event, code); }

Now Loop::now() const {
  // Outside a turn (set-up, signals) nothing has been noted: read the clock.
  return state_->in_turn ? state_->now : Now{clock(), Duration::zero()};
}

MonoTime Loop::clock() { return MonoTime{read_clock(CLOCK_MONOTONIC)}; }
WallTime Loop::wall() { return WallTime{read_clock(CLOCK_REALTIME)}; }

DeadlineQueue& Loop::deadlines() { return state_->deadlines; }

void Loop::later(std::function<void()> action) {
  state_->after_turn.push_back(std::move(action));
  if (!state_->in_turn) state_->arm();
}

void Loop::retire(std::shared_ptr<void> object) {
  if (!object) return;
  later([kept = std::move(object)] {});
}

Result<void> Loop::on_signal(int signal, std::function<void()> handler) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  const int blocked = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (blocked != 0) return system_error(blocked, "cannot block a signal");
  state_->signal_handlers.push_back(std::make_unique<State::SignalHandler>(
      State::SignalHandler{state_.get(), std::move(handler)}));
  const int r = sd_event_add_signal(
      state_->event, nullptr, signal,
      [](sd_event_source*, const signalfd_siginfo*, void* f) {
        const auto* h = static_cast<State::SignalHandler*>(f);
        h->handler();
        // It runs outside a turn, and may have set deadlines.
        h->state->arm();
        return 0;
      },
      state_->signal_handlers.back().get());
  if (r < 0) return system_error(-r, "cannot watch a signal");
  return {};
}

Result<void> Loop::attach(sd_bus* bus) {
  const int r = sd_bus_attach_event(bus, state_->event, SD_EVENT_PRIORITY_NORMAL);
  if (r < 0) return system_error(-r, "cannot watch the bus");
  return {};
}

void Loop::enable_watchdog() { sd_event_set_watchdog(state_->event, 1); }

FdWatch::FdWatch(Loop& loop, int fd, std::uint32_t events,
                 std::function<void(std::uint32_t)> handler)
    : loop_(loop), fd_(fd), events_(events), handler_(std::move(handler)) {
  auto& s = *loop_.state_;
  if (s.free_slots.empty()) {
    slot_ = static_cast<std::uint32_t>(s.slots.size());
    s.slots.emplace_back();
  } else {
    slot_ = s.free_slots.back();
    s.free_slots.pop_back();
  }
  s.slots[slot_].watch = this;
  epoll_event e{};
  e.events = events;
  e.data.u64 = static_cast<std::uint64_t>(s.slots[slot_].generation) << 32U | slot_;
  epoll_ctl(s.epoll, EPOLL_CTL_ADD, fd, &e);
}

FdWatch::~FdWatch() { stop(); }

void FdWatch::stop() {
  if (fd_ < 0) return;
  auto& s = *loop_.state_;
  epoll_ctl(s.epoll, EPOLL_CTL_DEL, fd_, nullptr);
  fd_ = -1;
  s.slots[slot_].watch = nullptr;
  ++s.slots[slot_].generation;
  s.free_slots.push_back(slot_);
}

void FdWatch::want(std::uint32_t events) {
  if (events == events_ || fd_ < 0) return;
  events_ = events;
  auto& s = *loop_.state_;
  epoll_event e{};
  e.events = events;
  e.data.u64 = static_cast<std::uint64_t>(s.slots[slot_].generation) << 32U | slot_;
  epoll_ctl(s.epoll, EPOLL_CTL_MOD, fd_, &e);
}

}  // namespace relinkd::loop
