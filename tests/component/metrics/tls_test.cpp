// SPDX-License-Identifier: Apache-2.0
// The metrics port with a certificate: who gets through, what happens when the files change, and
// what a client may cost that never gets as far as a request.
#include <deque>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "serving_process.hpp"
#include "support/certificates.hpp"

namespace relinkd::metrics {
namespace {

using relinkd::testing::Certificate;
using relinkd::testing::CertificateAuthority;
using relinkd::testing::TemporaryFolder;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr const char* kLastFamily = "\nprocess_start_time_seconds ";

/// The port's files, with a CA that signs its certificate and its clients'.
class Tls : public ::testing::Test {
 protected:
  Certificate server_certificate(const std::string& name, bool rsa = false) const {
    return ca_.issue({.common_name = name, .alternative_names = "IP:127.0.0.1", .rsa = rsa});
  }
  /// Puts a certificate where the server looks for it, as those do that renew certificates.
  void install(const Certificate& made) const {
    for (const auto& [from, to] : {std::pair(made.cert_file, settings_.tls.cert_file),
                                   std::pair(made.key_file, settings_.tls.key_file)}) {
      std::filesystem::copy_file(from, to + ".new");
      std::filesystem::permissions(to + ".new", std::filesystem::perms(0600));
      std::filesystem::rename(to + ".new", to);
    }
  }
  void SetUp() override { install(server_certificate("first")); }

  [[nodiscard]] ClientTls client(int version = 0) const {
    return {.ca_file = ca_.ca_file(), .version = version};
  }
  [[nodiscard]] ClientTls client(const Certificate& own, int version = 0) const {
    return {ca_.ca_file(), own.cert_file, own.key_file, version};
  }
  [[nodiscard]] bool serves(const ServingProcess& server, const ClientTls& tls) const {
    Client other(server.port(), "127.0.9.9");
    return other.start_tls(tls) && other.get("/metrics").complete;
  }
  /// The name in the certificate that a new connection is shown.
  [[nodiscard]] std::string name_shown(const ServingProcess& server) const {
    Client other(server.port());
    return other.start_tls(client()) ? other.server_name() : other.tls_failure();
  }

