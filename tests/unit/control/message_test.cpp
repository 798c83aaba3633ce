// SPDX-License-Identifier: Apache-2.0
#include "control/message.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::control {
namespace {

using ::testing::HasSubstr;

std::string why_not(std::string_view text) {
  const auto call = parse_call(text);
  return call ? "accepted" : call.error().message;
}

TEST(Call, NeedsOnlyAMethod) {
  const auto call = parse_call(R"({"method":"io.relinkd.GetStatus"})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "io.relinkd.GetStatus");
  EXPECT_TRUE(call->parameters.empty());
  EXPECT_FALSE(call->more);
  EXPECT_FALSE(call->oneway);
}

TEST(Call, HasFlagsAndParameters) {
  const auto call = parse_call(
      R"({"method":"a.B","more":true,"parameters":
          {"interface":"io.relinkd","seconds":3,"dry_run":true,"list":[1]}})");
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->more);
  ASSERT_EQ(call->parameters.size(), 4U);
  EXPECT_EQ(call->parameters.at("interface"), Parameter(std::string("io.relinkd")));
  EXPECT_EQ(call->parameters.at("seconds"), Parameter(3.0));
  EXPECT_EQ(call->parameters.at("dry_run"), Parameter(true));
  EXPECT_EQ(call->parameters.at("list"), Parameter());
}

TEST(Call, NullMeansNotGiven) {
  EXPECT_TRUE(parse_call(R"({"method":"a.B","parameters":null,"more":null,"oneway":null})"));
  const auto call = parse_call(R"({"method":"a.B","parameters":{"seconds":null}})");
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->parameters.empty());
}

TEST(Call, RefusesWhatIsNoCallAndSaysWhy) {
  EXPECT_THAT(why_not(""), HasSubstr("not JSON"));
  EXPECT_THAT(why_not("GET / HTTP/1.1\r\n"), HasSubstr("not JSON"));
  EXPECT_THAT(why_not(R"({"method":"a.B"} trailing)"), HasSubstr("not JSON"));
  EXPECT_THAT(why_not("{\"method\":\"a.\xff\"}"), HasSubstr("not JSON"));
  EXPECT_THAT(why_not("[1,2]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(why_not("42"), HasSubstr("not a JSON object"));
  EXPECT_THAT(why_not("{}"), HasSubstr("\"method\""));
  EXPECT_THAT(why_not(R"({"method":7})"), HasSubstr("\"method\""));
  EXPECT_THAT(why_not(R"({"method":"a.B","parameters":[]})"), HasSubstr("\"parameters\""));
  EXPECT_THAT(why_not(R"({"method":"a.B","more":1})"), HasSubstr("true or false"));
  EXPECT_THAT(why_not(R"({"method":"a.B","oneway":"yes"})"), HasSubstr("true or false"));
  EXPECT_THAT(why_not(R"({"method":"a.B","more":true,"oneway":true})"), HasSubstr("contradict"));
  EXPECT_THAT(why_not(R"({"method":"a.B","upgrade":true})"), HasSubstr("upgrade"));
}

TEST(Call, IsNotParsedWhereItIsNestedTooDeep) {
  const std::string deep = R"({"method":"a.B","parameters":{"x":)" + std::string(30'000, '[') +
                           std::string(30'000, ']') + "}}";
  EXPECT_THAT(why_not(deep), HasSubstr("nested deeper than 32"));
  EXPECT_THAT(why_not(std::string(60'000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(why_not(std::string(60'000, '{')), HasSubstr("nested deeper"));
}

TEST(Encoding, ACallReadsBackAsItWas) {
  const auto text =
      encode_call("org.varlink.service.GetInterfaceDescription", R"({"interface":"x"})", true);
  ASSERT_TRUE(text);
  ASSERT_EQ(text->back(), '\0');
  const auto call = parse_call(std::string_view(*text).substr(0, text->size() - 1));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "org.varlink.service.GetInterfaceDescription");
  EXPECT_EQ(call->parameters.at("interface"), Parameter(std::string("x")));
  EXPECT_TRUE(call->more);
  EXPECT_FALSE(encode_call("a.B", "not json", false));
}

TEST(Encoding, ARepliesParametersAndEndReadBack) {
  const std::string more = encode_reply(R"({"a":1})", true);
  ASSERT_EQ(more.back(), '\0');
  const auto reply = parse_reply(std::string_view(more).substr(0, more.size() - 1));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->parameters, R"({"a":1})");
  EXPECT_TRUE(reply->continues);
  const std::string last = encode_reply("{}", false);
  EXPECT_EQ(last.find("continues"), std::string::npos);
}

TEST(Encoding, AnErrorsReasonReadsBack) {
  const std::string text = encode_error("io.relinkd.PermissionDenied", {{"reason", "no \"way\""}});
  const auto reply = parse_reply(std::string_view(text).substr(0, text.size() - 1));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error, "io.relinkd.PermissionDenied");
  EXPECT_EQ(reply->reason, "no \"way\"");
}

TEST(Encoding, NoByteOfAMessageIsNulButTheLast) {
  const std::string text = encode_error("a.B", {{"parameter", std::string_view("x\0y\xff", 4)}});
  EXPECT_EQ(text.find('\0'), text.size() - 1);
}

TEST(Reply, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", "[]", R"({"error":7})", R"({"parameters":[]})", R"({"continues":1})"}) {
    EXPECT_FALSE(parse_reply(text)) << text;
  }
}

}  // namespace
}  // namespace relinkd::control
