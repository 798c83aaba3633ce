// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct gnutls_session_int;  // gnutls/gnutls.h: what gnutls_session_t points to

namespace relinkd::metrics {

/// TLS 1.2 and 1.3, with keys that an observer cannot read later even with the server's own
/// (no RSA key exchange), in GnuTLS' notation.
inline constexpr const char* kTlsPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA";

/// What a file has in it.
struct PemText {
  std::string_view name;  ///< how people call it: "metrics.tls.key_file /etc/…"
  std::string_view text;
};

/// A server's certificate with its key, and whose certificates a client may have. GnuTLS, since
/// libmicrohttpd is built on it.
class TlsIdentity {
 public:
  /// `client_ca` null: clients need no certificate. The Error names the text that is at fault.
  static Result<std::shared_ptr<TlsIdentity>> make(const PemText& cert, const PemText& key,
                                                   const PemText* client_ca);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  /// Before its handshake: has this session show the certificate, and ask for the client's. The
  /// identity must outlive the session.
  void serve(gnutls_session_int* session) const;

  /// "has ended (2026-01-02 …)" if the certificate is not valid at this moment; empty if it is.
  [[nodiscard]] std::string validity_problem() const;

 private:
  struct State;
  explicit TlsIdentity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::metrics
