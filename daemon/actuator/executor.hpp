// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include "actuator/configuration.hpp"
#include "actuator/gate.hpp"
#include "actuator/order_count.hpp"
#include "actuator/outcome.hpp"
#include "actuator/tuner.hpp"
#include "actuator/units.hpp"
#include "base/result.hpp"
#include "journal/journal.hpp"
#include "kernel/cgroups.hpp"
#include "kernel/socket_destroyer.hpp"
#include "kernel/sockets.hpp"
#include "loop/loop.hpp"
#include "orders/order.hpp"

namespace relinkd::actuator {

/// Carries out what the gate lets through, and logs each order with what became of it.
class Executor {
 public:
  /// Jobs of systemd's that may be under way at a time.
  static constexpr std::size_t kMostJobs = 16;

  /// Opens what it needs. What cannot be had is told by status(), and refused when it is ordered.
  /// `socket_path`: beside it are the files of what outlives it. All that is handed in outlives it.
  Executor(loop::Loop& loop, journal::Journal& journal, Configuration& configuration,
           const std::string& socket_path);

  /// Carries out the order of a peer with this uid.
  void carry_out(const orders::Order& order, uid_t peer, Reply reply);

  /// What can be done here and what not, as a sentence. The answer to Kind::Support.
  [[nodiscard]] const std::string& status() const { return status_; }
  /// Jobs under way.
  [[nodiscard]] std::size_t under_way() const { return units_.under_way(); }

  /// The connection is gone that listened to the kernel (Order::Kind::Trace).
  void end_trace() { tuner_.end_trace(); }

  /// Reads the configuration again if it changed, and logs what came of it.
  void refresh();

 private:
  std::string look_around();
  /// The gate, where this peer may have one more order carried out; nothing: it was answered.
  const Gate* admit(uid_t peer, const Reply& reply);
  /// The same without counting: the order changes nothing that ends or disturbs a connection.
  const Gate* obey(uid_t peer, const Reply& reply);
  void serve_tuner(const orders::Order& order, uid_t peer, Reply reply);
  void relink(const orders::Order& order, uid_t peer, Reply reply);
  void set_sysctl(const orders::Order& order, uid_t peer, const Reply& reply);
  Outcome destroy(const orders::SocketName& name, const Gate& gate, const Gate::Permit& permit);
  void run(const Gate& gate, const Gate::Permit& permit, Reply reply);
  void log(const orders::Order& order, uid_t peer, const Outcome& outcome);
  void write(const journal::Entry& entry);
  void complain(std::string what);

  loop::Loop& loop_;
  journal::Journal& journal_;
  Configuration& configuration_;
  OrderCountFile count_;
  Result<kernel::SocketLister> lister_;
  Result<kernel::SocketDestroyer> destroyer_;
  std::optional<kernel::Cgroups> cgroups_;  ///< nothing: no cgroup v2 here
  Units units_;
  Tuner tuner_;
  bool systemd_;
  std::string status_;
};

}  // namespace relinkd::actuator
