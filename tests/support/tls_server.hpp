// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "certificates.hpp"

namespace relinkd::testing {

struct TlsServerSettings {
  enum class Version : std::uint8_t { Any, Only11, Only12, Only13 };
  Certificate certificate;
  std::string client_ca_file;  ///< a client certificate signed by it is required, if not empty
  Version version = Version::Any;
  std::string ciphers;  ///< up to TLS 1.2, in OpenSSL's notation
};

/// For PeerProcess. After the handshake the server says "sni=NAME client=NAME TLSv1.3\n" ("-" for
/// none), then sends back what it gets. Lines that it obeys: "close\n" closes the socket,
/// "notify\n" sends close_notify first.
std::function<void(int)> tls_server(const TlsServerSettings& settings);

/// For PeerProcess. Sends half of a server's first flight, then nothing for as long as it lives.
std::function<void(int)> tls_half_handshake(const TlsServerSettings& settings);

}  // namespace relinkd::testing
