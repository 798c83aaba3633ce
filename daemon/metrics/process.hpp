// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

namespace relinkd::metrics {

/// This process as the kernel counts it: what Prometheus' client libraries export as process_*.
/// What cannot be read (no file descriptor left to read it with) is absent.
struct ProcessNumbers {
  std::optional<double> cpu_seconds;
  std::optional<double> resident_memory_bytes;
  std::optional<double> virtual_memory_bytes;
  std::optional<double> open_fds;
  std::optional<double> max_fds;  ///< the soft limit
  std::optional<double> start_time_seconds;
};

ProcessNumbers read_process();

}  // namespace relinkd::metrics
