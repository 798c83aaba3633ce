// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "kernel/sockets.hpp"

namespace relinkd::kernel {

/// The message that asks for the TCP sockets of `family` (AF_INET or AF_INET6) whose remote end is
/// one of `remotes`, in the states that SocketLister lists (sock_diag(7), linux/inet_diag.h).
/// `remotes` are IP addresses sorted by their ports, SocketLister::kMaxRemotes at most and one at
/// least; IPv6 ones only for AF_INET6, whose sockets may be to IPv4 addresses as well.
std::string dump_request(std::uint8_t family, std::span<const Address> remotes,
                         std::uint32_t sequence);

/// Reads one datagram of the answer to the request with that sequence number and appends its
/// sockets. True when the answer is complete. Messages with other numbers are passed over. An
/// Error with the kernel's errno if it refuses; with code EINTR where it says that its list
/// changed under its hands (NLM_F_DUMP_INTR): ask again; with EPROTO if the datagram is malformed.
Result<bool> read_dump(std::span<const char> datagram, std::uint32_t sequence,
                       std::vector<TcpSocket>& sockets);

}  // namespace relinkd::kernel
