// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "apps/actuator_client.hpp"
#include "apps/census.hpp"
#include "config/settings.hpp"
#include "core/open_connections.hpp"
#include "core/socket_event.hpp"
#include "loop/loop.hpp"
#include "trace/ring.hpp"

namespace relinkd::apps {

/// Hears from the kernel at once what happens to connections of apps to their endpoints, by way of
/// the programs that relinkd-actuator keeps there for as long as this asks it to. Where that cannot
/// be had, what the census sees is all that is known.
class Tracer {
 public:
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    virtual void on_socket_event(const core::RelinkTarget& target,
                                 const core::SocketEvent& event) = 0;
    /// The kernel tells, or does not, and why; a sentence. Once until it changes.
    virtual void on_tracing(bool active, const std::string& detail) = 0;
    /// So many events found no room, since they came faster than they were read, or were not told:
    /// the kernel runs a program once at a time on each CPU, and a hardened one runs none while it
    /// has interrupted a task that it lets nobody trace.
    virtual void on_trace_lost(std::uint64_t events) = 0;
  };

  Tracer(loop::Loop& loop, ActuatorClient& actuator, Census& census, Owner& owner);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// Asks for the programs, if there is an app with connections to be seen; otherwise, does
  /// without.
  void configure(const config::Settings& settings);
  /// The census has looked, at all of the connections or at some: it may know now whose the
  /// connections are that it did not know before.
  void on_looked(bool full);
  void stop();
  [[nodiscard]] bool active() const { return ring_ != nullptr; }

 private:
  /// Records read in a turn of the loop.
  static constexpr std::size_t kMostRecords = 2048;
  /// Events that wait for the census to tell whose they are.
  static constexpr std::size_t kMostUnclaimed = 4096;

  void ask();
  void on_answer(Result<ActuatorClient::Reply> reply);
  void lose(const std::string& why, Duration again);
  void drop_ring();
  void tell(bool active, const std::string& detail);
  void read_some();
  void take(const relinkd_record& record);
  /// Whether each connection that the census does not find open any more was told of.
  void compare();
  /// Whose it is, by what the census knows, or knew when it last looked at all.
  [[nodiscard]] const core::RelinkTarget* known(std::uint64_t cookie) const;
  /// False: whose it is may be known later.
  bool deliver(const core::SocketEvent& event);

  loop::Loop& loop_;
  ActuatorClient& actuator_;
  Census& census_;
  Owner& owner_;
  bool wanted_ = false;
  bool asking_ = false;
  std::optional<bool> told_;
  std::string told_detail_;
  std::unique_ptr<trace::Ring> ring_;
  std::unique_ptr<loop::FdWatch> watch_;
  /// When connections were begun, by cookie: those of others, and of which it was seen.
  std::unordered_map<std::uint64_t, MonoTime> begun_;
  core::OpenConnections open_;
  std::deque<core::SocketEvent> unclaimed_;  ///< whose cgroup is not known yet
  std::optional<std::uint64_t> lost_;        ///< as of the last record; nothing: none was read
  loop::Deadline again_;
};

}  // namespace relinkd::apps
