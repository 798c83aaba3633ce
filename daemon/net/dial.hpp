// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "config/settings.hpp"
#include "core/evidence.hpp"
#include "loop/fd.hpp"
#include "loop/loop.hpp"
#include "net/stream.hpp"

namespace relinkd::net {

struct DialTarget {
  std::vector<Address> addresses;              ///< in the order to try; not empty
  Duration connect_timeout = 5s;               ///< for the whole of it, TLS included
  std::optional<config::Keepalive> keepalive;  ///< see apply_tcp_options()
  std::shared_ptr<TlsContext> tls;             ///< null: plain
  std::string server_name;                     ///< for TLS
};

/// An attempt to connect to one of several addresses: the next is tried as soon as one fails, and
/// beside it when it has not answered for 250 ms (RFC 8305, section 5); the first whose TCP
/// handshake completes is taken, TLS follows on it. A TLS handshake that stays unanswered is
/// checked against the likeliest mistake, a port that speaks Redis without TLS: such a server waits
/// for the end of a line in silence. Where all fail, the failure that tells most is reported: an
/// answer (refused) before silence, silence before this host's own lack of a route.
class Dial {
 public:
  struct Success {
    Stream stream;
    Address address;
    Duration rtt{};  ///< of the TCP handshake
    /// Why an address that was tried before was passed over.
    std::optional<core::DialFailure> passed_over;
  };
  class Listener {
   public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    virtual ~Listener() = default;
    /// The end of the attempt; each comes once, never from within the constructor. The listener
    /// parts with the Dial by Loop::retire().
    virtual void on_dialed(Success success) = 0;
    virtual void on_dial_failed(core::DialFailure failure) = 0;
    /// Three SYNs to each address tried so far are unanswered. The attempt goes on.
    virtual void on_dial_unanswered(const Address& address) = 0;
  };

  Dial(loop::Loop& loop, DialTarget target, Listener& listener);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  /// No more calls to the listener; what is under way is given up.
  void cancel();

 private:
  struct Attempt;
  void step();
  void start_next();
  void check_connect(Attempt& attempt);
  void continue_handshake();
  void check_plain();
  void on_plain_ready(std::uint32_t events);
  void remember(core::DialFailure failure);
  void finish(core::DialFailure failure);

  loop::Loop& loop_;
  DialTarget target_;
  Listener* listener_;
  MonoTime started_;
  MonoTime next_start_;
  std::size_t next_address_ = 0;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  Attempt* winner_ = nullptr;  ///< TCP is established
  bool secured_ = false;       ///< and so is TLS
  loop::Fd plain_;             ///< a second connection, without TLS, while the handshake is silent
  std::unique_ptr<loop::FdWatch> plain_watch_;
  std::optional<core::DialFailure> failure_;
  bool told_unanswered_ = false;
  loop::Deadline deadline_;
};

}  // namespace relinkd::net