  CertificateAuthority ca_{"of the tests"};
  TemporaryFolder folder_;
  config::Metrics settings_{
      .listen = "127.0.0.1:0",
      .tls = {.cert_file = folder_.file("cert"), .key_file = folder_.file("key")}};
};

TEST_F(Tls, TheMetricsComeWholeInEitherVersion) {
  const ServingProcess server({.endpoints = 1000, .metrics = settings_});
  EXPECT_TRUE(server.url().starts_with("https://127.0.0.1:"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client scraper(server.port());
    ASSERT_TRUE(scraper.start_tls(client(version))) << scraper.tls_failure();
    for (int i = 0; i < 3; ++i) {
      const Reply reply = scraper.get("/metrics");
      EXPECT_EQ(reply.status, 200);
      EXPECT_TRUE(reply.complete);
      EXPECT_THAT(reply.body, HasSubstr(kLastFamily));
    }
  }
}

TEST_F(Tls, OlderVersionsAreRefused) {
  const ServingProcess server({.metrics = settings_});
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    EXPECT_FALSE(Client(server.port()).start_tls(client(version))) << version;
  }
  EXPECT_TRUE(serves(server, client()));
}

TEST_F(Tls, AnRsaKeyServesAsWell) {
  install(server_certificate("rsa", true));
  const ServingProcess server({.metrics = settings_});
  EXPECT_EQ(name_shown(server), "rsa");
}

TEST_F(Tls, AClientThatSpeaksPlainHttpIsDisconnected) {
  const ServingProcess server({.metrics = settings_});
  Client plain(server.port());
  plain.send("GET /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n");
  EXPECT_EQ(plain.read_reply().status, 0);
  EXPECT_TRUE(plain.wait_for_close());
}

TEST_F(Tls, WithAClientCaOnlyItsClientsGetThrough) {
  settings_.tls.client_ca_file = ca_.ca_file();
  const ServingProcess server({.metrics = settings_});
  const CertificateAuthority other("of somebody else");
  const auto own = ca_.issue({.common_name = "prometheus"});
  const auto expired = ca_.issue({.common_name = "old", .end = "20210101000000Z"});
  const auto foreign = other.issue({.common_name = "prometheus"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    // In TLS 1.3 a client learns only by reading what the server thinks of its certificate.
    const auto refusal = [&](const ClientTls& tls) {
      Client client(server.port());
      if (client.start_tls(tls)) {
        EXPECT_EQ(client.get("/metrics").status, 0);
      }
      return client.tls_failure();
    };
    EXPECT_THAT(refusal(client(version)),
                AnyOf("tlsv13 alert certificate required", "sslv3 alert handshake failure"));
    EXPECT_EQ(refusal(client(foreign, version)), "tlsv1 alert unknown ca");
    EXPECT_EQ(refusal(client(expired, version)), "sslv3 alert certificate expired");
    EXPECT_TRUE(serves(server, client(own, version)));
  }
}

TEST_F(Tls, ARenewedCertificateIsShownWithoutAReloadAndOpenConnectionsGoOn) {
  const ServingProcess server({.metrics = settings_});
  Client open(server.port());
  ASSERT_TRUE(open.start_tls(client()));
  EXPECT_EQ(open.get("/").headers.count("connection"), 0U);
  install(server_certificate("second"));
  while (name_shown(server) != "second") std::this_thread::sleep_for(100ms);
  // It is answered, and told to come again.
  const Reply reply = open.get("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.complete);
  EXPECT_EQ(reply.headers.at("connection"), "close");
  EXPECT_TRUE(open.wait_for_close());
  EXPECT_EQ(server.reports(), "");
}

TEST_F(Tls, ACertificateThatCannotBeUsedIsReportedOnceAndTheOldOneStays) {
  const ServingProcess server({.metrics = settings_});
  const auto second = server_certificate("second");
  std::filesystem::copy_file(second.cert_file, settings_.tls.cert_file,
                             std::filesystem::copy_options::overwrite_existing);
  while (server.reports().empty()) std::this_thread::sleep_for(100ms);
  EXPECT_EQ(name_shown(server), "first");
  const std::string report = "the metrics port keeps what it had: metrics.tls.key_file " +
                             settings_.tls.key_file +
                             " does not belong to the first certificate of "
                             "metrics.tls.cert_file " +
                             settings_.tls.cert_file + "\n";
  EXPECT_EQ(server.reports(), report);
  install(second);
  while (name_shown(server) != "second") std::this_thread::sleep_for(100ms);
  EXPECT_EQ(server.reports(), report);
}

TEST_F(Tls, IsTurnedOffAndOnWithoutLosingThePort) {
  ServingProcess server({.metrics = settings_});
  Client before(server.port());
  ASSERT_TRUE(before.start_tls(client()));
  EXPECT_EQ(before.get("/").status, 200);
  server.protect({});
  EXPECT_TRUE(before.wait_for_close());
  EXPECT_EQ(Client(server.port()).get("/metrics").status, 200);
  server.protect(settings_);
  EXPECT_TRUE(serves(server, client()));
}

// --- hostile clients --------------------------------------------------------------------------

TEST_F(Tls, HandshakesThatDoNotComeAreEnded) {
  const ServingProcess server({.metrics = settings_, .limits = {.silence = 1s}});
  Client silent(server.port());
  Client half(server.port());
  half.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  EXPECT_TRUE(silent.wait_for_close());
  EXPECT_TRUE(half.wait_for_close());
}

TEST_F(Tls, AHandshakeThatComesByteByByteIsEnded) {
  const ServingProcess server({.metrics = settings_, .limits = {.silence = 10s, .exchange = 1s}});
  Client slow(server.port());
  slow.send(std::string("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11));
  bool open = true;
  const auto began = std::chrono::steady_clock::now();
  while (open && std::chrono::steady_clock::now() - began < 60s) {
    slow.send("x");
    pollfd p{slow.fd(), POLLIN, 0};
    open = poll(&p, 1, 50) == 0;
  }
  EXPECT_FALSE(open);
}

TEST_F(Tls, HalfHandshakesHoldUpNobody) {
  const ServingProcess server({.metrics = settings_});
  std::deque<Client> half;
  for (int i = 0; i < 48; ++i) {
    const std::string from = "127.0.0." + std::to_string(1 + i / 16);
    half.emplace_back(server.port(), from.c_str())
        .send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  }
  EXPECT_TRUE(serves(server, client()));
}

TEST_F(Tls, BytesThatAreNoHandshakeEndTheConnection) {
  const ServingProcess server({.metrics = settings_, .limits = {.silence = 1s}});
  for (const std::string& bytes :
       {std::string(20'000, '\0'), std::string(20'000, '\xff'),
        // A record, and a ClientHello, longer than allowed.
        "\x16\x03\x03\xff\xff" + std::string(70'000, 'x'),
        std::string("\x16\x03\x03\x40\x00\x01\xff\xff\xff", 9) + std::string(70'000, 'x')}) {
    Client client(server.port());
    client.send(bytes);
    EXPECT_TRUE(client.wait_for_close());
  }
  EXPECT_TRUE(serves(server, client()));
}

TEST_F(Tls, MoreThanFiftyConnectionsASecondWaitTheirTurn) {
  const ServingProcess server({.metrics = settings_});
  const auto began = std::chrono::steady_clock::now();
  std::deque<Client> many;
  for (int i = 0; i < 60; ++i) {
    many.emplace_back(server.port(), ("127.0.0." + std::to_string(1 + i / 15)).c_str());
  }
  EXPECT_TRUE(serves(server, client()));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 1s);
}

TEST_F(Tls, AClientThatRenegotiatesIsDisconnected) {
  const ServingProcess server({.metrics = settings_});
  Client one(server.port());
  ASSERT_TRUE(one.start_tls(client(TLS1_2_VERSION)));
  EXPECT_EQ(SSL_renegotiate(one.tls()), 1);
  SSL_do_handshake(one.tls());
  EXPECT_TRUE(one.wait_for_close());
  EXPECT_TRUE(serves(server, client()));
}

TEST_F(Tls, AHeadWithoutEndAndAnAnswerThatIsNotReadAreBounded) {
  const ServingProcess server(
      {.endpoints = 1000, .metrics = settings_, .limits = {.silence = 10s, .exchange = 2s}});
  Client endless(server.port());
  ASSERT_TRUE(endless.start_tls(client()));
  endless.send("GET /metrics HTTP/1.1\r\nX-Filler: " + std::string(100'000, 'x'));
  const Reply reply = endless.read_reply();
  EXPECT_TRUE(reply.status == 0 || (reply.status >= 400 && reply.status < 500)) << reply.status;
  Client deaf(server.port());
  ASSERT_TRUE(deaf.start_tls(client()));
  deaf.send("GET /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n");
  // Of its own answer no more than a line: a slow machine needs the two seconds for all of it.
  Client other(server.port(), "127.0.9.9");
  ASSERT_TRUE(other.start_tls(client()));
  EXPECT_EQ(other.get("/").status, 200);
  pollfd p{deaf.fd(), 0, 0};  // POLLERR and POLLHUP always come
  EXPECT_EQ(poll(&p, 1, 60'000), 1);
}

TEST_F(Tls, EndsInOrderWhileHandshakesAndAnswersAreUnderWay) {
  auto server = std::make_unique<ServingProcess>(
      ServingProcess::Options{.endpoints = 1000, .metrics = settings_});
  Client silent(server->port());
  Client reading(server->port());
  ASSERT_TRUE(reading.start_tls(client()));
  reading.send("GET /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n");
  char first = 0;
  EXPECT_EQ(SSL_read(reading.tls(), &first, 1), 1);
  server.reset();  // fails the test if the process ends badly
  EXPECT_TRUE(silent.wait_for_close());
}

}  // namespace
}  // namespace relinkd::metrics
