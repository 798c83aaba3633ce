// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "core/cause.hpp"

namespace relinkd::core {

/// What the kernel says of a TCP connection (TCP_INFO in linux/tcp.h, SIOCOUTQ in tcp(7)).
struct TcpSample {
  std::uint32_t unacked_bytes = 0;  ///< SIOCOUTQ: in the send queue, sent and unsent
  std::uint32_t total_retrans = 0;  ///< tcpi_total_retrans, tail-loss probes included
  std::uint32_t data_segs_out = 0;  ///< tcpi_data_segs_out
  Duration rtt{};                   ///< tcpi_rtt
};

/// What this host says of its own way to a node (rtnetlink(7)).
enum class LocalPath : std::uint8_t {
  Usable,    ///< a route, out of an interface that runs; or not asked
  NoRoute,   ///< no route, or one that refuses
  LinkDown,  ///< the interface is down or has no carrier
};

constexpr std::string_view describe(LocalPath path) {
  switch (path) {
    case LocalPath::NoRoute: return "this host has no route to the node";
    case LocalPath::LinkDown: return "the link towards the node is down";
    case LocalPath::Usable: break;
  }
  return "this host has a way to the node";
}

/// A reply of the server, as far as diagnosis tells replies apart.
enum class ReplyKind : std::uint8_t {
  Pong,
  NoAuth,
  NoPerm,
  Loading,
  Busy,
  MasterDown,
  MaxClients,
  OtherError,  ///< some other error: still proof of path and process
};

/// What became of an attempt to connect.
struct DialFailure {
  ConnectResult result = ConnectResult::Timeout;
  std::string detail;            ///< "connection refused", OpenSSL's reason, …
  bool name_failing = false;     ///< the name did not resolve; remembered addresses were tried
  bool tcp_established = false;  ///< with Timeout: the kernel answered, the process did not
};

/// How an established connection ended.
struct Ending {
  enum class How : std::uint8_t {
    Fin,          ///< orderly, by the peer
    Rst,          ///< ECONNRESET, EPIPE
    TimedOut,     ///< ETIMEDOUT: one of the kernel's three time-outs
    Unreachable,  ///< EHOSTUNREACH, ENETUNREACH by ICMP or a failed neighbour
    LocalError,   ///< any other errno
    Tls,          ///< the record layer failed
    NotTls,       ///< a TLS record came on a connection without TLS
    Protocol,     ///< what came is not RESP
    Auth,         ///< the reply to AUTH or HELLO was an error
  };
  How how = How::Fin;
  std::string detail;
};

/// What a witness found out: a fresh connection, opened to tell a dead flow from a dead node.
enum class WitnessResult : std::uint8_t {
  Connected,    ///< SYN-ACK: the path is alive
  Answered,     ///< a RESP reply: the process is, too
  Refused,      ///< RST to the SYN
  Unreachable,  ///< ICMP
  LocalFault,   ///< no descriptor, port or route
  Failed,       ///< anything else; proves nothing
};

}  // namespace relinkd::core
