// SPDX-License-Identifier: Apache-2.0
// Whoever can reach the port may cost the server only so much, and never its service to others.
#include <deque>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "serving_process.hpp"

namespace relinkd::metrics {
namespace {

using testing::HasSubstr;

const std::string kScrape = "GET /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n";

/// Whether the server serves, asked from an address that no limit has been reached for.
bool serves(const ServingProcess& server) {
  const Reply reply = Client(server.port(), "127.0.9.9").get("/metrics");
  return reply.status == 200 && reply.complete;
}

/// A sanitizer's own memory, descriptors and slowness would be measured instead of relinkd's.
constexpr bool kSanitized =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    true;
#else
    false;
#endif

TEST(HostileClient, ThatIsSilentIsDisconnected) {
  const ServingProcess server({.limits = {.silence = 1s}});
  Client silent(server.port());
  Client half(server.port());
  half.send("GET /metrics HT");
  EXPECT_TRUE(silent.wait_for_close());
  EXPECT_TRUE(half.wait_for_close());
}

TEST(HostileClient, ThatSendsItsHeadByteByByteIsDisconnected) {
  const ServingProcess server({.limits = {.silence = 10s, .exchange = 1s}});
  Client client(server.port());
  client.send("GET /metrics HTTP/1.1\r\nX: ");
  const auto began = std::chrono::steady_clock::now();
  bool open = true;
  while (open && std::chrono::steady_clock::now() - began < 60s) {
    client.send("x");
    pollfd p{client.fd(), POLLIN, 0};
    open = poll(&p, 1, 50) == 0;
  }
  EXPECT_FALSE(open);
  EXPECT_TRUE(client.wait_for_close());
}

TEST(HostileClient, ThatReadsItsAnswerByteByByteIsDisconnected) {
  const ServingProcess server({.endpoints = 1000, .limits = {.silence = 10s, .exchange = 1s}});
  Client client(server.port());
  client.send(kScrape);
  ssize_t n = 1;
  const auto began = std::chrono::steady_clock::now();
  while (n > 0 && std::chrono::steady_clock::now() - began < 60s) {
    pollfd p{client.fd(), POLLERR, 0};
    poll(&p, 1, 50);
    char c = 0;
    n = recv(client.fd(), &c, 1, 0);
  }
  EXPECT_LE(n, 0);
}

TEST(HostileClient, ThatReadsNothingHoldsUpNobody) {
  const ServingProcess server({.endpoints = 1000});
  std::deque<Client> stuck;
  for (int i = 0; i < 15; ++i) stuck.emplace_back(server.port()).send(kScrape);
  EXPECT_TRUE(serves(server));
  EXPECT_TRUE(serves(server));
}

TEST(HostileClient, ManyThatReadNothingTakeLittleMemory) {
  if (kSanitized) GTEST_SKIP() << "measures the process itself";
  const ServingProcess server({.endpoints = 1000});
  EXPECT_TRUE(serves(server));
  const auto before = server.resident_kilobytes();
  std::deque<Client> stuck;
  for (int i = 0; i < 60; ++i) {
    const std::string from = "127.0.0." + std::to_string(1 + i / 15);
    stuck.emplace_back(server.port(), from.c_str()).send(kScrape);
  }
  for (auto& client : stuck) {  // each has an answer under way
    char c = 0;
    EXPECT_EQ(recv(client.fd(), &c, 1, 0), 1);
  }
  EXPECT_TRUE(serves(server));
  // One answer is 7 MB; each waiting one may hold a piece of it, and its connection's 16 KB.
  EXPECT_LT(server.resident_kilobytes() - before, 16'000);
}

TEST(HostileClient, WithAnEndlessHeadIsRefused) {
  const ServingProcess server;
  Client client(server.port());
  std::string head = "GET /metrics HTTP/1.1\r\n";
  while (head.size() < 1'000'000) head += "X-Filler: " + std::string(1000, 'x') + "\r\n";
  client.send(head);
  const Reply reply = client.read_reply();
  EXPECT_TRUE(reply.status == 0 || (reply.status >= 400 && reply.status < 500)) << reply.status;
  EXPECT_TRUE(serves(server));
}

TEST(HostileClient, ThatSpeaksNoHttpIsDisconnected) {
  const ServingProcess server({.limits = {.silence = 1s}});
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), std::string("\r\n\r\n"),
        std::string("*1\r\n$4\r\nPING\r\n"), std::string(5000, '\0'), std::string("GET\r\n\r\n"),
        std::string("GET /metrics HTTP/9.9\r\n\r\n")}) {
    Client client(server.port());
    client.send(bytes);
    EXPECT_TRUE(client.wait_for_close());
  }
  EXPECT_TRUE(serves(server));
}

