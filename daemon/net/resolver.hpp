// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "loop/loop.hpp"

namespace relinkd::net {

/// What a name resolves to: at least one address, IPv6 and IPv4, in the order in which they should
/// be tried, without duplicates; at most 64.
struct Answer {
  std::vector<Address> addresses;
  /// The smallest TTL among the addresses and every CNAME on the way to them, 1 s to 60 s: managed
  /// endpoints move by CNAME, and a TTL of 0 must not make a busy loop. Names from /etc/hosts: 60
  /// s.
  Duration ttl{};
};

/// Names to addresses by c-ares, on the loop, never blocking it: 2 tries for each server, 1 s for
/// the first and 2 s for the second. 128 questions are under way at once, others wait for their
/// turn. /etc/hosts, search domains and ndots are honoured, nsswitch.conf is not. Reads resolv.conf
/// anew when it changed. An answer that is too long for UDP comes by TCP, and c-ares writes that
/// without MSG_NOSIGNAL: the program ignores SIGPIPE.
class Resolver {
 public:
  using Callback = std::function<void(Result<Answer>)>;

  /// `resolv_conf`: the file to read servers from; the system's where it is empty. Without it the
  /// server is 127.0.0.1, as for the C library.
  explicit Resolver(loop::Loop& loop, std::string resolv_conf = {});
  /// Cancels all questions.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// A question under way. Destroying it cancels: the callback is not called any more.
  class Query {
   public:
    Query() = default;
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    virtual ~Query() = default;
  };

  /// Asks for the addresses of `host`, each with `port`. The callback comes once, never from
  /// within this call; it may destroy the Query, ask again, and destroy the Resolver. The Error is
  /// a sentence ("no such name", "no DNS server answered"); it has a code if this host is at fault:
  /// EMFILE, ENFILE, ENOBUFS, ENOMEM, or that of an unreadable resolv.conf. An IP literal is its
  /// own answer, good for 60 s.
  std::unique_ptr<Query> resolve(const std::string& host, std::uint16_t port, Callback callback);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace relinkd::net
