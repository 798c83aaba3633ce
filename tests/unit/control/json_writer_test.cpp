// SPDX-License-Identifier: Apache-2.0
#include "control/json_writer.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace relinkd::control {
namespace {

std::string string(std::string_view text) { return JsonWriter().string(text).take(); }

TEST(JsonWriter, PutsCommasBetweenValuesOnly) {
  JsonWriter json;
  json.open_object();
  json.key("a").open_array().integer(1).string("x").open_array().close_array().boolean(false);
  json.close_array().key("b").open_object().close_object().key("c").null().close_object();
  EXPECT_EQ(json.take(), R"({"a":[1,"x",[],false],"b":{},"c":null})");
}

TEST(JsonWriter, IsNotMisledByTheEndOfAString) {
  for (const std::string end : {"{", "[", ":", ","}) {
    JsonWriter json;
    json.open_array().string("a" + end).integer(1).close_array();
    EXPECT_EQ(json.take(), "[\"a" + end + "\",1]");
  }
}

TEST(JsonWriter, WritesEveryByteSoThatAParserReadsItBack) {
  for (int c = 0; c < 128; ++c) {
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(nlohmann::json::parse(string(text)).get<std::string>(), text) << c;
  }
  EXPECT_EQ(nlohmann::json::parse(string("µs … 東京 😀")).get<std::string>(), "µs … 東京 😀");
}

TEST(JsonWriter, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(string("a\xff\xc3z"), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
  for (int c = 128; c < 256; ++c) {
    EXPECT_TRUE(nlohmann::json::accept(string(std::string(2, static_cast<char>(c))))) << c;
  }
}

TEST(JsonWriter, HoldsNoNulWhichWouldEndTheMessage) {
  EXPECT_EQ(string(std::string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST(JsonWriter, WritesTheWholeRangeOfNumbers) {
  JsonWriter json;
  json.open_array();
  json.integer(std::numeric_limits<std::int64_t>::min());
  json.count(std::numeric_limits<std::uint64_t>::max()).close_array();
  EXPECT_EQ(json.take(), "[-9223372036854775808,18446744073709551615]");
}

TEST(JsonWriter, WritesSecondsAsShortAsTheyAre) {
  JsonWriter json;
  json.open_array().seconds(1100us).seconds(350s).seconds(0s).seconds(1ns).seconds(-1500ms);
  EXPECT_EQ(json.close_array().take(), "[0.0011,350,0,0,-1.5]");
}

TEST(JsonWriter, WritesTimesInUtc) {
  EXPECT_EQ(JsonWriter().time(WallTime(1'795'342'500'123ms)).take(),
            "\"2026-11-22T10:15:00.123Z\"");
}

}  // namespace
}  // namespace relinkd::control
