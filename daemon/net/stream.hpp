// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "loop/fd.hpp"
#include "net/io.hpp"
#include "net/tls.hpp"

namespace relinkd::net {

/// A connected non-blocking stream, plain or TLS (after its handshake).
class Stream {
 public:
  Stream() = default;
  explicit Stream(loop::Fd fd, std::unique_ptr<TlsSession> tls = nullptr)
      : fd_(std::move(fd)), tls_(std::move(tls)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] TlsSession* tls() const { return tls_.get(); }

  IoResult read(std::span<char> buffer);
  IoResult write(std::string_view bytes);

  /// Closes: in order (close_notify, FIN), or with an RST.
  void close(bool abort);

 private:
  // Order matters: the session refers to the descriptor and goes first.
  loop::Fd fd_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace relinkd::net
