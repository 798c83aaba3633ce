// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "attempt.hpp"
#include "support/tls_server.hpp"

namespace relinkd::testing {
namespace {

using net::IoStatus;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Version = TlsServerSettings::Version;

const TestPki& pki() { return TestPki::get(); }
config::Tls trusting() { return {.ca_file = pki().ca.ca_file()}; }

/// The sentence with which a session to such a server fails. Without verification it must succeed.
std::string refusal(const Certificate& certificate, const config::Tls& settings = trusting(),
                    const AttemptOptions& options = {}) {
  const PeerProcess server(tls_server({.certificate = certificate}));
  const Attempt got = attempt(settings, server.port(), options);
  EXPECT_EQ(got.last.status, IoStatus::Failed);
  EXPECT_EQ(got.last.error, 0);
  EXPECT_FALSE(got.handshake_done);
  EXPECT_TRUE(got.expiry) << "known also of a certificate that was refused";
  config::Tls blind = settings;
  blind.verify = false;
  const Attempt unverified = attempt(blind, server.port(), options);
  EXPECT_EQ(unverified.last.status, IoStatus::Done) << unverified.failure;
  EXPECT_EQ(unverified.expiry, got.expiry);
  return got.failure;
}

TEST(TlsRefusal, AnExpiredCertificateIsNamedWithItsEnd) {
  EXPECT_EQ(refusal(pki().ca.issue({.common_name = "a.example", .end = "20260102030405Z"})),
            "certificate has expired (ended 2026-01-02 03:04 UTC)");
}

TEST(TlsRefusal, ACertificateFromTheFutureIsNamedWithItsBegin) {
  EXPECT_EQ(refusal(pki().ca.issue({.common_name = "a.example", .begin = "20900102030405Z"})),
            "certificate is not yet valid (begins 2090-01-02 03:04 UTC)");
}

TEST(TlsRefusal, AnExpiredIntermediateIsToldFromTheServersOwnCertificate) {
  const CertificateAuthority intermediate(
      pki().ca, {.common_name = "Intermediate CA", .end = "20260102030405Z"});
  EXPECT_EQ(refusal(intermediate.issue({.common_name = "a.example"})),
            "issuer's certificate (Intermediate CA) has expired (ended 2026-01-02 03:04 UTC)");
}

TEST(TlsRefusal, AWrongNameIsNamedWithTheNamesThatWouldBeRight) {
  EXPECT_EQ(refusal(pki().good, trusting(), {.server_name = "b.example"}),
            "host name mismatch: the certificate is for a.example, 127.0.0.1, ::1, not b.example");
  EXPECT_EQ(refusal(pki().good, trusting(), {.server_name = "127.0.0.2"}),
            "address mismatch: the certificate is for a.example, 127.0.0.1, ::1, not 127.0.0.2");
  EXPECT_EQ(refusal(pki().ca.issue({.common_name = "only-common"})),
            "host name mismatch: the certificate is for only-common, not a.example");
}

TEST(TlsRefusal, OfManyNamesAFewAreShownAndALongOneIsCut) {
  std::string names = "DNS:" + std::string(60, 'x') + "." + std::string(60, 'y') + ".example";
  for (int i = 0; i < 40; ++i) names += ",DNS:n" + std::to_string(i) + ".example";
  const std::string text =
      refusal(pki().ca.issue({.common_name = "many", .alternative_names = names}));
  EXPECT_THAT(text, AllOf(HasSubstr("xxx.yyy…, n0.example, n1.example, n2.example and 37 more"),
                          SizeIs(Lt(250U))));
}

TEST(TlsRefusal, AnUnknownCaIsNamedWithTheFileThatDoesNotHoldIt) {
  EXPECT_EQ(refusal(pki().other_ca.issue({.common_name = "a.example"})),
            "unable to get local issuer certificate (Other CA is not in tls.ca_file " +
                pki().ca.ca_file() + ")");
}

TEST(TlsRefusal, ACaThatTheSystemDoesNotKnowComesWithTheAdviceToNameIt) {
  EXPECT_EQ(refusal(pki().good, {}),
            "unable to get local issuer certificate (Test CA is not in the system's trust store: "
            "set tls.ca_file)");
}

TEST(TlsRefusal, ASelfSignedCertificateIsCalledThat) {
  EXPECT_EQ(refusal(pki().ca.self_signed("a.example")),
            "self-signed certificate (a.example is not in tls.ca_file " + pki().ca.ca_file() + ")");
}

TEST(TlsRefusal, WhatBreaksTheNamesOfACertificateIsMadePrintable) {
  EXPECT_THAT(refusal(pki().ca.issue({.common_name = "a\x1b[31m\nfake log line"})),
              HasSubstr("the certificate is for a.[31m.fake log line, not a.example"));
}

/// The sentence with which a session to a server of these settings fails, before or after the
/// handshake.
std::string failure(const TlsServerSettings& server_settings,
                    const config::Tls& settings = trusting()) {
  const PeerProcess server(tls_server(server_settings));
  const Attempt got = attempt(settings, server.port());
  EXPECT_EQ(got.last.status, IoStatus::Failed);
  EXPECT_EQ(got.last.error, 0);
  return got.failure;
}

TEST(TlsRefusal, AServerThatWantsAClientCertificateIsUnderstood) {
  for (const auto version : {Version::Only12, Version::Only13}) {
    EXPECT_THAT(
        failure(
            {.certificate = pki().good, .client_ca_file = pki().ca.ca_file(), .version = version}),
        StartsWith("the server asked for a client certificate: set tls.cert_file and "
                   "tls.key_file ("));
  }
}

TEST(TlsRefusal, AServerThatRefusesTheClientCertificateIsUnderstood) {
  for (const auto version : {Version::Only12, Version::Only13}) {
    EXPECT_THAT(
        failure(
            {.certificate = pki().good, .client_ca_file = pki().ca.ca_file(), .version = version},
            {.ca_file = pki().ca.ca_file(),
             .cert_file = pki().strange_client.cert_file,
             .key_file = pki().strange_client.key_file}),
        AllOf(StartsWith("the server refused the client certificate or the handshake ("),
              HasSubstr("unknown ca")));
  }
}

// With TLS 1.3 the refusal comes after the handshake, and behind it a reset, since the server has
// not read what was sent meanwhile.
TEST(TlsRefusal, ARefusalAfterTheHandshakeIsHeardAlsoIfTheSocketIsReset) {
  const PeerProcess server(tls_server({.certificate = pki().good,
                                       .client_ca_file = pki().ca.ca_file(),
                                       .version = Version::Only13}));
  for (int i = 0; i < 50; ++i) {
    const Attempt got = attempt(trusting(), server.port());
    EXPECT_THAT(got.failure, StartsWith("the server asked for a client certificate"));
  }
}

TEST(TlsRefusal, WithoutACommonVersionThatIsSaid) {
  EXPECT_THAT(
      failure(
          {.certificate = pki().good, .version = Version::Only11, .ciphers = "ALL:@SECLEVEL=0"}),
      StartsWith("no common TLS version, 1.2 at least ("));
}

TEST(TlsRefusal, WithoutACommonCipherThatIsSaid) {
  EXPECT_THAT(
      failure(
          {.certificate = pki().good, .version = Version::Only12, .ciphers = "eNULL:@SECLEVEL=0"}),
      StartsWith("no common cipher or key exchange ("));
}

struct Talk {
  const char* name;
  std::string says;
};

class NotTls : public ::testing::TestWithParam<Talk> {};

TEST_P(NotTls, IsFoundOut) {
  const std::string& says = GetParam().says;
  const PeerProcess peer([&](int fd) {
    char buffer[4096];
    if (read(fd, buffer, sizeof buffer) < 0) return;
    if (write(fd, says.data(), says.size()) < 0) return;
    while (read(fd, buffer, sizeof buffer) > 0) continue;
  });
  const Attempt got = attempt(trusting(), peer.port());
  EXPECT_EQ(got.last.status, IoStatus::Failed);
  EXPECT_THAT(got.failure, StartsWith("the peer does not speak TLS ("));
}

INSTANTIATE_TEST_SUITE_P(, NotTls,
                         ::testing::Values(Talk{"Redis", "-ERR unknown command\r\n"},
                                           Talk{"Http", "HTTP/1.1 400 Bad Request\r\n\r\n"},
                                           Talk{"Ssh", "SSH-2.0-OpenSSH_9.2\r\n"},
                                           Talk{"Ones", std::string(5000, '\xff')},
                                           Talk{"Zeros", std::string(5000, '\0')},
                                           Talk{"ARecordTooLong",
                                                std::string("\x16\x03\x03\xff\xff", 5) +
                                                    std::string(70000, 'x')}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(TlsRefusal, GarbageInTheFormOfARecordEndsTheSessionWithAReason) {
  const PeerProcess peer([](int fd) {
    char buffer[4096];
    if (read(fd, buffer, sizeof buffer) < 0) return;
    const std::string record = std::string("\x16\x03\x03\x00\x10", 5) + std::string(16, 'x');
    if (write(fd, record.data(), record.size()) < 0) return;
    while (read(fd, buffer, sizeof buffer) > 0) continue;
  });
  const Attempt got = attempt(trusting(), peer.port());
  EXPECT_EQ(got.last.status, IoStatus::Failed);
  EXPECT_NE(got.failure, "");
}

}  // namespace
}  // namespace relinkd::testing
