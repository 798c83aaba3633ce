// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "core/evidence.hpp"
#include "loop/fd.hpp"

namespace relinkd::kernel {

/// Asks the kernel (rtnetlink(7): RTM_GETROUTE, RTM_GETLINK) whether this host has a way to an
/// address: a route, out of an interface that is up and has a carrier. Needs no privilege. Answers
/// at once: the kernel replies within the send call. Opened at start, so that it still works when
/// descriptors have run out.
class RouteProbe {
 public:
  static Result<RouteProbe> open();

  /// Usable where the kernel does not answer: no evidence of a fault is no fault. Unix sockets and
  /// this host's own addresses are always usable.
  core::LocalPath local_path(const Address& address);

 private:
  explicit RouteProbe(loop::Fd fd) : fd_(std::move(fd)) {}
  loop::Fd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace relinkd::kernel
