// SPDX-License-Identifier: Apache-2.0
#include "actuator/gate.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <netinet/tcp.h>

#include "base/text.hpp"

namespace relinkd::actuator {

namespace {

using Result = orders::Answer::Result;

template <typename Named>
const Named* find(const std::vector<Named>& all, const std::string& name) {
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Named& n) { return n.name == name; });
  return at == all.end() ? nullptr : &*at;
}

/// The action that the order is about: the app's own, to the letter.
const config::Action* find_action(const config::App& app, const orders::Order& order) {
  const bool destroys = order.verb == core::RelinkVerb::DestroySockets;
  const auto at = std::find_if(app.actions.begin(), app.actions.end(), [&](const auto& action) {
    return action.verb == order.verb && (destroys || action.to_string() == order.action);
  });
  return at == app.actions.end() ? nullptr : &*at;
}

/// Whether a connection in this state can be one of an app: LISTEN would be a server's, and what
/// is in TIME-WAIT or half accepted is nobody's any more or yet.
bool is_connection(std::uint8_t state) {
  switch (state) {
    case TCP_SYN_SENT:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK: return true;
    default: return false;
  }
}

}  // namespace

Gate::Gate(config::Settings settings)
    : settings_(std::move(settings)),
      matcher_(settings_.apps),
      user_(orders::uid_of(settings_.actuator.user)) {}

::relinkd::Result<void> Gate::obeys(uid_t peer) const {
  if (peer == 0 || (user_ && peer == *user_)) return {};
  const std::string& user = settings_.actuator.user;
  return Error{fmt::format("uid {} may not order here: root may, and the [actuator] user {} ({})",
                           peer, user, user_ ? fmt::format("uid {}", *user_) : "there is none")};
}

::relinkd::Result<Gate::Permit> Gate::find_named(const orders::Order& order) const {
  const std::string named = printable(order.app);
  Permit permit;
  permit.app = find(settings_.apps, order.app);
  if (permit.app == nullptr) {
    return Error{fmt::format("the configuration has no app {}", named)};
  }
  permit.index = static_cast<std::size_t>(permit.app - settings_.apps.data());
  permit.endpoint = find(settings_.endpoints, order.endpoint);
  const auto& endpoints = permit.app->endpoints;
  if (permit.endpoint == nullptr ||
      std::find(endpoints.begin(), endpoints.end(), order.endpoint) == endpoints.end()) {
    return Error{fmt::format("the app {} names no endpoint {}", named, printable(order.endpoint))};
  }
  return permit;
}

bool Gate::acts(const config::App& app) const {
  return settings_.mode_of(app) == config::Mode::Act;
}

::relinkd::Result<Gate::Permit> Gate::permits(const orders::Order& order) const {
  auto found = find_named(order);
  if (!found) return found;
  found->action = find_action(*found->app, order);
  const std::string named = printable(order.app);
  if (found->action == nullptr) {
    const std::string asked = order.verb == core::RelinkVerb::DestroySockets
                                  ? std::string(core::kRelinkVerbNames[order.verb])
                                  : printable(order.action);
    return Error{fmt::format("{} is none of the actions of the app {}", asked, named)};
  }
  if (!acts(*found->app)) return Error{fmt::format("the app {} is in mode observe", named)};
  return found;
}

::relinkd::Result<Gate::Permit> Gate::permits_tuning(const orders::Order& order) const {
  auto found = find_named(order);
  if (!found || order.tuning != orders::Order::Tuning::Apply) return found;
  const std::string named = printable(order.app);
  if (!acts(*found->app)) return Error{fmt::format("the app {} is in mode observe", named)};
  if (!found->app->protect.wanted) {
    return Error{fmt::format("protect of the app {} is false", named)};
  }
  return found;
}

::relinkd::Result<std::int64_t> Gate::wanted(const std::string& key) const {
  const config::Sysctl& sysctl = settings_.sysctl;
  if (!sysctl.enforce) return Error{"enforce of [sysctl] is not true"};
  if (settings_.mode != config::Mode::Act) return Error{"the mode is observe"};
  const auto at = sysctl.want.find(key);
  if (at == sysctl.want.end()) {
    return Error{fmt::format("[sysctl.want] does not list {}", printable(key))};
  }
  return at->second;
}

std::optional<Outcome> Gate::objection(const Permit& permit, const orders::SocketName& name,
                                       const std::optional<kernel::TcpSocket>& seen,
                                       std::string_view cgroup) const {
  const auto refuse = [](std::string why) { return Outcome{Result::Refused, std::move(why)}; };
  const std::string socket =
      fmt::format("the socket {} to {}", name.local.to_string(), name.remote.to_string());
  if (!seen || seen->cookie != name.cookie || seen->local != name.local ||
      seen->remote != name.remote) {
    return Outcome{Result::Gone, socket + " is no more"};
  }
  if (!is_connection(seen->state)) {
    return refuse(fmt::format("{} is no connection (state {})", socket, seen->state));
  }
  const auto& ports = permit.endpoint->node_ports;
  if (std::find(ports.begin(), ports.end(), seen->remote.port()) == ports.end()) {
    return refuse(fmt::format("{} leads to port {}, which is none of the node_ports of {} ({})",
                              socket, seen->remote.port(), permit.endpoint->name,
                              fmt::join(ports, ", ")));
  }
  // Without a holder the kernel tells no owner, and nobody has to be told that it is dead.
  if (seen->inode == 0) return Outcome{Result::Gone, socket + " is held by no process any more"};
  const auto owner = matcher_.owner(cgroup, seen->uid, permit.endpoint->name);
  if (owner == permit.index) return std::nullopt;
  return refuse(fmt::format(
      "{} is not the app {}'s: its uid is {}, its cgroup {}, which {}", socket, permit.app->name,
      seen->uid, cgroup.empty() ? "not known" : printable(cgroup, 200),
      owner ? "is the app " + settings_.apps[*owner].name + "'s" : "is no app's"));
}

}  // namespace relinkd::actuator
