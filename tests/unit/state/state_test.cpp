// SPDX-License-Identifier: Apache-2.0
#include "state/state.hpp"

#include <cerrno>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::state {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::SizeIs;

constexpr WallTime at_ms(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

State full() {
  State state;
  state.endpoints["sessions"] = {.url = "redis-sentinel://10.0.0.1,10.0.0.2#mymaster",
                                 .primary = "10.0.0.8:6379",
                                 .last_proof = at_ms(1'763'806'500'123),
                                 .believed = "10.0.0.8:6379",
                                 .epoch = std::numeric_limits<std::uint64_t>::max(),
                                 .formers = {{"10.0.0.6:6379", at_ms(1'763'806'000'000)},
                                             {"[2001:db8::7]:6379", at_ms(1'763'806'100'001)}}};
  state.endpoints["catalog"].url = "redis-cluster://catalog.example.net";
  return state;
}

/// The endpoints that are read from the text of "endpoints".
std::map<std::string, EndpointState> endpoints(const std::string& text) {
  const auto state = decode(R"({"version":1,"endpoints":)" + text + "}");
  return state ? state->endpoints
               : std::map<std::string, EndpointState>{{state.error().message, {}}};
}

/// Whether an endpoint with these members beside its URL is read.
bool is_read(const std::string& members) {
  return endpoints(R"({"a":{"url":"redis://a",)" + members + "}}").contains("a");
}

/// The nodes of the formers that are read from the text of "formers".
std::vector<std::string> formers(const std::string& text) {
  const auto read = endpoints(R"({"a":{"url":"redis://a","formers":)" + text + "}}");
  if (!read.contains("a")) return {"the endpoint is left out"};
  std::vector<std::string> nodes;
  for (const FormerPrimary& former : read.at("a").formers) nodes.push_back(former.node);
  return nodes;
}

std::string why_not(const std::string& text) {
  const auto state = decode(text);
  return state ? "read" : state.error().message;
}

TEST(State, IsReadAsItWasWritten) {
  const auto state = decode(encode(full()));
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(*state, full());
  EXPECT_EQ(*decode(encode({})), State{});
}

// Another version of relinkd reads it.
TEST(State, HasThisForm) {
  State state;
  state.endpoints["a"] = {.url = "redis://a",
                          .primary = "10.0.0.8:6379",
                          .last_proof = at_ms(1'763'806'500'123),
                          .believed = "10.0.0.9:6379",
                          .epoch = 7,
                          .formers = {{"10.0.0.7:6379", at_ms(1'763'806'000'000)}}};
  EXPECT_EQ(encode(state),
            R"({"endpoints":{"a":{"believed":"10.0.0.9:6379","epoch":7,"formers":[)"
            R"({"demoted_unix_ms":1763806000000,"node":"10.0.0.7:6379"}],)"
            R"("last_proof_unix_ms":1763806500123,"primary":"10.0.0.8:6379","url":"redis://a"}},)"
            R"("version":1})");
}

TEST(State, KeepsTimesToTheMillisecondHoweverFarTheyAre) {
  for (const WallTime t :
       {WallTime::min(), at_ms(-1), WallTime{}, at_ms(1) + 999'999ns, WallTime::max()}) {
    State state;
    state.endpoints["a"] = {.url = "redis://a", .last_proof = t};
    const auto read = decode(encode(state));
    ASSERT_TRUE(read);
    EXPECT_LT(std::chrono::abs(read->endpoints.at("a").last_proof - t), 1ms);
  }
}

TEST(State, OfAnEndpointMayLackAllButTheUrl) {
  const auto read = endpoints(R"({"a":{"url":"redis://a"},"b":{"primary":"10.0.0.8:6379"}})");
  ASSERT_THAT(read, ElementsAre(Key("a")));
  EXPECT_EQ(read.at("a"), EndpointState{.url = "redis://a"});
}

TEST(State, PassesOverKeysThatItDoesNotKnow) {
  const auto state =
      decode(R"({"endpoints":{"a":{"url":"redis://a","breaker":{"open":true},"epoch":7}},)"
             R"("incidents":[1,{"x":[]}],"version":1})");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->endpoints.at("a").epoch, 7U);
}

TEST(State, LeavesOutOnlyTheEndpointThatIsMalformed) {
  const auto read = endpoints(R"({"a":{"url":"redis://a"},"b":{"url":7},"c":[],"d":null,"e":{},)"
                              R"("f":{"url":""},"g":{"url":"redis://g","epoch":"7"}})");
  EXPECT_THAT(read, ElementsAre(Key("a")));
}

TEST(State, TakesNoValueOfAnotherType) {
  EXPECT_TRUE(is_read(R"("primary":"x","believed":"y","epoch":0,"last_proof_unix_ms":-1)"));
  for (const char* members :
       {R"("primary":null)", R"("primary":["x"])", R"("believed":1)", R"("epoch":-1)",
        R"("epoch":1.0)", R"("epoch":18446744073709551616)", R"("epoch":true)",
        R"("last_proof_unix_ms":"2026-11-22T10:15:00Z")", R"("last_proof_unix_ms":1.5)",
        R"("last_proof_unix_ms":1e300)", R"("last_proof_unix_ms":9223372036855)",
        R"("last_proof_unix_ms":-9223372036855)", R"("last_proof_unix_ms":9223372036854775807)",
        R"("last_proof_unix_ms":18446744073709551615)", R"("formers":{})", R"("formers":null)"}) {
    EXPECT_FALSE(is_read(members)) << members;
  }
}

TEST(State, LeavesOutOnlyTheFormerPrimaryThatIsMalformed) {
  EXPECT_THAT(formers(R"([{"node":"n1","demoted_unix_ms":1},{"node":"n2"},{"demoted_unix_ms":3},)"
                      R"({"node":4,"demoted_unix_ms":4},{"node":"n5","demoted_unix_ms":"5"},)"
                      R"(null,"n6",{"node":"","demoted_unix_ms":7},)"
                      R"({"node":"n8","demoted_unix_ms":8,"by":"dns"}])"),
              ElementsAre("n1", "n8"));
}

TEST(State, KeepsTheNewestOfTooManyFormerPrimaries) {
  std::string text = "[";
  for (std::size_t i = 0; i < kMaxFormers + 3; ++i) {
    text += fmt::format(R"({}{{"node":"n{}","demoted_unix_ms":{}}})", i == 0 ? "" : ",", i, i);
  }
  const auto nodes = formers(text + "]");
  ASSERT_THAT(nodes, SizeIs(kMaxFormers));
  EXPECT_EQ(nodes.front(), "n3");
  EXPECT_EQ(nodes.back(), fmt::format("n{}", kMaxFormers + 2));
}

TEST(State, MustBeAJsonObject) {
  for (const char* text :
       {"", " ", "{", R"({"version":1,"endpoints":{}}})", "[]", "1", "null", "\"version\"",
        "{'version':1}", "{\"version\":1,\"endpoints\":{\"\xff\":1}}",
        R"({"version":1,"endpoints":{"\ud800":1}})"}) {
    EXPECT_EQ(why_not(text), "the state is not a JSON object") << text;
  }
}

TEST(State, MustBeOfTheVersionThatIsKnown) {
  EXPECT_EQ(why_not(R"({"version":2,"endpoints":{}})"),
            "the state is of version 2; this relinkd knows version 1");
  for (const char* text : {"{}", R"({"endpoints":{}})", R"({"version":"1","endpoints":{}})",
                           R"({"version":1.0,"endpoints":{}})", R"({"version":-1})"}) {
    EXPECT_EQ(why_not(text), "the state has no version") << text;
  }
}

TEST(State, MustHaveEndpoints) {
  for (const char* text : {R"({"version":1})", R"({"version":1,"endpoints":[]})",
                           R"({"version":1,"endpoints":null})"}) {
    EXPECT_THAT(why_not(text), HasSubstr("no \"endpoints\"")) << text;
  }
}

TEST(State, IsNotReadWhereItIsNestedTooDeep) {
  const auto nested = [](std::size_t depth) {
    return R"({"version":1,"endpoints":{},"x":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
  };
  EXPECT_EQ(why_not(nested(15)), "read");
  EXPECT_EQ(why_not(nested(16)), "the state is nested deeper than 16 levels");
  EXPECT_EQ(why_not(nested(400'000)), "the state is nested deeper than 16 levels");
  EXPECT_EQ(why_not(std::string(kMaxBytes, '[')), "the state is nested deeper than 16 levels");
}

TEST(State, IsOfAtMostFourMegabytes) {
  std::string text = encode(full());
  text.resize(kMaxBytes, ' ');
  EXPECT_TRUE(decode(text));
  const auto state = decode(text + ' ');
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, EFBIG);
  EXPECT_EQ(state.error().message, "the state is larger than 4194304 bytes, the most allowed");
}

TEST(State, IsUtf8WhateverItHolds) {
  State state;
  state.endpoints["caf\xc3\xa9"] = {.url = "redis://a\xff", .primary = std::string("\0\n\"", 3)};
  const auto read = decode(encode(state));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->endpoints.at("caf\xc3\xa9").url, "redis://a\xef\xbf\xbd");
  EXPECT_EQ(read->endpoints.at("caf\xc3\xa9").primary, std::string("\0\n\"", 3));
}

}  // namespace
}  // namespace relinkd::state
