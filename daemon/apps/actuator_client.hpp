// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "loop/fd.hpp"
#include "loop/loop.hpp"
#include "orders/order.hpp"

namespace relinkd::apps {

/// Speaks with relinkd-actuator, for all of this process. It connects when there is something to
/// order, and hangs up when nothing has been awaited for a while, so that a socket-activated
/// actuator may end.
class ActuatorClient {
 public:
  struct Reply {
    orders::Answer answer;
    loop::Fd fd;  ///< that came with it, if any
  };
  /// The Error: nobody listens, or the actuator went away or fell silent before it answered:
  /// whether the order was carried out is not known. A sentence.
  using Then = std::function<void(Result<Reply>)>;

  explicit ActuatorClient(loop::Loop& loop);
  ~ActuatorClient();
  ActuatorClient(const ActuatorClient&) = delete;
  ActuatorClient& operator=(const ActuatorClient&) = delete;

  /// Where the actuator listens. Orders under way are lost if that changes.
  void configure(const std::string& path);
  /// `patience`: how long the answer may take. `then` is called once, from the loop, never from
  /// within this call; not after stop(). The id is given here.
  void order(orders::Order order, Duration patience, Then then);
  /// Keeps the connection, for what stands only as long as that does (Order::Kind::Trace), until it
  /// is lost, of which `lost` tells. At most one is held at a time.
  void hold(std::function<void()> lost);
  /// What was held is not needed any more: the connection ends as it does without.
  void release();
  /// Forgets all orders under way without a word, and hangs up.
  void stop();

 private:
  struct Waiting {
    std::uint64_t id = 0;
    std::string message;
    Duration patience{};
    Then then;
  };
  struct Awaited {
    MonoTime until{};
    Then then;
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
  std::string path_;
  loop::Fd fd_;
  std::unique_ptr<loop::FdWatch> watch_;
  std::deque<Waiting> waiting_;
  std::map<std::uint64_t, Awaited> awaited_;
  std::function<void()> held_;  ///< whom to tell when it is lost
  std::uint64_t next_id_ = 1;
  loop::Deadline deadline_;
  bool work_is_due_ = false;
};

}  // namespace relinkd::apps
