// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loop/fd.hpp"
#include "loop/loop.hpp"

namespace relinkd::testing {

/// A small DNS server on the loop of the test: UDP and TCP on port 53 of one address. It answers
/// from the records it was given, follows CNAMEs, and misbehaves as told, name by name.
class DnsServer {
 public:
  enum class Type : std::uint16_t { A = 1, Cname = 5, Aaaa = 28 };
  enum class Manner : std::uint8_t {
    Answer,
    Silent,     ///< no answer at all
    Garbage,    ///< at first bytes that are no answer to the question, and the answer behind them
    Truncated,  ///< by UDP an empty answer marked as truncated, by TCP the answer
    ServFail,
    Refused,
  };
  struct Asked {
    std::string name;
    Type type;
    bool tcp;
  };

  /// Throws std::system_error if the port cannot be taken.
  explicit DnsServer(loop::Loop& loop, const std::string& ip = "127.0.0.1");
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer();

  /// One more record; `value` is an address or, for a CNAME, a name. Names are in lower case.
  void add(const std::string& name, Type type, std::uint32_t ttl, const std::string& value);
  /// A name that exists without any address.
  void add_without_records(const std::string& name) { zone_[name]; }
  void set_manner(const std::string& name, Manner manner) { manners_[name] = manner; }

  /// What was asked so far, in order.
  [[nodiscard]] const std::vector<Asked>& asked() const { return asked_; }

 private:
  struct Record {
    Type type;
    std::uint32_t ttl;
    std::string data;  ///< as on the wire
    std::string target;
  };
  struct Connection;

  [[nodiscard]] std::vector<std::string> replies(std::string_view query, bool tcp);
  [[nodiscard]] std::string answer(std::string_view query, const std::string& name,
                                   Type type) const;
  void serve_udp();
  void accept_tcp();
  void serve_tcp(int fd);

  loop::Loop& loop_;
  loop::Fd udp_;
  loop::Fd tcp_;
  std::map<std::string, std::vector<Record>> zone_;
  std::map<std::string, Manner> manners_;
  std::vector<Asked> asked_;
  std::map<int, std::unique_ptr<Connection>> connections_;
  std::unique_ptr<loop::FdWatch> udp_watch_;
  std::unique_ptr<loop::FdWatch> tcp_watch_;
};

}  // namespace relinkd::testing
