// SPDX-License-Identifier: Apache-2.0
#include "net/tls.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/address.hpp"
#include "base/file_version.hpp"
#include "base/text.hpp"
#include "loop/fd.hpp"
#include "net/certificate.hpp"

namespace relinkd::net {

namespace {

template <auto function>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    function(pointer);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using StorePtr = std::shared_ptr<X509_STORE>;

/// Nothing of a call stays in OpenSSL's error queue, where the next call would find it.
class ErrorQueue {
 public:
  ErrorQueue() { ERR_clear_error(); }
  ~ErrorQueue() { ERR_clear_error(); }
  ErrorQueue(const ErrorQueue&) = delete;
  ErrorQueue& operator=(const ErrorQueue&) = delete;
};

std::string reason_text(unsigned long error) {
  if (error == 0) return "OpenSSL gave no reason";
  if (ERR_SYSTEM_ERROR(error)) return std::generic_category().message(ERR_GET_REASON(error));
  const char* text = ERR_reason_error_string(error);
  return text != nullptr ? text : fmt::format("OpenSSL error {:08x}", error);
}

/// What a file of the configuration needs before OpenSSL reads it, whose own words for a missing
/// file name no cause.
Result<FileVersion> check_file(const char* key, const std::string& path) {
  const std::string what = fmt::format("tls.{} {}", key, path);
  // Not blocking on a FIFO.
  const loop::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return system_error(errno, what);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return system_error(errno, what);
  if (S_ISDIR(status.st_mode)) return system_error(EISDIR, what);
  return FileVersion::of(status);
}

Result<StorePtr> read_trust_store(const std::string& ca_file) {
  const StorePtr store(X509_STORE_new(), Free<X509_STORE_free>());
  if (ca_file.empty()) {
    if (X509_STORE_set_default_paths(store.get()) == 1) return store;
    return Error{"cannot read the system's trust store: " + reason_text(ERR_peek_error())};
  }
  if (X509_STORE_load_file(store.get(), ca_file.c_str()) == 1) return store;
  return Error{fmt::format("tls.ca_file {}: no CA certificate ({})", ca_file,
                           reason_text(ERR_peek_error()))};
}

/// The CAs of `ca_file`, or the system's if it is empty. Read once for all contexts that live at
/// the same time: a store of Debian's 140 CAs takes 170 ms to read and 830 KB (measured).
Result<StorePtr> trust_store(const std::string& ca_file) {
  static std::map<std::pair<std::string, FileVersion>, std::weak_ptr<X509_STORE>> in_use;
  FileVersion version;
  if (!ca_file.empty()) {
    const auto checked = check_file("ca_file", ca_file);
    if (!checked) return checked.error();
    version = *checked;
  } else if (struct stat status{}; stat(X509_get_default_cert_file(), &status) == 0) {
    version = FileVersion::of(status);
  }
  std::erase_if(in_use, [](const auto& entry) { return entry.second.expired(); });
  auto& known = in_use[{ca_file, version}];
  if (auto store = known.lock()) return store;
  auto store = read_trust_store(ca_file);
  if (store) known = *store;
  return store;
}

Result<void> load_client_certificate(SSL_CTX* context, const config::Tls& settings) {
  if (auto file = check_file("cert_file", settings.cert_file); !file) return file.error();
  if (auto file = check_file("key_file", settings.key_file); !file) return file.error();
  if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1) {
    return Error{fmt::format("tls.cert_file {}: no certificate ({})", settings.cert_file,
                             reason_text(ERR_peek_error()))};
  }
  // OpenSSL's own way to a passphrase is to ask on the terminal.
  bool passphrase_wanted = false;
  SSL_CTX_set_default_passwd_cb_userdata(context, &passphrase_wanted);
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void* wanted) {
    *static_cast<bool*>(wanted) = true;
    return -1;
  });
  const bool loaded =
      SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  const unsigned long error = ERR_peek_error();
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  const std::string what = "tls.key_file " + settings.key_file;
  if (passphrase_wanted) return Error{what + ": protected by a passphrase; give it without one"};
  const bool mismatch =
      loaded ? SSL_CTX_check_private_key(context) != 1 : ERR_GET_LIB(error) == ERR_LIB_X509;
  if (mismatch) {
    return Error{fmt::format("{}: not the key of the certificate in {}", what, settings.cert_file)};
  }
  if (!loaded) return Error{fmt::format("{}: no private key ({})", what, reason_text(error))};
  return {};
}

