// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/address.hpp"
#include "kernel/sockets.hpp"
#include "loop/loop.hpp"

namespace relinkd::watch {

/// Counts the connections of this host's other processes to addresses that somebody is interested
/// in: one look at the kernel's list for all of them, every kInterval, and none while nobody is.
class SocketCensus {
 public:
  static constexpr Duration kInterval = 5s;
  /// Must not make or destroy an Interest.
  using Counted = std::function<void(std::uint64_t)>;

  explicit SocketCensus(loop::Loop& loop);
  ~SocketCensus();
  SocketCensus(const SocketCensus&) = delete;
  SocketCensus& operator=(const SocketCensus&) = delete;

  /// Destroying it ends the counting. It must not outlive the census.
  class Interest {
   public:
    Interest(SocketCensus& census, const Address& address, Counted counted);
    ~Interest();
    Interest(const Interest&) = delete;
    Interest& operator=(const Interest&) = delete;

   private:
    friend class SocketCensus;
    SocketCensus& census_;
    Address address_;
    Counted counted_;
  };

 private:
  void count();

  loop::Loop& loop_;
  std::optional<kernel::SocketLister> lister_;
  std::multimap<Address, Interest*> interests_;
  loop::Deadline next_;
};

}  // namespace relinkd::watch
