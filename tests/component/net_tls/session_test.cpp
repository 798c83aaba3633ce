// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.hpp"
#include "support/tls_server.hpp"

namespace relinkd::testing {
namespace {

using net::IoStatus;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using Version = TlsServerSettings::Version;

const TestPki& pki() { return TestPki::get(); }
config::Tls trusting() { return {.ca_file = pki().ca.ca_file()}; }

TEST(TlsSession, ATrustedServerIsSpokenToByTheNewestVersionUnderItsName) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  const Attempt got = attempt(trusting(), server.port());
  EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
  EXPECT_EQ(got.greeting, "sni=a.example client=- TLSv1.3");
  EXPECT_EQ(got.received, "PING\n");
  EXPECT_EQ(got.failure, "");
}

TEST(TlsSession, ANameMayEndWithTheDotOfTheRoot) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  const Attempt got = attempt(trusting(), server.port(), {.server_name = "a.example."});
  EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
  EXPECT_EQ(got.greeting, "sni=a.example client=- TLSv1.3");
}

TEST(TlsSession, AnAddressIsVerifiedAsAnAddressAndNotSentAsAName) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  for (const char* address : {"127.0.0.1", "::1"}) {
    const Attempt got = attempt(trusting(), server.port(), {.server_name = address});
    EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
    EXPECT_EQ(got.greeting, "sni=- client=- TLSv1.3");
  }
}

TEST(TlsSession, RsaCertificatesAndTls12WorkToo) {
  const auto rsa = pki().ca.issue(
      {.common_name = "a.example", .alternative_names = "DNS:a.example", .rsa = true});
  const PeerProcess server(tls_server({.certificate = rsa, .version = Version::Only12}));
  const Attempt got = attempt(trusting(), server.port());
  EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
  EXPECT_THAT(got.greeting, EndsWith("TLSv1.2"));
}

TEST(TlsSession, ACertificateWithoutAlternativeNamesIsForItsCommonName) {
  const auto certificate = pki().ca.issue({.common_name = "a.example"});
  const PeerProcess server(tls_server({.certificate = certificate}));
  EXPECT_EQ(attempt(trusting(), server.port()).last.status, IoStatus::Done);
}

TEST(TlsSession, AWildcardStandsForOneWholeLabel) {
  const auto certificate = pki().ca.issue(
      {.common_name = "any", .alternative_names = "DNS:*.a.example,DNS:b*.c.example"});
  const PeerProcess server(tls_server({.certificate = certificate}));
  const auto status = [&](const char* name) {
    return attempt(trusting(), server.port(), {.server_name = name}).last.status;
  };
  EXPECT_EQ(status("node.a.example"), IoStatus::Done);
  EXPECT_EQ(status("deep.node.a.example"), IoStatus::Failed);
  EXPECT_EQ(status("bnode.c.example"), IoStatus::Failed);
}

TEST(TlsSession, TheClientCertificateIsShownWhenTheServerAsks) {
  for (const auto version : {Version::Only12, Version::Only13}) {
    const PeerProcess server(tls_server(
        {.certificate = pki().good, .client_ca_file = pki().ca.ca_file(), .version = version}));
    const Attempt got = attempt({.ca_file = pki().ca.ca_file(),
                                 .cert_file = pki().client.cert_file,
                                 .key_file = pki().client.key_file},
                                server.port());
    EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
    EXPECT_THAT(got.greeting, HasSubstr("client=relinkd"));
  }
}

TEST(TlsSession, TheExpiryIsThatOfTheFirstCertificateToEndOfAllThatWereSent) {
  const CertificateAuthority intermediate(
      pki().ca, {.common_name = "Intermediate CA", .end = "20400102030405Z"});
  const auto certificate = intermediate.issue(
      {.common_name = "a.example", .alternative_names = "DNS:a.example", .end = "20500101000000Z"});
  const PeerProcess server(tls_server({.certificate = certificate}));
  const Attempt got = attempt(trusting(), server.port());
  EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
  ASSERT_TRUE(got.expiry);
  EXPECT_EQ(to_iso8601(*got.expiry), "2040-01-02T03:04:05.000Z");
}

TEST(TlsSession, ACertificateWithoutEndIsGoodUntilTheEndOfTime) {
  // RFC 5280, section 4.1.2.5: 99991231235959Z says that there is no end.
  const auto certificate = pki().ca.issue({.common_name = "a.example", .end = "99991231235959Z"});
  const PeerProcess server(tls_server({.certificate = certificate}));
  const Attempt got = attempt({.verify = false}, server.port());
  EXPECT_EQ(got.expiry, WallTime::max());
}

