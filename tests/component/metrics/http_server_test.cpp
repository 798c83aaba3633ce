// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_server.hpp"

#include <memory>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "serving_process.hpp"

namespace relinkd::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kLastFamily = "\nprocess_start_time_seconds ";

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
  return n;
}

TEST(HttpServer, ServesTheMetricsInPrometheusTextFormat) {
  const ServingProcess server;
  const Reply reply = Client(server.port()).get("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(reply.complete);
  EXPECT_THAT(reply.body, StartsWith("# HELP relinkd_endpoint_up "));
  EXPECT_THAT(reply.body, HasSubstr("\nrelinkd_endpoint_up{endpoint=\"endpoint-1\"} 0\n"));
  EXPECT_THAT(reply.body, HasSubstr(kLastFamily));
}

TEST(HttpServer, AQueryDoesNotChangeThePath) {
  const ServingProcess server;
  EXPECT_EQ(Client(server.port()).get("/metrics?collect[]=x").status, 200);
}

TEST(HttpServer, TheAnswerOfAThousandEndpointsComesWhole) {
  const ServingProcess server({.endpoints = 1000});
  const Reply reply = Client(server.port()).get("/metrics");
  EXPECT_TRUE(reply.complete);
  EXPECT_EQ(count(reply.body, "\nrelinkd_endpoint_condition{"), 18'000U);
  EXPECT_EQ(count(reply.body, "\nrelinkd_disconnects_total{"), 24'000U);
  EXPECT_EQ(count(reply.body, kLastFamily), 1U);
}

TEST(HttpServer, HeadHasTheHeadersAndNoBody) {
  const ServingProcess server;
  for (const char* path : {"/metrics", "/"}) {
    Client client(server.port());
    client.send("HEAD " + std::string(path) +
                " HTTP/1.1\r\nHost: relinkd\r\nConnection: close\r\n\r\n");
    const Reply reply = client.read_reply(false);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("content-type").substr(0, 5), "text/");
    EXPECT_EQ(client.read_rest(), "") << path;
  }
}

TEST(HttpServer, NothingFollowsAHeadOnAConnectionThatIsKept) {
  const ServingProcess server;
  Client client(server.port());
  client.send("HEAD /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n");
  const Reply reply = client.read_reply(false);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(client.read_rest(), "");
}

TEST(HttpServer, TheIndexLinksToTheMetrics) {
  const ServingProcess server;
  const Reply reply = Client(server.port()).get("/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.headers.at("content-type"), StartsWith("text/html"));
  EXPECT_THAT(reply.body, HasSubstr("<a href=\"/metrics\">"));
}

TEST(HttpServer, OtherPathsAreNotFound) {
  const ServingProcess server;
  for (const char* path :
       {"/metric", "/metrics/", "/metrics/../etc/passwd", "//", "/favicon.ico"}) {
    EXPECT_EQ(Client(server.port()).get(path).status, 404) << path;
  }
}

TEST(HttpServer, OtherMethodsAreNotAllowed) {
  const ServingProcess server;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    Client client(server.port());
    client.send(std::string(method) +
                " /metrics HTTP/1.1\r\nHost: relinkd\r\nContent-Length: 3\r\n\r\nabc");
    const Reply reply = client.read_reply();
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(reply.headers.at("allow"), "GET, HEAD") << method;
  }
}

TEST(HttpServer, AGetWithABodyIsAnsweredAndTheBodyIgnored) {
  const ServingProcess server;
  Client client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: relinkd\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(client.get("/").status, 200);
}

TEST(HttpServer, OneConnectionServesScrapeAfterScrape) {
  const ServingProcess server({.endpoints = 50});
  Client client(server.port());
  for (int i = 0; i < 20; ++i) {
    const Reply reply = client.get("/metrics");
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.complete);
    EXPECT_THAT(reply.body, HasSubstr(kLastFamily));
  }
}

TEST(HttpServer, RequestsSentTogetherAreAnsweredInOrder) {
  const ServingProcess server;
  Client client(server.port());
  const std::string metrics = "GET /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n";
  client.send(metrics + "GET / HTTP/1.1\r\nHost: relinkd\r\n\r\n" + metrics);
  EXPECT_THAT(client.read_reply().body, HasSubstr(kLastFamily));
  EXPECT_THAT(client.read_reply().body, HasSubstr("<html"));
  EXPECT_THAT(client.read_reply().body, HasSubstr(kLastFamily));
}

TEST(HttpServer, AnOldClientGetsTheBodyUntilTheConnectionEnds) {
  const ServingProcess server({.endpoints = 100});
  Client client(server.port());
  client.send("GET /metrics HTTP/1.0\r\n\r\n");
  const Reply reply = client.read_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.count("transfer-encoding"), 0U);
  EXPECT_THAT(reply.body, HasSubstr(kLastFamily));
}

