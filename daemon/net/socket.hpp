// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <sys/socket.h>

#include "base/address.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "core/evidence.hpp"
#include "loop/fd.hpp"

namespace relinkd::net {

/// An address as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
/// Precondition: a Unix path fits into sockaddr_un (the configuration checks it).
SocketAddress to_socket_address(const Address& address);

/// Descriptors that watch connections leave free, so that the metrics port, the control socket and
/// files can still be opened when the limit is reached: that is when they are needed.
inline constexpr int kReservedDescriptors = 24;

/// A non-blocking stream socket of the address' family. An Error with code EMFILE also where fewer
/// than kReservedDescriptors are left.
Result<loop::Fd> open_stream_socket(const Address& address);

/// TCP_NODELAY, SO_KEEPALIVE with its three values, and the TCP_USER_TIMEOUT that agrees with them
/// (idle + interval × count; RFC 5482, tcp(7)). Without `keepalive` only TCP_NODELAY: such a
/// connection lives as one of an application with defaults. Nothing for Unix sockets.
void apply_tcp_options(int fd, const Address& address,
                       const std::optional<config::Keepalive>& keepalive);

/// Makes close() send an RST instead of leaving data to be retransmitted by nobody's socket.
void abort_on_close(int fd);

/// TCP_INFO and SIOCOUTQ; zeros for other sockets.
core::TcpSample sample_tcp(int fd);

/// Retransmissions of the SYN of a socket that is connecting.
std::uint32_t syn_retransmissions(int fd);

/// What an errno of a connection means for its end.
core::Ending ending_of(int error);
/// What an errno of connect() means; `immediate`: connect() itself returned it.
core::DialFailure dial_failure_of(int error, bool immediate);

}  // namespace relinkd::net