TEST(TlsSession, MoreThanTheSocketTakesIsWrittenInPieces) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  std::string much;
  for (int i = 0; much.size() < 1'000'000; ++i) much += std::to_string(i) + " ";
  const Attempt got = attempt(trusting(), server.port(), {.send = much, .expect = much.size()});
  EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
  EXPECT_TRUE(got.received == much);
  EXPECT_GT(got.write_waits, 0);
}

TEST(TlsSession, AnEndIsAnEndWithAndWithoutCloseNotify) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  for (const char* order : {"close\n", "notify\n"}) {
    const Attempt got = attempt(trusting(), server.port(), {.send = order});
    EXPECT_EQ(got.last.status, IoStatus::Closed) << order << got.failure;
    EXPECT_TRUE(got.handshake_done);
    EXPECT_EQ(got.failure, "");
  }
}

TEST(TlsSession, OneContextServesManySessionsAtOnceAndMayGoBeforeThem) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  auto context = net::TlsContext::make(trusting());
  ASSERT_TRUE(context) << context.error().message;
  auto first = net::TlsSession::make(**context, -1, "a.example");
  auto second = net::TlsSession::make(**context, -1, "a.example");
  EXPECT_EQ(attempt(**context, server.port()).last.status, IoStatus::Done);
  EXPECT_EQ(attempt(**context, server.port()).last.status, IoStatus::Done);
  context.value().reset();
  EXPECT_TRUE(first && second);
}

TEST(TlsSession, ACaFileThatChangedIsReadAnewWhileFormerContextsKeepTheirs) {
  const PeerProcess server(tls_server({.certificate = pki().good}));
  const std::string file = pki().ca.file("changing.pem");
  const auto become = [&](const std::string& ca_file) {
    std::filesystem::copy_file(ca_file, file, std::filesystem::copy_options::overwrite_existing);
    return net::TlsContext::make({.ca_file = file});
  };
  const auto former = become(pki().other_ca.ca_file());
  const auto present = become(pki().ca.ca_file());
  ASSERT_TRUE(former && present);
  EXPECT_EQ(attempt(**former, server.port()).last.status, IoStatus::Failed);
  EXPECT_EQ(attempt(**present, server.port()).last.status, IoStatus::Done);
}

TEST(TlsSession, WithoutAServerNameThereIsNoSession) {
  const auto context = net::TlsContext::make({.verify = false});
  ASSERT_TRUE(context);
  for (const std::string& name : {std::string(), std::string("."), std::string(300, 'a')}) {
    EXPECT_FALSE(net::TlsSession::make(**context, -1, name)) << name;
  }
}

TEST(TlsSession, APeerThatFallsSilentIsWaitedForAndNotForever) {
  const PeerProcess mute([](int) {
    for (;;) pause();
  });
  const PeerProcess half(tls_half_handshake({.certificate = pki().good}));
  for (const PeerProcess* peer : {&mute, &half}) {
    const Attempt got = attempt(trusting(), peer->port(), {.patience = 300ms});
    EXPECT_EQ(got.last.status, IoStatus::WantRead);
    EXPECT_FALSE(got.handshake_done);
    EXPECT_EQ(got.expiry, std::nullopt);
  }
}

TEST(TlsSession, APeerThatClosesDuringTheHandshakeIsClosed) {
  const PeerProcess peer([](int fd) {
    char buffer[4096];
    if (read(fd, buffer, sizeof buffer) < 0) return;
    shutdown(fd, SHUT_RDWR);
  });
  const Attempt got = attempt(trusting(), peer.port());
  EXPECT_EQ(got.last.status, IoStatus::Closed);
  EXPECT_EQ(got.failure, "the peer closed the connection during the TLS handshake");
}

TEST(TlsSession, AResetIsReportedWithItsErrno) {
  const PeerProcess peer([](int fd) {
    char buffer[10];
    if (read(fd, buffer, sizeof buffer) < 0) return;
    const linger now{1, 0};  // close() sends RST
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  });
  const Attempt got = attempt(trusting(), peer.port());
  EXPECT_EQ(got.last.status, IoStatus::Failed);
  EXPECT_EQ(got.last.error, ECONNRESET);
}

}  // namespace
}  // namespace relinkd::testing
