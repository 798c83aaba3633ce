// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "kernel/tcp_socket.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

/// A conversation with the kernel about TCP sockets, one request of sock_diag.hpp at a time. It
/// answers at once, within the calls. Concerns the network namespace in which this was opened.
class DiagSocket {
 public:
  static Result<DiagSocket> open();

  /// Sends `request` and appends the sockets of its answer. An Error with the kernel's errno if it
  /// refuses, or with EOVERFLOW if `sockets` holds more than `most` then. Does not ask twice.
  Result<void> ask(std::string request, std::size_t most, std::vector<TcpSocket>& sockets);

 private:
  explicit DiagSocket(loop::Fd fd) : fd_(std::move(fd)) {}
  Result<void> converse(std::string request, std::size_t most, std::vector<TcpSocket>& sockets);

  loop::Fd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace relinkd::kernel
