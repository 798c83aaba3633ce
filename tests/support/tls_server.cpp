// SPDX-License-Identifier: Apache-2.0
#include "tls_server.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <openssl/ssl.h>
#include <unistd.h>

namespace relinkd::testing {

namespace {

SSL_CTX* make_context(const TlsServerSettings& settings) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  const auto& [cert_file, key_file] = settings.certificate;
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    (void)std::fprintf(stderr, "TLS server: cannot load %s\n", cert_file.c_str());
    _exit(1);
  }
  using Version = TlsServerSettings::Version;
  if (settings.version != Version::Any) {
    const int version = settings.version == Version::Only11   ? TLS1_1_VERSION
                        : settings.version == Version::Only12 ? TLS1_2_VERSION
                                                              : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
  }
  if (!settings.ciphers.empty()) SSL_CTX_set_cipher_list(context, settings.ciphers.c_str());
  if (!settings.client_ca_file.empty()) {
    SSL_CTX_load_verify_file(context, settings.client_ca_file.c_str());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

std::string greeting(SSL* ssl) {
  const char* sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::array<char, 64> client{'-'};
  if (const X509* certificate = SSL_get0_peer_certificate(ssl); certificate != nullptr) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, client.data(),
                              client.size());
  }
  return std::string("sni=") + (sni != nullptr ? sni : "-") + " client=" + client.data() + " " +
         SSL_get_version(ssl) + "\n";
}

}  // namespace

std::function<void(int)> tls_server(const TlsServerSettings& settings) {
  return [settings](int fd) {
    static SSL_CTX* const context = make_context(settings);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
      const std::string hello = greeting(ssl);
      SSL_write(ssl, hello.data(), static_cast<int>(hello.size()));
      std::array<char, 65536> buffer;
      for (;;) {
        const int n = SSL_read(ssl, buffer.data(), buffer.size());
        if (n <= 0) break;
        const std::string got(buffer.data(), static_cast<std::size_t>(n));
        if (got == "notify\n") SSL_shutdown(ssl);
        if (got == "notify\n" || got == "close\n") break;
        if (SSL_write(ssl, got.data(), n) <= 0) break;
      }
    }
    SSL_free(ssl);
  };
}

std::function<void(int)> tls_half_handshake(const TlsServerSettings& settings) {
  return [settings](int fd) {
    SSL* ssl = SSL_new(make_context(settings));
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, out);
    std::array<char, 65536> buffer;
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    BIO_write(in, buffer.data(), static_cast<int>(n));
    SSL_accept(ssl);
    const int flight = BIO_read(out, buffer.data(), buffer.size());
    if (write(fd, buffer.data(), static_cast<std::size_t>(flight / 2)) > 0) {
      for (;;) pause();
    }
  };
}

}  // namespace relinkd::testing
