// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <functional>
#include <map>

#include <sys/resource.h>

#include "resolver_fixture.hpp"

namespace relinkd::testing {
namespace {

using Names = std::vector<std::string>;
using ResolverTrouble = ResolverTest;

TEST_F(ResolverTrouble, ANameThatDoesNotExistSaysSo) {
  DnsServer server(loop());
  const auto answer = resolve("nobody.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), (Error{"no such name", 0}));
}

TEST_F(ResolverTrouble, ANameWithoutAddressesSaysSo) {
  DnsServer server(loop());
  server.add_without_records("empty.example");
  const auto answer = resolve("empty.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), (Error{"the name has no address", 0}));
}

TEST_F(ResolverTrouble, AnAliasToNowhereIsNoName) {
  DnsServer server(loop());
  server.add("alias.example", Type::Cname, 30, "nowhere.example");
  const auto answer = resolve("alias.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "no such name");
}

TEST_F(ResolverTrouble, ASilentServerLeavesTheLoopFreeAndIsReportedInTheEnd) {
  DnsServer server(loop());
  server.set_manner("node.example", Manner::Silent);
  int turns = 0;
  std::string error;
  loop::Deadline tick(loop().deadlines(), [&] {
    ++turns;
    tick.set(loop::Loop::clock() + 50ms);
  });
  tick.set(loop::Loop::clock());
  int turns_before = 0;
  ask("node.example", [&](const Result<net::Answer>& answer) {
    turns_before = turns;
    error = answer ? "answered" : answer.error().message;
    done();
  });
  run();
  EXPECT_EQ(error, "no DNS server answered");
  EXPECT_GT(turns_before, 10);
  // Two tries for each of the two families.
  EXPECT_EQ(server.asked().size(), 4U);
}

TEST_F(ResolverTrouble, AfterASilentServerTheNextOneIsAsked) {
  write_resolv_conf("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
  DnsServer silent(loop(), "127.0.0.1");
  DnsServer other(loop(), "127.0.0.2");
  silent.set_manner("node.example", Manner::Silent);
  other.add("node.example", Type::A, 30, "127.0.0.12");
  const auto answer = resolve("node.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.12:6379"});
  EXPECT_FALSE(silent.asked().empty());
}

class FailingServer : public ResolverTest,
                      public ::testing::WithParamInterface<DnsServer::Manner> {};

TEST_P(FailingServer, IsPassedOverForTheNextOne) {
  write_resolv_conf("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
  DnsServer failing(loop(), "127.0.0.1");
  DnsServer other(loop(), "127.0.0.2");
  failing.set_manner("node.example", GetParam());
  other.add("node.example", Type::A, 30, "127.0.0.12");
  const auto answer = resolve("node.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.12:6379"});
  EXPECT_FALSE(failing.asked().empty());
}

TEST_P(FailingServer, AloneIsReported) {
  DnsServer failing(loop());
  failing.set_manner("node.example", GetParam());
  const auto answer = resolve("node.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "every DNS server failed, refused or cannot be reached");
}

INSTANTIATE_TEST_SUITE_P(, FailingServer,
                         ::testing::Values(DnsServer::Manner::ServFail, DnsServer::Manner::Refused),
                         [](const auto& test) {
                           return test.param == DnsServer::Manner::Refused ? "Refused" : "ServFail";
                         });

TEST_F(ResolverTrouble, WhereNoServerListensTheErrorComesWithoutWaitingForATimeout) {
  const auto answer = resolve("node.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "every DNS server failed, refused or cannot be reached");
}

TEST_F(ResolverTrouble, WhatIsNoAnswerToTheQuestionIsIgnored) {
  DnsServer server(loop());
  server.add("node.example", Type::A, 30, "127.0.0.2");
  server.set_manner("node.example", Manner::Garbage);
  const auto answer = resolve("node.example");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(texts(*answer), Names{"127.0.0.2:6379"});
}

TEST_F(ResolverTrouble, AHostNameThatCannotBeOneIsAnError) {
  DnsServer server(loop());
  const std::vector<std::string> hosts = {
      "", ".", "..", "a..b", std::string(300, 'a'), std::string(64, 'a') + ".example", "1.2.3"};
  std::size_t errors = 0;
  std::size_t came = 0;
  for (const auto& host : hosts) {
    ask(host, [&](const Result<net::Answer>& answer) {
      if (!answer && !answer.error().message.empty()) ++errors;
      if (++came == hosts.size()) done();
    });
  }
  run();
  EXPECT_EQ(errors, hosts.size());
}

TEST_F(ResolverTrouble, AnUnreadableResolvConfIsNamed) {
  unlink(path_.c_str());
  ASSERT_EQ(symlink(path_.c_str(), path_.c_str()), 0);
  const auto answer = resolve("node.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ELOOP);
  EXPECT_NE(answer.error().message.find(path_), std::string::npos);
}

/// No more descriptors for as long as it lives. Nothing of the fixture is called meanwhile: the
/// undefined-behaviour sanitizer looks at virtual objects through a pipe that it could not make.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(ResolverTrouble, WithoutADescriptorForResolvConfTheErrorIsEmfileAndLaterItWorks) {
  DnsServer server(loop());
  server.add("node.example", Type::A, 30, "127.0.0.2");
  int code = 0;
  Names got;
  auto& resolver = *resolver_;
  auto& queries = queries_;
  {
    const NoDescriptors none;
    queries.push_back(resolver.resolve("node.example", 6379, [&](const auto& answer) {
      code = answer ? 0 : answer.error().code;
    }));
  }
  ask("node.example", [&](const Result<net::Answer>& answer) {
    got = answer ? texts(*answer) : Names{answer.error().message};
    done();
  });
  run();
  EXPECT_EQ(code, EMFILE);
  EXPECT_EQ(got, Names{"127.0.0.2:6379"});
}

TEST_F(ResolverTrouble, WithoutADescriptorForASocketTheErrorIsEmfileAndNoNameSeemsGone) {
  DnsServer server(loop());
  server.add("first.example", Type::A, 30, "127.0.0.2");
  std::map<std::string, Result<net::Answer>> got;
  ask("first.example", [&](const Result<net::Answer>& answer) {
    EXPECT_TRUE(answer);  // from here on the servers are known, and no socket is open
    auto& resolver = *resolver_;
    auto& queries = queries_;
    for (const std::string host : {"second.example", "in-hosts.example"}) {
      const NoDescriptors none;
      queries.push_back(resolver.resolve(host, 6379, [&, host](const auto& result) {
        got.emplace(host, result);
        if (got.size() == 2) done();
      }));
    }
  });
  run();
  ASSERT_EQ(got.size(), 2U);
  ASSERT_FALSE(got.at("second.example"));
  EXPECT_EQ(got.at("second.example").error().code, EMFILE);
  // Newer versions of c-ares remember /etc/hosts, older ones cannot open it.
  const auto& in_hosts = got.at("in-hosts.example");
  EXPECT_TRUE(in_hosts || in_hosts.error().code == EMFILE);
}

TEST_F(ResolverTrouble, ADestroyedQueryIsNotCalledBackAndOthersAre) {
  DnsServer server(loop());
  server.add("node.example", Type::A, 30, "127.0.0.2");
  auto cancelled = resolver_->resolve(
      "node.example", 6379, [](const auto&) { ADD_FAILURE() << "cancelled, yet called"; });
  Names got;
  ask("node.example", [&](const Result<net::Answer>& answer) {
    if (answer) got = texts(*answer);
    done();
  });
  cancelled.reset();
  run();
  EXPECT_EQ(got, Names{"127.0.0.2:6379"});
}

TEST_F(ResolverTrouble, AQueryDestroyedWhileItsAnswerIsOnTheWayIsNotCalledBack) {
  auto cancelled = resolver_->resolve(
      "127.0.0.1", 6379, [](const auto&) { ADD_FAILURE() << "cancelled, yet called"; });
  cancelled.reset();
  loop().later([this] { done(); });
  run();
}

TEST_F(ResolverTrouble, ACallbackMayDestroyItsQueryAndAskAgain) {
  DnsServer server(loop());
  server.add("node.example", Type::A, 30, "127.0.0.2");
  std::unique_ptr<net::Resolver::Query> query;
  int rounds = 0;
  std::function<void()> again;
  again = [&] {
    query = resolver_->resolve("node.example", 6379, [&](const Result<net::Answer>& answer) {
      EXPECT_TRUE(answer);
      query.reset();
      if (++rounds == 20) {
        done();
      } else {
        again();
      }
    });
  };
  again();
  run();
  EXPECT_EQ(rounds, 20);
}

TEST_F(ResolverTrouble, TheResolverMayGoWithQuestionsUnderWay) {
  DnsServer server(loop());
  server.set_manner("silent.example", Manner::Silent);
  server.add("node.example", Type::A, 30, "127.0.0.2");
  for (const char* host : {"silent.example", "node.example", "127.0.0.1", "in-hosts.example"}) {
    ask(host, [](const auto&) { ADD_FAILURE() << "called after the resolver went"; });
  }
  resolver_.reset();
  loop::Deadline after(loop().deadlines(), [this] { done(); });
  after.set(loop::Loop::clock() + 200ms);
  run();
}

TEST_F(ResolverTrouble, ACallbackMayDestroyTheResolver) {
  DnsServer server(loop());
  server.add("node.example", Type::A, 30, "127.0.0.2");
  server.set_manner("silent.example", Manner::Silent);
  ask("silent.example", [](const auto&) { ADD_FAILURE() << "called after the resolver went"; });
  ask("node.example", [&](const Result<net::Answer>& answer) {
    EXPECT_TRUE(answer);
    resolver_.reset();
    done();
  });
  run();
}

TEST_F(ResolverTrouble, TheServerMayStopAndComeBack) {
  auto server = std::make_unique<DnsServer>(loop());
  server->add("node.example", Type::A, 30, "127.0.0.2");
  Names steps;
  const auto note = [&](const Result<net::Answer>& answer) {
    steps.push_back(answer ? texts(*answer).front() : "error");
  };
  ask("node.example", [&](const Result<net::Answer>& first) {
    note(first);
    server.reset();
    ask("node.example", [&](const Result<net::Answer>& second) {
      note(second);
      server = std::make_unique<DnsServer>(loop());
      server->add("node.example", Type::A, 30, "127.0.0.3");
      ask("node.example", [&](const Result<net::Answer>& third) {
        note(third);
        done();
      });
    });
  });
  run();
  EXPECT_EQ(steps, (Names{"127.0.0.2:6379", "error", "127.0.0.3:6379"}));
}

}  // namespace
}  // namespace relinkd::testing
