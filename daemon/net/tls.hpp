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
/// connections. TLS 1.2 at least. Made once and at reloads: it reads files, which takes 170 ms for
/// the first context with a store of Debian's 140 CAs; contexts that live at the same time share
/// the store, unless its file changed. OpenSSL is not touched before the first one is made.
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
/// queue is left empty by every call. OpenSSL writes without MSG_NOSIGNAL: the program ignores
/// SIGPIPE.
class TlsSession {
 public:
  /// `server_name`: a DNS name (sent as SNI and verified) or an IP literal (verified as address);
  /// an Error if it is empty or too long.
  static Result<std::unique_ptr<TlsSession>> make(TlsContext& context, int fd,
                                                  const std::string& server_name);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// To be called again, when the socket is ready, until Done. A server that refuses the client's
  /// certificate says so here with TLS 1.2, but with TLS 1.3 only to the first read() or write().
  /// Closed if the peer closes meanwhile, which may be its limit of clients as well as TLS.
  IoResult handshake();
  /// Some bytes, at most those of one record. To be called until WantRead: what is decrypted
  /// already does not make the socket readable. Closed also without close_notify, as Redis closes;
  /// RESP itself tells a reply that was cut short.
  IoResult read(std::span<char> buffer);
  /// Possibly a part of `bytes`. After WantWrite the next call has to offer the same bytes again,
  /// from wherever in memory, and may add more behind. After a failure of the system (`error` is
  /// not 0) what the peer said before it can still be read.
  IoResult write(std::string_view bytes);
  /// Sends close_notify if that is possible without waiting.
  void shutdown();

  /// After Failed, and after Closed during the handshake: why, as a sentence piece: "certificate
  /// has expired (ended 2026-01-01 00:00 UTC)", "host name mismatch: the certificate is for
  /// a.example, not b.example", "unable to get local issuer certificate (…: set tls.ca_file)", "the
  /// peer does not speak TLS (wrong version number)", "the server asked for a client certificate:
  /// …". What comes from the peer in it is printable and bounded.
  [[nodiscard]] const std::string& failure() const;

  /// When the first of the certificates that the server sent ends; also if they were refused, or
  /// not verified at all. Nothing before the handshake got that far.
  [[nodiscard]] std::optional<WallTime> certificate_expiry() const;

 private:
  struct State;
  explicit TlsSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::net
