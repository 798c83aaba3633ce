// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "loop/loop.hpp"
#include "net/dial.hpp"

namespace relinkd::watch {

/// Finds out whether a port speaks TLS, where a connection without it was closed before any answer:
/// Redis with TLS resets such a connection without a word.
class TlsCheck : public net::Dial::Listener {
 public:
  /// Reports once, within `limit`, never from within the constructor. The owner parts with it by
  /// cancel() and Loop::retire().
  TlsCheck(loop::Loop& loop, const Address& address, Duration limit,
           std::function<void(bool speaks_tls)> report);
  ~TlsCheck() override;
  TlsCheck(const TlsCheck&) = delete;
  TlsCheck& operator=(const TlsCheck&) = delete;

  void cancel();

 private:
  void on_dialed(net::Dial::Success success) override;
  void on_dial_failed(core::DialFailure failure) override;
  void on_dial_unanswered(const Address&) override {}
  void report(bool speaks_tls);

  loop::Loop& loop_;
  std::function<void(bool)> report_;
  std::unique_ptr<net::Dial> dial_;
};

inline constexpr const char* kPortSpeaksTls = "the port speaks TLS: use rediss://";

}  // namespace relinkd::watch
