// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/time.hpp"

namespace relinkd::core {

/// What the kernel tells at once of a connection of an app: it was opened, was not, ended, or
/// repeated data. Of each connection that was opened there is one Ended, when it leaves
/// ESTABLISHED: what comes after (LAST-ACK, TIME-WAIT) has no news.
struct SocketEvent {
  enum class Kind : std::uint8_t {
    Connected,
    ConnectFailed,
    Ended,
    Retransmitted,  ///< a segment, a SYN or a tail-loss probe
  };
  /// The process that ran at this moment. Only what a process did itself is its doing: of a timer
  /// or a packet it is nobody's.
  struct Task {
    int pid = 0;
    std::string name;      ///< as in /proc/PID/comm, printable
    bool exiting = false;  ///< it ended, and its sockets were closed for it
    int signal = 0;        ///< that ended it; 0: none
    friend bool operator==(const Task&, const Task&) = default;
  };

  Kind kind = Kind::Ended;
  MonoTime at{};
  std::uint64_t cookie = 0;
  Address local, remote;
  std::uint64_t cgroup = 0;  ///< as in kernel::TcpSocket
  std::uint32_t uid = 0;
  std::uint8_t state = 0;  ///< entered: TCP_CLOSE, TCP_CLOSE_WAIT, TCP_FIN_WAIT1 of netinet/tcp.h
  int error = 0;       ///< that the app will find on it (sk_err): ETIMEDOUT, ECONNRESET …; or 0
  int soft_error = 0;  ///< of an ICMP message that did not end it by itself (sk_err_soft)
  Task task;
  /// Since it was opened, or was begun to be opened. Nothing: before relinkd looked.
  std::optional<Duration> age;
  Duration since_sent{};      ///< the last data
  Duration since_received{};  ///< the last data; since it was opened where there were none
  Duration since_ack{};       ///< any segment with an ACK
  std::uint64_t bytes_acked = 0;
  std::uint64_t bytes_received = 0;
  std::uint32_t unacked_bytes = 0;  ///< sent, and not acknowledged
  std::uint32_t unsent_bytes = 0;   ///< written by the app, and not sent yet
  std::uint32_t unread_bytes = 0;   ///< received, and not read by the app
  std::uint32_t retransmits = 0;    ///< of the episode under way
  std::uint32_t total_retrans = 0;
  std::uint32_t probes_out = 0;  ///< keepalive or zero-window probes that nobody has answered
  Duration rtt{};                ///< smoothed
  Duration user_timeout{};       ///< TCP_USER_TIMEOUT; 0: none
  bool keepalive = false;        ///< SO_KEEPALIVE
  friend bool operator==(const SocketEvent&, const SocketEvent&) = default;
};

}  // namespace relinkd::core
