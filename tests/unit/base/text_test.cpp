// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.hpp"

namespace relinkd {
namespace {

using testing::ElementsAre;

TEST(ParseU64, TakesDecimalNumbersOnly) {
  EXPECT_EQ(parse_u64("0"), 0U);
  EXPECT_EQ(parse_u64("007"), 7U);
  EXPECT_EQ(parse_u64("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "eins",
                          "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_EQ(parse_u64(bad), std::nullopt) << '"' << bad << '"';
  }
}

TEST(ParseDuration, TakesOneNumberAndOneUnit) {
  EXPECT_EQ(parse_duration("250us"), 250us);
  EXPECT_EQ(parse_duration("100ms"), 100ms);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("1m"), 1min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("1d"), 24h);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* bad : {"", "5", "s", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5s", "1h30m", "5S",
                          "5sec", "5min", "5ns", "5w", "0x5s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << '"' << bad << '"';
  }
}

TEST(ParseDuration, RefusesWhatDoesNotFit) {
  EXPECT_EQ(parse_duration("106751d"), 106751 * Duration(24h));
  EXPECT_EQ(parse_duration("106752d"), std::nullopt) << "292 years and some";
  EXPECT_EQ(parse_duration("9223372036s"), Duration(9223372036s));
  EXPECT_EQ(parse_duration("9223372037s"), std::nullopt);
  EXPECT_EQ(parse_duration("18446744073709551616us"), std::nullopt);
}

TEST(Split, GivesThePiecesBetweenSeparators) {
  EXPECT_THAT(split("a,b,c", ','), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split("a", ','), ElementsAre("a"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",a,,", ','), ElementsAre("", "a", "", ""));
}

TEST(Trim, RemovesBlanksAtBothEnds) {
  EXPECT_EQ(trim("  a b\t\r\n"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \t\r\n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(LowerCase, ChangesAsciiLettersOnly) {
  EXPECT_EQ(lower_case("Cache-1.AZ.example"), "cache-1.az.example");
  EXPECT_EQ(lower_case("@[`{\xc3\x84"), "@[`{\xc3\x84");
  EXPECT_EQ(lower_case(""), "");
}

std::optional<std::string_view> nearest_key(std::string_view word) {
  static constexpr std::string_view kKeys[] = {"ping_interval", "command_timeout",
                                               "connect_timeout", "url", "name"};
  return nearest(word, kKeys);
}

TEST(Nearest, FindsTheLikelySlipOfTheKeyboard) {
  EXPECT_EQ(nearest_key("ping_intervall"), "ping_interval");
  EXPECT_EQ(nearest_key("pingintervall"), "ping_interval");
  EXPECT_EQ(nearest_key("comand_timeout"), "command_timeout");
  EXPECT_EQ(nearest_key("ulr"), std::nullopt) << "two of three letters differ";
  EXPECT_EQ(nearest_key("uri"), "url");
  EXPECT_EQ(nearest_key("url"), "url");
}

TEST(Nearest, DoesNotGuess) {
  EXPECT_EQ(nearest_key("colour"), std::nullopt);
  EXPECT_EQ(nearest_key(""), std::nullopt);
  EXPECT_EQ(nearest_key(std::string(10'000, 'x')), std::nullopt);
  EXPECT_EQ(nearest("url", {}), std::nullopt);
}

TEST(Printable, LeavesNothingThatATerminalOrJournalWouldAct) {
  EXPECT_EQ(printable("-ERR plain ~text~"), "-ERR plain ~text~");
  EXPECT_EQ(printable(std::string_view("a\0b\x1b[31m\r\n\x7f", 10)), "a.b.[31m..");
  EXPECT_EQ(printable("h\xc3\xa9"), "h..");
}

TEST(Printable, IsCutAtTheLimit) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef…");
  EXPECT_EQ(printable(std::string(1'000'000, 'x')).size(), 120 + std::string("…").size());
}

TEST(JsonDepth, CountsOpenBracketsOutsideStrings) {
  EXPECT_TRUE(json_depth_within("[[]]", 2));
  EXPECT_FALSE(json_depth_within("[[]]", 1));
  EXPECT_TRUE(json_depth_within("[][][]", 1));
  EXPECT_TRUE(json_depth_within(R"({"[[[[":"{{{{"})", 1));
  EXPECT_TRUE(json_depth_within(R"(["\"[[[["])", 1));
  EXPECT_FALSE(json_depth_within(R"(["\\",[]])", 1));
  EXPECT_TRUE(json_depth_within("]]]]", 0));
  EXPECT_TRUE(json_depth_within(R"("\)", 0));
}

// RFC 3629: shortest form only, no surrogates, nothing above U+10FFFF.
TEST(Utf8, KnowsWholeCharacters) {
  EXPECT_EQ(utf8_character("a"), 1U);
  EXPECT_EQ(utf8_character("\xc3\xa9 and more"), 2U);
  EXPECT_EQ(utf8_character("\xe2\x82\xac"), 3U);
  EXPECT_EQ(utf8_character("\xf0\x9f\x98\x80"), 4U);
  EXPECT_EQ(utf8_character("\xf4\x8f\xbf\xbf"), 4U) << "U+10FFFF";
  EXPECT_EQ(utf8_character(std::string_view("\0", 1)), 1U);
}

TEST(Utf8, RefusesEverythingElse) {
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(utf8_character(bad), 0U) << printable(bad);
  }
  EXPECT_EQ(utf8_character(""), 0U);
}

}  // namespace
}  // namespace relinkd