/// Alerts that say that the server did not like the certificate that it got from here (RFC 8446,
/// section 6.2), or that it got none: TLS 1.2 has no word of its own for that.
bool is_about_certificates(int reason) {
  switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_NO_CERTIFICATE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_DECRYPT_ERROR:
    case SSL_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

/// What OpenSSL's callbacks need to know of a session and find out.
struct Peer {
  std::string server_name;
  std::string ca_file;
  bool verify = true;
  bool has_certificate = false;    ///< there is one to show, if the server asks
  bool certificate_asked = false;  ///< the server did
  std::string refusal;             ///< why the server's certificate was refused
  std::optional<WallTime> expiry;

  static Peer& of(const SSL* ssl) { return *static_cast<Peer*>(SSL_get_ex_data(ssl, 0)); }
};

/// In the place of X509_verify_cert(), whose findings are gone when the handshake reports failure.
int verify_chain(X509_STORE_CTX* store, void*) {
  Peer& peer = Peer::of(static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())));
  peer.expiry = first_end(X509_STORE_CTX_get0_untrusted(store));
  if (!peer.verify || X509_verify_cert(store) == 1) return 1;
  peer.refusal = refusal_text(store, peer.server_name, peer.ca_file);
  return 0;
}

std::string failure_text(unsigned long error, const Peer& peer, bool established) {
  if (!peer.refusal.empty()) return peer.refusal;
  std::string text = reason_text(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return text;
  const int reason = ERR_GET_REASON(error);
  if (peer.certificate_asked && is_about_certificates(reason)) {
    return fmt::format(
        "the server asked for a client certificate: set tls.cert_file and tls.key_file ({})", text);
  }
  if (peer.has_certificate && is_about_certificates(reason)) {
    return fmt::format("the server refused the client certificate or the handshake ({})", text);
  }
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
      return fmt::format("the peer {} ({})",
                         established ? "broke the TLS protocol" : "does not speak TLS", text);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return fmt::format("no common TLS version, 1.2 at least ({})", text);
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
      return fmt::format("no common cipher or key exchange ({})", text);
    default:
      return reason >= SSL_AD_REASON_OFFSET ? fmt::format("the server refused TLS ({})", text)
                                            : text;
  }
}

}  // namespace

struct TlsContext::State {
  StorePtr trusted;
  ContextPtr context;
  bool verify = true;
  bool has_certificate = false;
  std::string ca_file;
};

struct TlsSession::State {
  Peer peer;  ///< the SSL points to it
  SslPtr ssl;
  bool established = false;
  bool failed = false;
  std::string failure;

  template <typename Operation>
  IoResult run(Operation operation);
  bool refused_before();
};

/// Runs one of OpenSSL's operations and says how it went.
template <typename Operation>
IoResult TlsSession::State::run(Operation operation) {
  if (failed) return {.status = IoStatus::Failed};
  const ErrorQueue queue;
  errno = 0;
  IoResult result;
  const int code = operation(result.bytes);
  if (code == 1) return result;
  const int system_code = errno;
  result.bytes = 0;
  switch (SSL_get_error(ssl.get(), code)) {
    case SSL_ERROR_WANT_READ: result.status = IoStatus::WantRead; return result;
    case SSL_ERROR_WANT_WRITE: result.status = IoStatus::WantWrite; return result;
    case SSL_ERROR_SYSCALL:
      if (system_code != 0) {
        failure = std::generic_category().message(system_code);
        return {.status = IoStatus::Failed, .error = system_code};
      }
      [[fallthrough]];
    case SSL_ERROR_ZERO_RETURN:
      if (!established) failure = "the peer closed the connection during the TLS handshake";
      result.status = IoStatus::Closed;
      return result;
    default:
      failed = true;
      failure = failure_text(ERR_peek_error(), peer, established);
      return {.status = IoStatus::Failed};
  }
}

