// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace relinkd::net {

/// How a non-blocking operation on a stream went.
enum class IoStatus : std::uint8_t {
  Done,       ///< bytes moved, or the handshake is complete
  WantRead,   ///< try again when readable
  WantWrite,  ///< try again when writable
  Closed,     ///< the peer closed (FIN, or TLS close_notify)
  Failed,     ///< see the errno or the stream's failure()
};

struct IoResult {
  IoStatus status = IoStatus::Done;
  std::size_t bytes = 0;  ///< moved, with Done
  int error = 0;          ///< errno with Failed, 0 if the failure is TLS's own
};

}  // namespace relinkd::net
