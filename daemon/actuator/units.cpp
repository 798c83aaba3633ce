// SPDX-License-Identifier: Apache-2.0
#include "actuator/units.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "base/text.hpp"
#include "kernel/processes.hpp"

namespace relinkd::actuator {

namespace {

using Result = orders::Answer::Result;

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kService = "org.freedesktop.systemd1.Service";

struct Unref {
  void operator()(sd_bus_message* m) const { sd_bus_message_unref(m); }
  void operator()(sd_bus_slot* s) const { sd_bus_slot_unref(s); }
  // What waits to be sent is of no use without an answer.
  void operator()(sd_bus* b) const { sd_bus_close_unref(b); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;
using Slot = std::unique_ptr<sd_bus_slot, Unref>;
using Bus = std::unique_ptr<sd_bus, Unref>;

const char* method_of(Units::Verb verb) {
  switch (verb) {
    case Units::Verb::Reload: return "ReloadUnit";
    case Units::Verb::Restart: return "RestartUnit";
    case Units::Verb::Start: return "StartUnit";
  }
  return "";
}

std::string_view noun_of(Units::Verb verb) {
  switch (verb) {
    case Units::Verb::Reload: return "reload";
    case Units::Verb::Restart: return "restart";
    case Units::Verb::Start: return "start";
  }
  return "";
}

/// The value of a reply to Properties.Get; nothing if it is of another type.
template <typename T>
std::optional<T> property_of(sd_bus_message* reply, const char* type) {
  T value{};
  if (sd_bus_message_enter_container(reply, SD_BUS_TYPE_VARIANT, type) < 0 ||
      sd_bus_message_read(reply, type, &value) < 0) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

/// One order, from question to question until there is an outcome.
struct Units::Task : std::enable_shared_from_this<Task> {
  using Next = std::function<void(sd_bus_message* reply)>;

  Task(State& o, loop::Loop& l, std::string u, Duration limit, Reply r);

  /// Calls a method of systemd's, with texts as arguments; `next` is handed what it returned, and
  /// what it says against it is the end.
  template <typename... Arguments>
  void call(Next next, const char* path, const char* interface, const char* method,
            const char* types, Arguments... arguments);
  void get(Next next, const char* interface, const char* property);
  void queue_job(Verb verb);
  void finish(Outcome outcome);

  State& owner;
  loop::Loop& loop;
  std::string unit;
  std::string path;  ///< of the unit on the bus
  std::string job;   ///< its path, once there is one
  std::string noun;
  Duration limit;
  Reply reply;
  Next next;
  Slot pending;
  loop::Deadline deadline;
};

struct Units::State {
  explicit State(loop::Loop& l) : loop(l) {}

  ::relinkd::Result<void> open();
  std::shared_ptr<Task> begin(const std::string& unit, Duration limit, Reply reply);
  void job_removed(sd_bus_message* signal);
  void lost();

  loop::Loop& loop;
  Bus bus;
  std::vector<Slot> matches;  ///< go before the bus
  std::vector<std::shared_ptr<Task>> tasks;
};

Units::Task::Task(State& o, loop::Loop& l, std::string u, Duration most, Reply r)
    : owner(o),
      loop(l),
      unit(std::move(u)),
      limit(most),
      reply(std::move(r)),
      deadline(l.deadlines(), [this] {
        finish({Result::Failed, fmt::format("{} took longer than {}; systemd may still be at it",
                                            unit, to_text(limit))});
      }) {
  char* encoded = nullptr;
  if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &encoded) >= 0) {
    path = encoded;
    std::free(encoded);  // NOLINT(cppcoreguidelines-no-malloc): the library's own malloc
  }
  deadline.set(loop.now().at + limit);
}

template <typename... Arguments>
void Units::Task::call(Next then, const char* object, const char* interface, const char* method,
                       const char* types, Arguments... arguments) {
  next = std::move(then);
  sd_bus_slot* slot = nullptr;
  const int r = sd_bus_call_method_async(
      owner.bus.get(), &slot, kSystemd, object, interface, method,
      [](sd_bus_message* m, void* self, sd_bus_error*) {
        auto* task = static_cast<Task*>(self);
        // Outside a turn. The message is kept for the turn.
        task->loop.later([kept = task->shared_from_this(),
                          reply = std::shared_ptr<sd_bus_message>(sd_bus_message_ref(m), Unref{})] {
          if (!kept->reply) return;
          kept->pending.reset();
          if (const sd_bus_error* error = sd_bus_message_get_error(reply.get())) {
            const char* text = error->message != nullptr ? error->message : error->name;
            return kept->finish({Result::Failed, fmt::format("systemd: {}", printable(text, 300))});
          }
          const Next go_on = std::move(kept->next);
          go_on(reply.get());
        });
        return 0;
      },
      this, types, arguments...);
  pending.reset(slot);
  if (r < 0) finish({Result::Failed, system_error(-r, "systemd cannot be asked").message});
}

void Units::Task::get(Next then, const char* interface, const char* property) {
  call(std::move(then), path.c_str(), "org.freedesktop.DBus.Properties", "Get", "ss", interface,
       property);
}

void Units::Task::queue_job(Verb verb) {
  noun = noun_of(verb);
  const auto queued = [this](sd_bus_message* answer) {
    const char* made = nullptr;
    if (sd_bus_message_read(answer, "o", &made) < 0) {
      return finish({Result::Failed, "systemd's answer is malformed"});
    }
    job = made;  // JobRemoved comes after this answer
  };
  call(queued, kManagerPath, kManager, method_of(verb), "ss", unit.c_str(), "replace");
}

void Units::Task::finish(Outcome outcome) {
  if (!reply) return;
  const auto self = shared_from_this();
  pending.reset();
  deadline.clear();
  std::erase(owner.tasks, self);
  // It may be one of its own handlers that is ending here.
  loop.retire(self);
  std::exchange(reply, nullptr)(std::move(outcome));
}

::relinkd::Result<void> Units::State::open() {
  if (bus && sd_bus_is_open(bus.get()) > 0) return {};
  matches.clear();
  bus.reset();
  sd_bus* opened = nullptr;
  int r = sd_bus_open_system(&opened);
  if (r < 0) return system_error(-r, "the system bus cannot be reached");
  bus.reset(opened);
  const auto call_time = std::chrono::duration_cast<std::chrono::microseconds>(kCallTime).count();
  sd_bus_set_method_call_timeout(opened, static_cast<std::uint64_t>(call_time));
  const auto match = [&](const char* sender, const char* path, const char* interface,
                         const char* member, sd_bus_message_handler_t handler) {
    sd_bus_slot* slot = nullptr;
    const int matched = sd_bus_match_signal_async(opened, &slot, sender, path, interface, member,
                                                  handler, nullptr, this);
    matches.emplace_back(slot);
    return matched;
  };
  r = match(kSystemd, kManagerPath, kManager, "JobRemoved",
            [](sd_bus_message* m, void* self, sd_bus_error*) {
              static_cast<State*>(self)->job_removed(m);
              return 0;
            });
  if (r >= 0) {
    r = match(nullptr, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
              [](sd_bus_message*, void* self, sd_bus_error*) {
                auto* state = static_cast<State*>(self);
                state->loop.later([state] { state->lost(); });
                return 0;
              });
  }
  // Without it systemd tells of the end of a job those only who asked for it; that is enough where
  // it fails.
  if (r >= 0) {
    r = sd_bus_call_method_async(opened, nullptr, kSystemd, kManagerPath, kManager, "Subscribe",
                                 nullptr, nullptr, nullptr);
  }
  if (r < 0) {
    matches.clear();
    bus.reset();
    return system_error(-r, "systemd cannot be asked to tell of its jobs");
  }
  return loop.attach(opened);
}

std::shared_ptr<Units::Task> Units::State::begin(const std::string& unit, Duration limit,
                                                 Reply reply) {
  if (const auto opened = open(); !opened) {
    reply({Result::Failed, opened.error().message});
    return nullptr;
  }
  return tasks.emplace_back(std::make_shared<Task>(*this, loop, unit, limit, std::move(reply)));
}

void Units::State::job_removed(sd_bus_message* signal) {
  std::uint32_t id = 0;
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  if (sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) < 0) return;
  loop.later([this, job = std::string(job), result = std::string(result)] {
    const auto at =
        std::find_if(tasks.begin(), tasks.end(), [&](const auto& t) { return t->job == job; });
    if (at == tasks.end()) return;
    Task& task = **at;
    const std::string why = result == "invalid" ? "it does not run" : printable(result, 60);
    task.finish({result == "done" ? Result::Done : Result::Failed,
                 fmt::format("systemd's {} of {}: {}", task.noun, task.unit, why)});
  });
}

/// dbus-daemon ended: nobody will tell of the end of a job.
void Units::State::lost() {
  const auto left = tasks;
  for (const auto& task : left) {
    task->finish({Result::Failed, fmt::format("the system bus was lost before systemd was done "
                                              "with {}",
                                              task->unit)});
  }
  matches.clear();
  bus.reset();
}

Units::Units(loop::Loop& loop) : state_(std::make_unique<State>(loop)) {}
Units::~Units() = default;

bool Units::available() { return sd_booted() > 0; }

std::size_t Units::under_way() const { return state_->tasks.size(); }

void Units::run(Verb verb, const std::string& unit, Reply reply) {
  const auto task =
      state_->begin(unit, verb == Verb::Reload ? kReloadTime : kStartTime, std::move(reply));
  if (!task) return;
  if (verb != Verb::Reload) return task->queue_job(verb);
  Task* const t = task.get();  // it outlives its own handlers
  const auto can_reload = [t](sd_bus_message* answer) {
    const auto can = property_of<int>(answer, "b");
    if (can.value_or(0) != 0) return t->queue_job(Verb::Reload);
    t->finish({Result::Refused,
               fmt::format("{} has no ExecReload=: it cannot be reloaded; take \"reload\" from the "
                           "app's actions",
                           t->unit)});
  };
  const auto is_loaded = [t, can_reload](sd_bus_message* answer) {
    const auto loaded = property_of<const char*>(answer, "s");
    if (loaded && std::string_view(*loaded) == "loaded") {
      return t->get(can_reload, kUnit, "CanReload");
    }
    t->finish({Result::Failed, fmt::format("systemd has no such unit as {} ({})", t->unit,
                                           printable(loaded.value_or("unknown"), 60))});
  };
  t->get(is_loaded, kUnit, "LoadState");
}

void Units::signal(const std::string& unit, int number, Reply reply) {
  const auto task = state_->begin(unit, kReloadTime, std::move(reply));
  if (!task) return;
  Task* const t = task.get();
  const auto look = [t, number](sd_bus_message* answer) {
    const auto pid = property_of<std::uint32_t>(answer, "u");
    if (pid.value_or(0) == 0) {
      return t->finish({Result::Failed, fmt::format("{} has no main process", t->unit)});
    }
    const auto facts = kernel::process_facts(static_cast<pid_t>(*pid));
    if (!facts || !facts->catches(number)) {
      return t->finish({Result::NotCaught,
                        fmt::format("the main process {} of {} does not catch the signal, which "
                                    "would end it",
                                    *pid, t->unit)});
    }
    const auto sent = [t, pid](sd_bus_message*) {
      t->finish(
          {Result::Done, fmt::format("the main process {} of {} was sent it", *pid, t->unit)});
    };
    t->call(sent, kManagerPath, kManager, "KillUnit", "ssi", t->unit.c_str(), "main", number);
  };
  t->get(look, kService, "MainPID");
}

}  // namespace relinkd::actuator
