// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "loop/fd.hpp"
#include "loop/loop.hpp"
#include "orders/order.hpp"

namespace relinkd::apps {

/// Speaks with relinkd-actuator. It connects when there is something to order, and hangs up when
/// nothing has been awaited for a while, so that a socket-activated actuator may end.
class ActuatorClient {
 public:
  /// Calls come from the loop, never from within order().
  class Owner {
   public:
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    virtual ~Owner() = default;
    virtual void on_answer(const orders::Answer& answer) = 0;
    /// Nobody listens, or the actuator went away or fell silent before it answered: whether the
    /// order was carried out is not known. `why` is a sentence.
    virtual void on_lost(std::uint64_t order, const std::string& why) = 0;
  };

  ActuatorClient(loop::Loop& loop, Owner& owner);
  ~ActuatorClient();
  ActuatorClient(const ActuatorClient&) = delete;
  ActuatorClient& operator=(const ActuatorClient&) = delete;

  /// Where the actuator listens. Orders under way are lost if that changes.
  void configure(const std::string& path);
  /// `patience`: how long the answer may take. Every order is answered, or lost. The id is the
  /// caller's, and no other order under way has it.
  void order(const orders::Order& order, Duration patience);

 private:
  struct Waiting {
    std::uint64_t id = 0;
    std::string message;
    Duration patience{};
  };
  void work();
  bool connect();
  void send_waiting();
  void on_ready();
  void lose_all(const std::string& why);
  void hang_up();
  void set_deadline();
  void on_deadline();

  loop::Loop& loop_;
  Owner& owner_;
  std::string path_;
  loop::Fd fd_;
  std::unique_ptr<loop::FdWatch> watch_;
  std::deque<Waiting> waiting_;
  std::map<std::uint64_t, MonoTime> awaited_;  ///< until when
  loop::Deadline deadline_;
  bool work_is_due_ = false;
};

}  // namespace relinkd::apps
