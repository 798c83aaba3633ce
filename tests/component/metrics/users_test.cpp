// SPDX-License-Identifier: Apache-2.0
// The metrics port with passwords: who gets through, what it costs, and what guessing costs.
#include <deque>
#include <fstream>
#include <thread>

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/stat.h>

#include "serving_process.hpp"
#include "support/process.hpp"

namespace relinkd::metrics {
namespace {

using relinkd::testing::TemporaryFolder;
using ::testing::HasSubstr;

// Cost 5 is what `htpasswd -B` takes; 12 takes 0.2 s and 14 a second.
const std::string kBcrypt5 = "$2y$05$abcdefghijklmnopqrstuu";
const std::string kBcrypt12 = "$2b$12$abcdefghijklmnopqrstuu";
const std::string kBcrypt14 = "$2b$14$abcdefghijklmnopqrstuu";
const std::string kYescrypt = "$y$j9T$abcdefgh";
const std::string kSha512 = "$6$abcdefgh";

std::string line(const std::string& name, const std::string& password, const std::string& setting) {
  crypt_data data{};
  return name + ":" + crypt_r(password.c_str(), setting.c_str(), &data) + "\n";
}

/// The header that has these credentials in it.
std::string basic(const std::string& credentials) {
  std::string coded(credentials.size() * 2 + 4, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                                reinterpret_cast<const unsigned char*>(credentials.data()),
                                static_cast<int>(credentials.size()));
  return "Authorization: Basic " + coded.substr(0, static_cast<std::size_t>(n)) + "\r\n";
}

class Users : public ::testing::Test {
 protected:
  void write(const std::string& text) const {
    std::ofstream(settings_.users_file) << text;
    chmod(settings_.users_file.c_str(), 0600);
  }
  static Reply get(const ServingProcess& server, const std::string& headers,
                   const char* from = "127.0.0.1") {
    return Client(server.port(), from).get("/metrics", headers);
  }

