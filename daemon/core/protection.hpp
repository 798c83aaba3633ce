// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace relinkd::core {

/// How the kernel looks after a connection: SO_KEEPALIVE of socket(7), TCP_KEEPIDLE, TCP_KEEPINTVL,
/// TCP_KEEPCNT and TCP_USER_TIMEOUT of tcp(7). Where the socket has no value of its own, the
/// sysctls' net.ipv4.tcp_keepalive_* stand here.
struct SocketOptions {
  bool keepalive = false;
  Duration idle{};          ///< until the first probe; whole seconds
  Duration interval{};      ///< between probes; whole seconds
  int count = 0;            ///< unanswered probes
  Duration user_timeout{};  ///< of data in flight, and of probes; whole milliseconds; 0: none
  friend bool operator==(const SocketOptions&, const SocketOptions&) = default;
};

/// The options that make a socket at least as strict as `wanted` and loosen nothing of what it has:
/// of each value the smaller one, keepalive on. The user timeout is smaller still where a flow that
/// dies while idle would otherwise be noticed later than with either: the kernel counts no probes
/// where there is one, so that wanting 90 s would undo an app's own keepalive of 8 s.
SocketOptions protect(const SocketOptions& now, const SocketOptions& wanted);

/// What may be wanted where the kernel itself gives up after `give_up` by tcp_retries2 (0: not
/// known): a user timeout takes the place of that, and a longer one would loosen it.
SocketOptions no_later_than(SocketOptions wanted, Duration give_up);

/// How long a flow that dies while nothing is sent stays unnoticed: until a keepalive probe is due
/// and `count` went unanswered, or, with a user timeout, until one is due that finds it over
/// (tcp_keepalive_timer in net/ipv4/tcp_timer.c). Nothing: for ever.
std::optional<Duration> noticed_when_idle(const SocketOptions& options);

/// The same where data are in flight: the user timeout, be it shorter or longer, else `give_up`,
/// the kernel's time by tcp_retries2 (tcp_write_timeout in the same file).
Duration noticed_in_flight(const SocketOptions& options, Duration give_up);

/// Within what a flow that died has to be noticed for its socket to count as looked after. Many
/// clients turn keepalive on and leave the kernel's two hours.
inline constexpr Duration kSoonEnough = 1min;

/// Such a flow is noticed within kSoonEnough.
bool looked_after(const SocketOptions& options);

/// What is done with the options of live sockets.
enum class Tuning : std::uint8_t {
  Look,    ///< only tell them
  Apply,   ///< and make them as strict as the configuration has it for the app
  Revert,  ///< and put back what Apply changed
};

/// A live socket, as it is after that.
struct TunedSocket {
  std::uint64_t cookie = 0;
  SocketOptions now;
  std::optional<SocketOptions> before;  ///< what Apply found, where it changed anything
  friend bool operator==(const TunedSocket&, const TunedSocket&) = default;
};

}  // namespace relinkd::core
