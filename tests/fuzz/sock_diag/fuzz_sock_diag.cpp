// SPDX-License-Identifier: Apache-2.0
// The input is one datagram of an answer to the request with number 7.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include "kernel/sock_diag.hpp"

namespace {

using relinkd::kernel::TcpSocket;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string datagram(data, data + size);
  std::vector<TcpSocket> sockets;
  const auto complete = relinkd::kernel::read_answer(datagram, 7, sockets);
  require(sockets.size() <= size / (NLMSG_HDRLEN + sizeof(inet_diag_msg)));
  require(complete || complete.error().code != 0);
  // What is told of a socket can be asked for again.
  for (const TcpSocket& socket : sockets) {
    require(!socket.local.is_unix() && !socket.remote.is_unix());
    require(relinkd::kernel::find_request(socket).size() == NLMSG_LENGTH(sizeof(inet_diag_req_v2)));
  }
  return 0;
}
