// SPDX-License-Identifier: Apache-2.0
#include "metrics/tls.hpp"

#include <utility>

#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/time.hpp"
#include "loop/loop.hpp"

namespace relinkd::metrics {

namespace {

/// A client's whole chain fits; GnuTLS would hold 128 KB of any message.
constexpr std::size_t kMaxHandshakeMessage = 32'768;

gnutls_datum_t datum(std::string_view text) {
  // GnuTLS only reads, but says so nowhere.
  auto* bytes = const_cast<char*>(text.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return {reinterpret_cast<unsigned char*>(bytes), static_cast<unsigned>(text.size())};
}

Error failed(const PemText& file, std::string_view what, int code) {
  return Error{fmt::format("{} {} ({})", file.name, what, gnutls_strerror(code))};
}

template <auto function>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    function(pointer);
  }
};
using CredentialsPtr =
    std::unique_ptr<gnutls_certificate_credentials_st, Free<gnutls_certificate_free_credentials>>;
using CertificatePtr = std::unique_ptr<gnutls_x509_crt_int, Free<gnutls_x509_crt_deinit>>;
using KeyPtr = std::unique_ptr<gnutls_x509_privkey_int, Free<gnutls_x509_privkey_deinit>>;

/// In the handshake, of the client's certificate. A refusal is told to the client: libmicrohttpd
/// closes without a word.
int verify_client(gnutls_session_t session) {
  gnutls_typed_vdata_st purpose{};
  purpose.type = GNUTLS_DT_KEY_PURPOSE_OID;
  purpose.data = reinterpret_cast<unsigned char*>(const_cast<char*>(  // NOLINT: it only reads
      GNUTLS_KP_TLS_WWW_CLIENT));
  unsigned status = 0;
  const int done = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
  if (done == GNUTLS_E_SUCCESS && status == 0) return 0;
  gnutls_alert_description_t alert = GNUTLS_A_BAD_CERTIFICATE;
  if (done == GNUTLS_E_NO_CERTIFICATE_FOUND) {
    alert = gnutls_protocol_get_version(session) == GNUTLS_TLS1_2 ? GNUTLS_A_HANDSHAKE_FAILURE
                                                                  : GNUTLS_A_CERTIFICATE_REQUIRED;
  } else if ((status & GNUTLS_CERT_EXPIRED) != 0) {
    alert = GNUTLS_A_CERTIFICATE_EXPIRED;
  } else if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0) {
    alert = GNUTLS_A_UNKNOWN_CA;
  }
  gnutls_alert_send(session, GNUTLS_AL_FATAL, alert);
  return GNUTLS_E_CERTIFICATE_ERROR;
}

}  // namespace

struct TlsIdentity::State {
  CredentialsPtr credentials;
  CertificatePtr certificate;
  bool asks_clients = false;
};

TlsIdentity::TlsIdentity(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::make(const PemText& cert, const PemText& key,
                                                       const PemText* client_ca) {
  auto state = std::make_unique<State>();
  gnutls_certificate_credentials_t credentials = nullptr;
  if (const int code = gnutls_certificate_allocate_credentials(&credentials); code < 0) {
    return failed(cert, "cannot set up TLS", code);
  }
  state->credentials.reset(credentials);

  gnutls_x509_crt_t first = nullptr;
  gnutls_x509_crt_init(&first);
  state->certificate.reset(first);
  const gnutls_datum_t cert_text = datum(cert.text);
  if (const int code = gnutls_x509_crt_import(first, &cert_text, GNUTLS_X509_FMT_PEM); code < 0) {
    return failed(cert, "has no certificate in PEM form", code);
  }
  gnutls_x509_privkey_t private_key = nullptr;
  gnutls_x509_privkey_init(&private_key);
  const KeyPtr owned(private_key);
  const gnutls_datum_t key_text = datum(key.text);
  const int imported =
      gnutls_x509_privkey_import2(private_key, &key_text, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (imported == GNUTLS_E_DECRYPTION_FAILED) {
    return Error{
        fmt::format("{} has a passphrase, which nobody is there to type; write the key "
                    "without one (openssl pkey), readable for relinkd alone",
                    key.name)};
  }
  if (imported < 0) return failed(key, "has no private key in PEM form", imported);
  const int set = gnutls_certificate_set_x509_key_mem2(credentials, &cert_text, &key_text,
                                                       GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (set == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
    return Error{
        fmt::format("{} does not belong to the first certificate of {}", key.name, cert.name)};
  }
  if (set < 0) return failed(cert, fmt::format("cannot be used with {}", key.name), set);
  if (client_ca != nullptr) {
    const gnutls_datum_t ca_text = datum(client_ca->text);
    const int count =
        gnutls_certificate_set_x509_trust_mem(credentials, &ca_text, GNUTLS_X509_FMT_PEM);
    if (count <= 0) return failed(*client_ca, "has no certificate in PEM form", count);
    state->asks_clients = true;
  }
  return std::shared_ptr<TlsIdentity>(new TlsIdentity(std::move(state)));
}

void TlsIdentity::serve(gnutls_session_int* session) const {
  gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, state_->credentials.get());
  gnutls_handshake_set_max_packet_length(session, kMaxHandshakeMessage);
  if (!state_->asks_clients) return;
  // Asked for and not required: GnuTLS calls verify_client() where none came, too.
  gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
  gnutls_session_set_verify_function(session, verify_client);
}

std::string TlsIdentity::validity_problem() const {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(loop::Loop::wall().time_since_epoch())
          .count();
  const auto at = [](time_t t) { return to_iso8601(WallTime(std::chrono::seconds(t))); };
  const time_t begin = gnutls_x509_crt_get_activation_time(state_->certificate.get());
  const time_t end = gnutls_x509_crt_get_expiration_time(state_->certificate.get());
  if (seconds < begin) return fmt::format("begins only at {}", at(begin));
  if (seconds >= end) return fmt::format("has ended at {}", at(end));
  return {};
}

}  // namespace relinkd::metrics
