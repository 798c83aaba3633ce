// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt.hpp"
#include "net/tls.hpp"

namespace relinkd::testing {
namespace {

using net::IoStatus;
using ::testing::StartsWith;

const TestPki& pki() { return TestPki::get(); }

/// A redis-server with a TLS port that requires client certificates, and a plain one.
class Redis {
 public:
  Redis() {
    const std::string config = folder_.file("redis.conf");
    std::ofstream(config) << "port " << plain_port << "\ntls-port " << tls_port
                          << "\nbind 127.0.0.1\nsave \"\"\nappendonly no\ndir " << folder_.path()
                          << "\ntls-cert-file " << pki().good.cert_file << "\ntls-key-file "
                          << pki().good.key_file << "\ntls-ca-cert-file " << pki().ca.ca_file()
                          << "\nunixsocket " << folder_.file("ready") << "\n";
    process_ = std::make_unique<ChildProcess>(std::vector<std::string>{"redis-server", config});
    // The Unix socket is the last of the sockets that it opens.
    while (access(folder_.file("ready").c_str(), F_OK) != 0) usleep(10'000);
  }

  const std::uint16_t plain_port = free_port();
  const std::uint16_t tls_port = free_port();

 private:
  TemporaryFolder folder_;
  std::unique_ptr<ChildProcess> process_;
};

TEST(TlsWithRedis, APingIsAnsweredOverMutualTls) {
  const Redis redis;
  // The greeting of the test's own servers is here the first line of the reply.
  const Attempt got = attempt({.ca_file = pki().ca.ca_file(),
                               .cert_file = pki().client.cert_file,
                               .key_file = pki().client.key_file},
                              redis.tls_port, {.send = "PING\r\n", .expect = 0});
  EXPECT_EQ(got.last.status, IoStatus::Done) << got.failure;
  EXPECT_EQ(got.greeting, "+PONG\r");
}

TEST(TlsWithRedis, ItsDemandForAClientCertificateIsUnderstood) {
  const Redis redis;
  const Attempt got = attempt({.ca_file = pki().ca.ca_file()}, redis.tls_port);
  EXPECT_EQ(got.last.status, IoStatus::Failed);
  EXPECT_THAT(got.failure, StartsWith("the server asked for a client certificate"));
}

TEST(TlsWithRedis, ItsPlainPortIsNotTakenForATlsPort) {
  const Redis redis;
  // Redis waits for the end of a line in what it takes for an inline command: it may stay silent.
  const Attempt got =
      attempt({.ca_file = pki().ca.ca_file()}, redis.plain_port, {.patience = 500ms});
  EXPECT_FALSE(got.handshake_done);
  EXPECT_NE(got.last.status, IoStatus::Done);
}

}  // namespace
}  // namespace relinkd::testing