/// True if the peer said by an alert why it then reset the connection. In TLS 1.3 it refuses a
/// client only after the client's handshake is done, and what the client writes then may fail
/// before the alert was read.
bool TlsSession::State::refused_before() {
  // Session tickets may come first; a peer that sent more than a few did not refuse anything.
  constexpr int kRecords = 8;
  for (int i = 0; i < kRecords; ++i) {
    const IoResult result = run([&](std::size_t& bytes) {
      char byte = 0;
      return SSL_peek_ex(ssl.get(), &byte, 1, &bytes);
    });
    if (result.status != IoStatus::WantRead) return failed;
  }
  return false;
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::make(const config::Tls& settings) {
  const ErrorQueue queue;
  auto state = std::make_unique<State>();
  state->verify = settings.verify;
  state->has_certificate = !settings.cert_file.empty();
  state->ca_file = settings.ca_file;
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return Error{"cannot set up TLS: " + reason_text(ERR_peek_error())};
  }
  // RELEASE_BUFFERS: an idle connection keeps no buffers (two of 17 KB). Without AUTO_RETRY a read
  // ends after one record, so that a peer that sends nothing but session tickets holds nobody up.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  // Redis closes without close_notify. Nothing is lost by taking that for an end: RESP says itself
  // how long a reply is, so a reply that was cut short is seen as such.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_verify(context, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_chain, nullptr);
  SSL_CTX_set_client_cert_cb(context, [](SSL* ssl, X509**, EVP_PKEY**) {
    Peer::of(ssl).certificate_asked = true;
    return 0;  // none to show
  });
  if (settings.verify || !settings.ca_file.empty()) {
    auto trusted = trust_store(settings.ca_file);
    if (!trusted) return trusted.error();
    state->trusted = std::move(trusted).value();
    SSL_CTX_set1_cert_store(context, state->trusted.get());
  }
  if (state->has_certificate) {
    if (auto loaded = load_client_certificate(context, settings); !loaded) return loaded.error();
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

TlsSession::TlsSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsSession::~TlsSession() {
  const ErrorQueue queue;
  state_.reset();
}

Result<std::unique_ptr<TlsSession>> TlsSession::make(TlsContext& context, int fd,
                                                     const std::string& server_name) {
  const ErrorQueue queue;
  auto state = std::make_unique<State>();
  state->ssl.reset(SSL_new(context.state_->context.get()));
  Peer& peer = state->peer;
  peer.server_name = server_name;
  // A name may be written with the dot of the root; certificates and SNI (RFC 6066) have none.
  if (peer.server_name.ends_with('.')) peer.server_name.pop_back();
  peer.ca_file = context.state_->ca_file;
  peer.verify = context.state_->verify;
  peer.has_certificate = context.state_->has_certificate;
  SSL* ssl = state->ssl.get();
  const std::string& name = peer.server_name;
  bool ok = ssl != nullptr && SSL_set_ex_data(ssl, 0, &peer) == 1 && SSL_set_fd(ssl, fd) == 1;
  if (ok && Address::parse(name, 0)) {
    ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  } else if (ok) {
    // Without a name OpenSSL would take any certificate.
    ok = !name.empty() && SSL_set1_host(ssl, name.c_str()) == 1 &&
         SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  }
  if (!ok) {
    return Error{fmt::format("cannot set up TLS for \"{}\": {}",
                             printable(server_name, kNameLength), reason_text(ERR_peek_error()))};
  }
  SSL_set_connect_state(ssl);
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(state)));
}

IoResult TlsSession::handshake() {
  const IoResult result =
      state_->run([this](std::size_t&) { return SSL_do_handshake(state_->ssl.get()); });
  if (result.status == IoStatus::Done) state_->established = true;
  return result;
}

IoResult TlsSession::read(std::span<char> buffer) {
  return state_->run([&](std::size_t& bytes) {
    return SSL_read_ex(state_->ssl.get(), buffer.data(), buffer.size(), &bytes);
  });
}

IoResult TlsSession::write(std::string_view bytes) {
  if (bytes.empty()) return {};  // undefined for SSL_write()
  const IoResult result = state_->run([&](std::size_t& written) {
    return SSL_write_ex(state_->ssl.get(), bytes.data(), bytes.size(), &written);
  });
  if (result.status == IoStatus::Failed && result.error != 0 && state_->refused_before()) {
    return {.status = IoStatus::Failed};
  }
  return result;
}

void TlsSession::shutdown() {
  if (!state_->established || state_->failed) return;
  const ErrorQueue queue;
  SSL_shutdown(state_->ssl.get());
}

const std::string& TlsSession::failure() const { return state_->failure; }

std::optional<WallTime> TlsSession::certificate_expiry() const { return state_->peer.expiry; }

}  // namespace relinkd::net
