// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/settings.hpp"
#include "net/io.hpp"

namespace relinkd::net {

/// Trust store, client certificate and protocol settings of one endpoint; shared by its
/// connections. TLS 1.2 at least. Made once and at reloads: it reads files.
class TlsContext {
 public:
  /// The Error names the file and what is wrong with it (missing, unreadable, no PEM, key does not
  /// match the certificate).
  static Result<std::shared_ptr<TlsContext>> make(const config::Tls& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// TLS over a connected non-blocking socket, which the caller owns and outlives it. OpenSSL's error
/// queue is left empty by every call.
class TlsSession {
 public:
  /// `server_name`: a DNS name (sent as SNI and verified) or an IP literal (verified as address).
  static Result<std::unique_ptr<TlsSession>> make(TlsContext& context, int fd,
                                                  const std::string& server_name);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  IoResult handshake();
  IoResult read(std::span<char> buffer);
  IoResult write(std::string_view bytes);
  /// Sends close_notify if that is possible without waiting.
  void shutdown();

  /// After Failed: why, as a sentence piece: "certificate has expired (ended 2026-01-01)",
  /// "host name mismatch: the certificate is for a.example, not b.example", "unable to get local
  /// issuer certificate", "the peer does not speak TLS (wrong version number)", "the server asked
  /// for a client certificate".
  [[nodiscard]] const std::string& failure() const;

  /// When the first of the certificates that the server sent ends; nothing before the handshake.
  [[nodiscard]] std::optional<WallTime> certificate_expiry() const;

 private:
  struct State;
  explicit TlsSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::net
