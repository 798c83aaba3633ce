// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <openssl/ssl.h>
#include <sys/types.h>

#include "config/settings.hpp"
#include "loop/fd.hpp"
#include "metrics/http_server.hpp"

namespace relinkd::metrics {

/// A process that serves the metrics of some endpoints, and nothing else. It is a process of its
/// own so that its descriptors, its memory and its processor time are the server's alone.
class ServingProcess {
 public:
  struct Options {
    int endpoints = 2;
    config::Metrics metrics{.listen = "127.0.0.1:0"};
    HttpLimits limits{};
  };
  ServingProcess() : ServingProcess(Options{}) {}
  explicit ServingProcess(const Options& options);
  ServingProcess(const ServingProcess&) = delete;
  ServingProcess& operator=(const ServingProcess&) = delete;
  /// Ends it in order, and fails the test if it did not end well or wrote to standard error.
  ~ServingProcess();

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Makes the process open files until it has no descriptor left; lets them go again.
  void use_up_descriptors();
  void release_descriptors();

  /// Has the server take over other settings, with their files read anew.
  void protect(const config::Metrics& metrics);
  /// What the server has reported so far, one a line.
  [[nodiscard]] std::string reports() const;

  [[nodiscard]] int open_descriptors() const;
  [[nodiscard]] double cpu_seconds() const;
  [[nodiscard]] std::int64_t resident_kilobytes() const;

 private:
  std::string read_line();

  pid_t pid_ = -1;
  std::string url_;
  std::uint16_t port_ = 0;
  loop::Fd orders_;
  loop::Fd answers_;
  loop::Fd stderr_;
  loop::Fd reports_;
};

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;                            ///< without the chunks' framing
  bool complete = false;                       ///< as long as it said it would be
};

/// What a client needs for TLS, all PEM files; without cert_file it has no certificate.
struct ClientTls {
  std::string ca_file;
  std::string cert_file{};
  std::string key_file{};
  int version = 0;  ///< OpenSSL's number of the one version that it speaks; 0: any
};

/// A client's connection, blocking, with a patience of 60 s.
class Client {
 public:
  /// `from`: the source address; any of 127.0.0.0/8 works.
  explicit Client(std::uint16_t port, const char* from = "127.0.0.1");

  /// Whether the handshake succeeds and the server's certificate is the CA's, for 127.0.0.1.
  bool start_tls(const ClientTls& tls);
  /// Why TLS failed, in OpenSSL's words: "tlsv1 alert unknown ca".
  [[nodiscard]] const std::string& tls_failure() const { return tls_failure_; }
  [[nodiscard]] SSL* tls() const { return tls_.get(); }
  /// The common name of the server's certificate.
  [[nodiscard]] std::string server_name() const;

  /// False if the server has closed.
  bool send(const std::string& bytes);
  /// Reads one reply. `has_body`: false after HEAD.
  Reply read_reply(bool has_body = true);
  /// `headers`: further lines, each with its "\r\n".
  Reply get(const std::string& path, const std::string& headers = "") {
    send("GET " + path + " HTTP/1.1\r\nHost: relinkd\r\n" + headers + "\r\n");
    return read_reply();
  }
  /// Everything until the server closes, or nothing has come for 60 s.
  std::string read_rest();
  /// Reads and drops everything until the server closes; false if it does not.
  bool wait_for_close();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void note_tls_failure();
  bool fill();
  std::string take(std::size_t n, bool& complete);
  std::string take_line(bool& complete);

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  loop::Fd fd_;
  std::unique_ptr<SSL, Free> tls_;
  std::string tls_failure_;
  std::string buffer_;
};

}  // namespace relinkd::metrics
