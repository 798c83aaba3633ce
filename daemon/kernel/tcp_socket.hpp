// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <sys/types.h>

#include "base/address.hpp"
#include "base/time.hpp"

namespace relinkd::kernel {

/// What the kernel says of a socket's traffic (struct tcp_info in linux/tcp.h). Zeros where it said
/// less. Times have steps of 1 ms, `rto` and `rtt` of 1 µs.
struct TcpFacts {
  std::uint32_t unacked_segments = 0;  ///< tcpi_unacked
  std::uint64_t bytes_acked = 0;       ///< tcpi_bytes_acked (Linux 4.1)
  std::uint32_t total_retrans = 0;     ///< tcpi_total_retrans; tail-loss probes included
  std::uint8_t retransmits = 0;        ///< tcpi_retransmits: of this episode, without those probes
  Duration since_data_sent{};          ///< tcpi_last_data_sent; retransmissions count
  Duration since_data_received{};      ///< tcpi_last_data_recv
  Duration since_ack_received{};       ///< tcpi_last_ack_recv
  Duration rto{};                      ///< tcpi_rto
  Duration rtt{};                      ///< tcpi_rtt, smoothed
  friend bool operator==(const TcpFacts&, const TcpFacts&) = default;
};

/// One TCP socket of this network namespace, as the kernel lists it (sock_diag(7)).
struct TcpSocket {
  Address local;  ///< IPv4 addresses mapped into IPv6 are told as IPv4
  Address remote;
  bool v6 = false;           ///< of the IPv6 family, though its addresses may be told as IPv4
  std::uint8_t state = 0;    ///< TCP_ESTABLISHED … of netinet/tcp.h
  uid_t uid = 0;             ///< of its owner; means nothing where `inode` is 0
  std::uint32_t inode = 0;   ///< as fstat(2) tells its holders; 0: no process holds it any more
  std::uint64_t cookie = 0;  ///< the kernel's id of the socket (SO_COOKIE), never used again
  std::uint32_t read_queue = 0, write_queue = 0;  ///< bytes: idiag_rqueue, idiag_wqueue
  std::uint8_t timer = 0;  ///< idiag_timer: 0 none, 1 retransmit, 2 keepalive, 3 TIME-WAIT, 4 probe
  Duration timer_left{};   ///< idiag_expires
  std::uint32_t interface = 0;  ///< idiag_if, which an exact look-up has to repeat
  /// The cgroup in which it was made (INET_DIAG_CGROUP_ID, Linux 5.9); it does not follow a process
  /// that moves. 0: not told (kernels without it, or no cgroup v2).
  std::uint64_t cgroup = 0;
  TcpFacts facts;
};

}  // namespace relinkd::kernel