TEST(HostileClient, ThatLeavesInTheMiddleOfTheAnswerCostsNothing) {
  const ServingProcess server({.endpoints = 1000});
  EXPECT_TRUE(serves(server));
  const int before = server.open_descriptors();
  for (int i = 0; i < 50; ++i) {
    Client client(server.port());
    client.send(kScrape);
    char c = 0;
    EXPECT_EQ(recv(client.fd(), &c, 1, 0), 1);
    const linger reset{1, 0};
    if (i % 2 == 0) setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  EXPECT_TRUE(serves(server));
  while (server.open_descriptors() > before) std::this_thread::yield();  // the test's time limit
}

TEST(HostileClient, FromOneAddressHasSixteenConnections) {
  const ServingProcess server;
  std::deque<Client> clients;
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(clients.emplace_back(server.port(), "127.0.0.5").get("/").status, 200) << i;
  }
  EXPECT_TRUE(Client(server.port(), "127.0.0.5").wait_for_close());
  EXPECT_TRUE(serves(server));
  clients.pop_back();
  int status = 0;
  while (status != 200) status = Client(server.port(), "127.0.0.5").get("/").status;
}

TEST(HostileClient, AllTogetherHaveSixtyFourConnectionsAndThoseAreServed) {
  const ServingProcess server;
  const int before = server.open_descriptors();
  std::deque<Client> clients;
  for (int i = 0; i < 64; ++i) {
    const std::string from = "127.0.0." + std::to_string(1 + i / 16);
    EXPECT_EQ(clients.emplace_back(server.port(), from.c_str()).get("/").status, 200) << i;
  }
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Client(server.port(), "127.0.0.9").wait_for_close());
  EXPECT_EQ(server.open_descriptors(), before + 64);
  for (auto& client : clients) EXPECT_EQ(client.get("/").status, 200);
  clients.clear();
  while (!serves(server)) std::this_thread::yield();
}

TEST(Descriptors, UsedUpLeaveOneForTheScrapeThatTellsOfIt) {
  if (kSanitized) GTEST_SKIP() << "measures the process itself";
  ServingProcess server;
  server.use_up_descriptors();
  for (int i = 0; i < 5; ++i) {
    const Reply reply = Client(server.port()).get("/metrics");
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.complete);
    EXPECT_THAT(reply.body, HasSubstr("\nprocess_max_fds 128\n"));
  }
}

TEST(Descriptors, UsedUpMakeFurtherClientsWaitWithoutABusyLoop) {
  if (kSanitized) GTEST_SKIP() << "measures the process itself";
  ServingProcess server;
  server.use_up_descriptors();
  Client first(server.port());
  EXPECT_EQ(first.get("/metrics").status, 200);
  std::deque<Client> waiting;
  for (int i = 0; i < 3; ++i) waiting.emplace_back(server.port()).send(kScrape);
  const double before = server.cpu_seconds();
  pollfd p{waiting.front().fd(), POLLIN, 0};
  EXPECT_EQ(poll(&p, 1, 2000), 0) << "nobody can be accepted";
  EXPECT_LT(server.cpu_seconds() - before, 0.1) << "a busy loop takes all that it can get of 2 s";
  EXPECT_EQ(first.get("/metrics").status, 200);

  server.release_descriptors();
  for (auto& client : waiting) EXPECT_TRUE(client.read_reply().complete);
}

}  // namespace
}  // namespace relinkd::metrics
