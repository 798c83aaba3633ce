// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "core/protection.hpp"

namespace relinkd::bpf {

/// A socket for the walk over the kernel's TCP sockets: only to be looked at, or to be set.
struct Wish {
  std::uint64_t cookie = 0;
  std::optional<core::SocketOptions> set;
};

/// A socket that the walk found, as it is afterwards.
struct Found {
  std::uint64_t cookie = 0;
  std::uint64_t cgroup = 0;  ///< its id; 0: none
  uid_t uid = 0;
  std::uint16_t remote_port = 0;
  core::SocketOptions now;
  int failed = 0;  ///< errno of what could not be set; 0: nothing
};

/// The programs of sockets.bpf.c in the kernel. They see the network namespace of the process that
/// loads them, and of it connections to watched ports only. Needs Linux 5.15 with BTF (bpf(2),
/// CONFIG_DEBUG_INFO_BTF), CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN. What is loaded goes with the
/// object.
class Programs {
 public:
  /// Sockets of one walk.
  static constexpr std::size_t kMostWishes = 16384;

  /// Takes some 30 ms. The Error says what is missing.
  static Result<std::unique_ptr<Programs>> load();
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  /// The remote ports that are watched from now on.
  void watch(const std::set<std::uint16_t>& ports);
  /// Begins to write records (trace/record.h) into the ring buffer, and ends it.
  Result<void> attach();
  void detach();
  /// The ring buffer's descriptor; it belongs to this object.
  [[nodiscard]] int ring() const;

  /// One walk over all TCP sockets; at most kMostWishes. Those that are gone, or lead to no watched
  /// port, are not found.
  Result<std::vector<Found>> walk(std::span<const Wish> wishes);

 private:
  struct State;
  explicit Programs(std::unique_ptr<State> state);
  Result<void> read_walk(std::vector<Found>& found);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::bpf
