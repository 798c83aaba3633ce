// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "loop/fd.hpp"
#include "trace/record.h"

namespace relinkd::trace {

/// The reading end of the ring buffer into which the kernel's programs write. It is mapped from a
/// descriptor alone, without bpf(2), so that it needs no privilege. Layout and order of accesses:
/// Documentation/bpf/ringbuf.rst and include/uapi/linux/bpf.h of Linux.
class Ring {
 public:
  /// `fd`: of a ring buffer of `size` bytes. The Error: it is none.
  static Result<std::unique_ptr<Ring>> map(loop::Fd fd, std::size_t size = RELINKD_RING_SIZE);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Readable (EPOLLIN) as long as there are records.
  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Hands over up to `most` records, in the order of their reservation in the kernel. Returns how
  /// many. What has another length than a record is passed over.
  std::size_t drain(std::size_t most, const std::function<void(const relinkd_record&)>& take);

 private:
  Ring(loop::Fd fd, std::size_t size, void* consumer, const void* producer);

  loop::Fd fd_;
  std::size_t size_;
  void* consumer_;        ///< a page: how far it was read, written by this process
  const void* producer_;  ///< a page: how far it was written; then the data, twice in a row
};

}  // namespace relinkd::trace
