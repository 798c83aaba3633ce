// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "actuator/outcome.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "kernel/sockets.hpp"
#include "orders/order.hpp"
#include "orders/owner.hpp"

namespace relinkd::actuator {

/// Decides which orders are carried out: those that fit the configuration, the peer and the
/// kernel's own view. An order is believed in nothing else. It asks nobody: what the kernel says is
/// handed in.
class Gate {
 public:
  /// Resolves the user names of the configuration once.
  explicit Gate(config::Settings settings);

  /// Root and `[actuator] user` may order. The Error says who may.
  [[nodiscard]] Result<void> obeys(uid_t peer) const;

  /// What of the configuration an order is about; it points into settings().
  struct Permit {
    std::size_t index = 0;  ///< of the app
    const config::App* app = nullptr;
    const config::Endpoint* endpoint = nullptr;
    const config::Action* action = nullptr;
  };
  /// Whether the configuration allows the order (Kind::Relink): the app names the endpoint and has
  /// the action, and its mode is act. The Error is the sentence of the refusal.
  [[nodiscard]] Result<Permit> permits(const orders::Order& order) const;

  /// The same for an order of Kind::Tune, whose Permit has no action: to look at the options of a
  /// connection, and to put back what was changed, is always allowed; to change them where the mode
  /// is act and `protect` of the app not false. With which options is in wanted_options() of what
  /// is permitted.
  [[nodiscard]] Result<Permit> permits_tuning(const orders::Order& order) const;

  /// The value to which the sysctl is to be put back: that of [sysctl.want], where `enforce` is
  /// true and the mode is act. The Error is the sentence of the refusal.
  [[nodiscard]] Result<std::int64_t> wanted(const std::string& key) const;

  /// Why the socket must not be destroyed, Gone or Refused; nothing: it may be. `seen`: what the
  /// kernel finds under the name, if anything. `cgroup`: the path of its cgroup id, empty where
  /// that is not known.
  [[nodiscard]] std::optional<Outcome> objection(const Permit& permit,
                                                 const orders::SocketName& name,
                                                 const std::optional<kernel::TcpSocket>& seen,
                                                 std::string_view cgroup) const;

  [[nodiscard]] const config::Settings& settings() const { return settings_; }
  [[nodiscard]] const orders::AppMatcher& matcher() const { return matcher_; }

 private:
  /// The app, and the endpoint of its own, that the order names.
  [[nodiscard]] Result<Permit> find_named(const orders::Order& order) const;
  [[nodiscard]] bool acts(const config::App& app) const;

  config::Settings settings_;
  orders::AppMatcher matcher_;
  std::optional<uid_t> user_;  ///< of [actuator]; nothing: there is no such user
};

}  // namespace relinkd::actuator
