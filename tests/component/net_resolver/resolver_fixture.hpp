// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "net/resolver.hpp"
#include "support/dns_server.hpp"
#include "support/loop_test.hpp"

namespace relinkd::testing {

/// A resolver whose resolv.conf belongs to the test and names a DNS server on 127.0.0.1.
class ResolverTest : public LoopTest {
 protected:
  using Type = DnsServer::Type;
  using Manner = DnsServer::Manner;

  ResolverTest() {
    path_ = "/tmp/resolv-XXXXXX";
    close(mkstemp(path_.data()));
    write_resolv_conf("nameserver 127.0.0.1\n");
    resolver_ = std::make_unique<net::Resolver>(loop(), path_);
  }
  ~ResolverTest() override { unlink(path_.c_str()); }

  void write_resolv_conf(const std::string& text) { std::ofstream(path_) << text; }

  /// Asks, and keeps the question until the fixture goes.
  void ask(const std::string& host, net::Resolver::Callback callback, std::uint16_t port = 6379) {
    queries_.push_back(resolver_->resolve(host, port, std::move(callback)));
  }

  /// Asks and runs the loop until the answer is there.
  Result<net::Answer> resolve(const std::string& host, std::uint16_t port = 6379) {
    std::optional<Result<net::Answer>> got;
    ask(
        host,
        [&](Result<net::Answer> result) {
          got = std::move(result);
          done();
        },
        port);
    run();
    return got ? *got : Error{"no answer came"};
  }

  static std::vector<std::string> texts(const net::Answer& answer) {
    std::vector<std::string> out;
    for (const Address& address : answer.addresses) out.push_back(address.to_string());
    return out;
  }

  std::string path_;
  std::unique_ptr<net::Resolver> resolver_;
  std::vector<std::unique_ptr<net::Resolver::Query>> queries_;
};

}  // namespace relinkd::testing
