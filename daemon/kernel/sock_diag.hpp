// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "kernel/tcp_socket.hpp"

namespace relinkd::kernel {

// The messages of sock_diag(7) for TCP (linux/inet_diag.h), without a socket. The sequence number
// of a request is 0; set_sequence() gives it one.

/// Asks for the TCP sockets of both families whose remote end is one of `remotes`, in the states
/// that SocketLister lists. `remotes` are IP addresses sorted by their ports,
/// SocketLister::kMaxRemotes at most and one at least.
std::string dump_request(std::span<const Address> remotes);

/// Asks for this very socket: the kernel compares both addresses, the interface and the cookie.
std::string find_request(const TcpSocket& socket);

/// Has the kernel destroy this very socket, compared in the same way, and say that it did.
std::string destroy_request(const TcpSocket& socket);

/// Asks for nothing, but in a way that the kernel allows to those only who may destroy sockets: a
/// filter by fwmark needs CAP_NET_ADMIN (INET_DIAG_BC_MARK_COND, Linux 4.9).
std::string privileged_request();

void set_sequence(std::string& request, std::uint32_t sequence);

/// Whether a process may hold a socket in this state, or could a minute ago: what SocketLister
/// lists.
bool is_listed_state(std::uint8_t state);

enum class OneSocket : std::uint8_t { Ask, Destroy };
/// The message that asks for this socket as it is now, or for its end: both addresses, interface
/// and cookie have to agree. The answer to Ask is the socket's message, or an errno (ENOENT);
/// that to Destroy an errno, 0 if it was done.
std::string one_request(OneSocket what, const TcpSocket& socket, std::uint32_t sequence);

/// Reads one datagram of the answer to the request with that sequence number and appends its
/// sockets. True when the answer is complete. Messages with other numbers are passed over. An
/// Error with the kernel's errno if it refuses (ENOENT: there is no such socket); with code EINTR
/// where it says that its list changed under its hands (NLM_F_DUMP_INTR): ask again; with EPROTO if
/// the datagram is malformed.
Result<bool> read_answer(std::span<const char> datagram, std::uint32_t sequence,
                         std::vector<TcpSocket>& sockets);

}  // namespace relinkd::kernel
