// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/tls.hpp"
#include "support/certificates.hpp"

namespace relinkd::testing {

/// How one TLS connection went, seen from the client.
struct Attempt {
  bool handshake_done = false;
  net::IoResult last;  ///< what ended it: Done if everything that was sent came back
  std::string failure;
  std::string greeting;  ///< the first line from the server
  std::string received;  ///< what came after it
  std::optional<WallTime> expiry;
  int write_waits = 0;  ///< how often a write had to wait for the socket
};

struct AttemptOptions {
  std::string server_name = "a.example";
  std::string send = "PING\n";  ///< right after the handshake, before anything is read
  /// What the server is known to send back to it, after its greeting.
  std::size_t expect = 5;
  bool shut_down = true;
  Duration patience = 30s;  ///< until a silent peer ends it, with WantRead
};

/// Connects to 127.0.0.1 and carries the session through on a loop of its own.
Attempt attempt(net::TlsContext& context, std::uint16_t port, const AttemptOptions& options = {});
Attempt attempt(const config::Tls& settings, std::uint16_t port,
                const AttemptOptions& options = {});

/// The CAs and certificates of this program's tests, made once.
struct TestPki {
  CertificateAuthority ca{"Test CA"};
  CertificateAuthority other_ca{"Other CA"};
  Certificate good = ca.issue(
      {.common_name = "a.example", .alternative_names = "DNS:a.example,IP:127.0.0.1,IP:::1"});
  Certificate client = ca.issue({.common_name = "relinkd"});
  Certificate strange_client = other_ca.issue({.common_name = "stranger"});

  static const TestPki& get();
};

}  // namespace relinkd::testing