TEST(HttpServer, ManyClientsAtOnceEachGetEverything) {
  const ServingProcess server({.endpoints = 30});
  std::vector<std::thread> threads;
  std::vector<int> whole(48);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string from = "127.0.0." + std::to_string(1 + i % 4);
      Client client(server.port(), from.c_str());
      for (int n = 0; n < 3; ++n) {
        const Reply reply = client.get("/metrics");
        if (reply.complete && reply.body.find(kLastFamily) != std::string::npos) ++whole[i];
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_THAT(whole, testing::Each(3));
}

TEST(HttpServer, ServesOnIPv6) {
  const loop::Fd probe(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) GTEST_SKIP() << "this host has no IPv6";
  const ServingProcess server({.metrics = {.listen = "[::1]:0"}});
  EXPECT_THAT(server.url(), StartsWith("http://[::1]:"));
  EXPECT_NE(server.port(), 0);
}

TEST(HttpServer, EndsInOrderWhileConnectionsAreOpen) {
  auto server = std::make_unique<ServingProcess>(ServingProcess::Options{.endpoints = 1000});
  Client idle(server->port());
  Client reading(server->port());
  reading.send("GET /metrics HTTP/1.1\r\nHost: relinkd\r\n\r\n");
  char first = 0;
  EXPECT_EQ(recv(reading.fd(), &first, 1, 0), 1);
  server.reset();  // fails the test if the process ends badly
  EXPECT_TRUE(idle.wait_for_close());
  EXPECT_FALSE(reading.read_reply().complete);
}

class StartErrors : public testing::Test {
 protected:
  Result<std::unique_ptr<HttpServer>> start(const std::string& listen) {
    return HttpServer::start(*loop_, {.listen = listen}, {}, numbers_, [](const std::string&) {});
  }
  std::string error_for(const std::string& listen) {
    const auto server = start(listen);
    return server ? "started" : server.error().message;
  }
  std::unique_ptr<loop::Loop> loop_ = std::move(loop::Loop::create()).value();
  Numbers numbers_;
};

TEST_F(StartErrors, APortThatIsTakenNamesTheAddressAndHowToFindTheOther) {
  const auto first = start("127.0.0.1:0");
  ASSERT_TRUE(first);
  const std::string url = (*first)->url();
  const std::string listen = url.substr(7, url.size() - 7 - 8);
  EXPECT_THAT(error_for(listen), AllOf(HasSubstr("cannot serve metrics on " + listen),
                                       HasSubstr("Address already in use"), HasSubstr("ss -ltnp")));
}

TEST_F(StartErrors, AnAddressThatTheHostDoesNotHaveIsNamed) {
  EXPECT_THAT(error_for("192.0.2.1:10121"),
              AllOf(HasSubstr("192.0.2.1:10121"), HasSubstr("this host does not have")));
}

TEST_F(StartErrors, WhatIsNoAddressAndPortIsShownWithExamples) {
  for (const char* listen : {"", "10121", ":10121", "localhost:10121", "127.0.0.1",
                             "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:10121",
                             "[127.0.0.1]:10121", "[::1]", "[::1:10121", "/run/metrics.sock"}) {
    EXPECT_THAT(error_for(listen), AllOf(HasSubstr("\"" + std::string(listen) + "\""),
                                         HasSubstr("127.0.0.1:10121 or [::1]:10121")));
  }
}

TEST_F(StartErrors, APortIsFreeAgainAsSoonAsTheServerIsGone) {
  auto first = start("127.0.0.1:0");
  ASSERT_TRUE(first);
  const std::string url = (*first)->url();
  (*first).reset();
  EXPECT_EQ(error_for(url.substr(7, url.size() - 7 - 8)), "started");
}

}  // namespace
}  // namespace relinkd::metrics