  TemporaryFolder folder_;
  config::Metrics settings_{.listen = "127.0.0.1:0", .users_file = folder_.file("users")};
};

TEST_F(Users, GetThroughWithTheirPassword) {
  write("# who scrapes\n\n" + line("a", "secret of a", kBcrypt5) + line("b", "s:b", kYescrypt) +
        line("c", "p\xc3\xa4ss", kSha512));
  const ServingProcess server({.metrics = settings_});
  for (const std::string good : {"a:secret of a", "b:s:b", "c:p\xc3\xa4ss", "a:secret of a"}) {
    const Reply reply = get(server, basic(good));
    EXPECT_EQ(reply.status, 200) << good;
    EXPECT_THAT(reply.body, HasSubstr("\nprocess_start_time_seconds "));
  }
}

TEST_F(Users, AllOthersAreTurnedAway) {
  write(line("a", "secret", kBcrypt5) + line("b", "", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  const std::string nul("a:secret\0x", 10);
  for (const std::string& headers :
       {std::string(), basic("a:wrong"), basic("a:secre"), basic("a:secrets"), basic("a:"),
        basic("A:secret"), basic("nobody:secret"), basic(":secret"), basic("a"), basic(nul),
        basic("a:" + std::string(5000, 'x')), std::string("Authorization: Basic\r\n"),
        std::string("Authorization: Basic !!!\r\n"), std::string("Authorization: Bearer abc\r\n"),
        std::string("Authorization: \r\n"), std::string("Proxy-") + basic("a:secret")}) {
    const Reply reply = get(server, headers);
    EXPECT_EQ(reply.status, 401) << headers;
    EXPECT_EQ(reply.headers.at("www-authenticate"), "Basic realm=\"relinkd\", charset=\"UTF-8\"");
    EXPECT_EQ(reply.body, "A user of [metrics] users_file and its password are needed.\n");
  }
  EXPECT_EQ(Client(server.port()).get("/").status, 401);
  EXPECT_EQ(Client(server.port()).get("/nothing").status, 401);
  EXPECT_EQ(get(server, basic("b:")).status, 200) << "an empty password is one";
}

TEST_F(Users, AreAskedForAtHeadToo) {
  write(line("a", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  Client client(server.port());
  client.send("HEAD /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n");
  EXPECT_EQ(client.read_reply(false).status, 401);
  client.send("HEAD /metrics HTTP/1.1\r\nHost: relinkd\r\n" + basic("a:secret") + "\r\n");
  EXPECT_EQ(client.read_reply(false).status, 200);
}

TEST_F(Users, OneConnectionIsAskedForEachRequest) {
  write(line("a", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.get("/metrics", basic("a:secret")).status, 200);
    EXPECT_EQ(client.get("/metrics").status, 401);
    EXPECT_EQ(client.get("/metrics", basic("a:guess")).status, 401);
  }
  client.send("GET / HTTP/1.1\r\nHost: relinkd\r\n" + basic("a:1") +
              "\r\nGET / HTTP/1.1\r\nHost: relinkd\r\n" + basic("a:secret") + "\r\n");
  EXPECT_EQ(client.read_reply().status, 401);
  EXPECT_EQ(client.read_reply().status, 200) << "sent together, answered in order";
}

TEST_F(Users, AProvenPasswordCostsNoHashAgain) {
  write(line("a", "secret", kBcrypt12));
  const ServingProcess server({.metrics = settings_});
  EXPECT_EQ(get(server, basic("a:secret")).status, 200);
  const double before = server.cpu_seconds();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(get(server, basic("a:secret")).status, 200);
  EXPECT_LT(server.cpu_seconds() - before, 3.0) << "50 hashes take 10 s";
}

TEST_F(Users, TheOthersAreServedWhileAPasswordIsVerified) {
  write(line("slow", "secret", kBcrypt14) + line("quick", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  EXPECT_EQ(get(server, basic("quick:secret")).status, 200);
  Client slow(server.port());
  slow.send("GET / HTTP/1.1\r\nHost: relinkd\r\n" + basic("slow:secret") + "\r\n");
  pollfd p{slow.fd(), POLLIN, 0};
  int served = 0;
  while (poll(&p, 1, 0) == 0) {
    EXPECT_EQ(get(server, basic("quick:secret")).status, 200);
    ++served;
  }
  EXPECT_GE(served, 3);
  EXPECT_EQ(slow.read_reply().status, 200);
}

TEST_F(Users, AnUnknownNameCostsWhatAWrongPasswordCosts) {
  write(line("a", "secret", kBcrypt12));
  const ServingProcess server({.metrics = settings_});
  const auto cost = [&](const std::string& credentials) {
    const double before = server.cpu_seconds();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(get(server, basic(credentials)).status, 401);
    return server.cpu_seconds() - before;
  };
  const double wrong = cost("a:guess");
  // Nor does the password of somebody else let it in.
  EXPECT_GT(cost("nobody:secret"), wrong / 2);
}

TEST_F(Users, WhoGuessesWaitsAndKeepsNobodyOut) {
  write(line("slow", "secret", kBcrypt14) + line("quick", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  const std::string guess = "GET / HTTP/1.1\r\nHost: relinkd\r\n" + basic("slow:guess") + "\r\n";
  std::deque<Client> guesses;
  for (int i = 0; i < 6; ++i) guesses.emplace_back(server.port(), "127.0.0.7").send(guess);
  int busy = 0;
  // The last four are answered first: only two of one address wait.
  for (int i = 2; i < 6; ++i) {
    const Reply reply = guesses[static_cast<std::size_t>(i)].read_reply();
    busy += reply.status == 503 && reply.headers.at("retry-after") == "1" ? 1 : 0;
  }
  EXPECT_EQ(busy, 4);
  EXPECT_EQ(get(server, basic("quick:secret"), "127.0.0.8").status, 200);
  EXPECT_EQ(guesses[0].read_reply().status, 401);
  EXPECT_EQ(guesses[1].read_reply().status, 401);
}

TEST_F(Users, WrongPasswordsAreVerifiedTenASecondAtMost) {
  write(line("a", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get(server, basic("a:guess")).status, 401);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 900ms);
}

TEST_F(Users, WhoAreRemovedAreTurnedAwayWithoutAReload) {
  write(line("a", "secret", kBcrypt5) + line("b", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  Client kept(server.port());
  EXPECT_EQ(kept.get("/metrics", basic("b:secret")).status, 200);
  write(line("a", "secret", kBcrypt5));
  while (get(server, basic("b:secret")).status == 200) std::this_thread::sleep_for(100ms);
  EXPECT_EQ(kept.get("/metrics", basic("b:secret")).status, 401);
  EXPECT_EQ(kept.get("/metrics", basic("a:secret")).status, 200);
  EXPECT_EQ(server.reports(), "");
}

TEST_F(Users, AFileThatCannotBeUsedIsReportedAndTheUsersStay) {
  write(line("a", "secret", kBcrypt5));
  const ServingProcess server({.metrics = settings_});
  write("a:secret\n");
  while (server.reports().empty()) std::this_thread::sleep_for(100ms);
  EXPECT_THAT(server.reports(), HasSubstr("line 1: the hash of a is none of the kinds"));
  EXPECT_EQ(get(server, basic("a:secret")).status, 200);
  EXPECT_EQ(get(server, "").status, 401);
}

TEST_F(Users, AreTakenOverAndGivenUpByAReload) {
  write(line("a", "secret", kBcrypt5));
  ServingProcess server;
  EXPECT_EQ(get(server, "").status, 200);
  server.protect(settings_);
  EXPECT_EQ(get(server, "").status, 401);
  EXPECT_EQ(get(server, basic("a:secret")).status, 200);
  server.protect({});
  EXPECT_EQ(get(server, "").status, 200);
}

TEST_F(Users, InAFileThatEverybodyCanReadAreWarnedOf) {
  write(line("a", "secret", kBcrypt5));
  chmod(settings_.users_file.c_str(), 0644);
  const ServingProcess server({.metrics = settings_});
  EXPECT_EQ(server.reports(), "metrics.users_file " + settings_.users_file +
                                  " can be read by every user of this host: chmod o-r\n");
}

TEST_F(Users, WhoLeaveBeforeTheAnswerCostNothing) {
  write(line("a", "secret", kBcrypt12));
  const ServingProcess server({.metrics = settings_});
  EXPECT_EQ(get(server, basic("a:secret")).status, 200);
  const int before = server.open_descriptors();
  for (int i = 0; i < 2; ++i) {
    Client(server.port()).send("GET / HTTP/1.1\r\nHost: relinkd\r\n" + basic("a:x") + "\r\n");
  }
  EXPECT_EQ(get(server, basic("a:secret")).status, 200);
  while (server.open_descriptors() > before) std::this_thread::sleep_for(10ms);
}

TEST_F(Users, ThatWaitDoNotKeepTheServerFromEnding) {
  write(line("a", "secret", kBcrypt12));
  auto server = std::make_unique<ServingProcess>(ServingProcess::Options{.metrics = settings_});
  std::deque<Client> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.emplace_back(server->port())
        .send("GET / HTTP/1.1\r\nHost: relinkd\r\n" + basic("a:x") + "\r\n");
  }
  // Both have come when a third is turned away.
  while (get(*server, basic("a:y")).status != 503) std::this_thread::yield();
  server.reset();  // fails the test if the process ends badly
  for (auto& client : waiting) EXPECT_TRUE(client.wait_for_close());
}

}  // namespace
}  // namespace relinkd::metrics
