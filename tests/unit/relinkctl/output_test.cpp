// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/output.hpp"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::relinkctl {
namespace {

using ::testing::ElementsAre;

constexpr Screen kPipe{};
constexpr Screen kTerminal{.width = 40, .height = 24, .colour = false};

TEST(Clean, LetsNoControlCharacterThrough) {
  EXPECT_EQ(clean("a\033[2Jb\r\n\tc\x7f"), "a.[2Jb...c.");
  EXPECT_EQ(clean("\xc2\x9b"
                  "31m"),
            ".31m");
}

TEST(Clean, KeepsTextInUtf8AndNothingElse) {
  EXPECT_EQ(clean("1.1 µs … Grüße 東京"), "1.1 µs … Grüße 東京");
  EXPECT_EQ(clean("a\xff\xc3"), "a..");
}

TEST(Colour, IsLeftOutWhereItIsNotWantedOrNotUnderstood) {
  EXPECT_TRUE(wants_colour(nullptr, "xterm"));
  EXPECT_TRUE(wants_colour("", "xterm")) << "set and empty says nothing (no-color.org)";
  EXPECT_FALSE(wants_colour("1", "xterm"));
  EXPECT_FALSE(wants_colour("0", "xterm"));
  EXPECT_FALSE(wants_colour(nullptr, "dumb"));
  EXPECT_FALSE(wants_colour(nullptr, nullptr));
}

TEST(Width, CountsCharactersNotBytes) {
  EXPECT_EQ(width_of(""), 0U);
  EXPECT_EQ(width_of("µs"), 2U);
  EXPECT_EQ(width_of("a…b"), 3U);
}

TEST(Width, IsTwoOfAWideCharacterAndNoneOfACombiningOne) {
  EXPECT_EQ(width_of("東京"), 4U);
  EXPECT_EQ(width_of("🚀"), 2U);
  EXPECT_EQ(width_of("e\u0301"), 1U);
}

TEST(Wrap, BreaksBetweenWords) {
  EXPECT_THAT(wrap("one two three four", 9, 0), ElementsAre("one two", "three", "four"));
  EXPECT_THAT(wrap("one two three four", 9, 2), ElementsAre("  one two", "  three", "  four"));
}

TEST(Wrap, NeverBreaksAWord) {
  EXPECT_THAT(wrap("at [2001:db8::1]:6379 now", 8, 0),
              ElementsAre("at", "[2001:db8::1]:6379", "now"));
}

TEST(Wrap, MeasuresCharacters) { EXPECT_THAT(wrap("µµ µµ", 5, 0), ElementsAre("µµ µµ")); }

TEST(Wrap, LeavesALineAloneWhereThereIsNoEdge) {
  EXPECT_THAT(wrap("one two three four", 0, 2), ElementsAre("  one two three four"));
}

TEST(Table, AlignsColumnsByCharacters) {
  Table table({"A", "LONG", "C"});
  table.add_row({{"µµµ"}, {"1"}, {"x"}});
  table.add_row({{"a"}, {"22"}, {"y"}});
  EXPECT_EQ(table.render(kPipe),
            "A    LONG  C\n"
            "µµµ  1     x\n"
            "a    22    y\n");
}

TEST(Table, WrapsTheLastColumnOnATerminalOnly) {
  Table table({"KEY", "WHAT"});
  table.add_row({{"key"}, {"one two three four five six seven eight nine"}});
  EXPECT_EQ(table.render(kTerminal),
            "KEY  WHAT\n"
            "key  one two three four five six seven\n"
            "     eight nine\n");
  EXPECT_EQ(table.render(kPipe),
            "KEY  WHAT\n"
            "key  one two three four five six seven eight nine\n");
}

TEST(Table, BecomesBlocksWhereItsColumnsDoNotFit) {
  Table table({"KEY", "WHAT"});
  table.add_row({{"a-key-that-is-long-as-well"}, {"one two three four five six seven eight nine"}});
  table.add_note("a note that is longer than the terminal is wide");
  table.add_row({{"b"}, {"2"}});
  EXPECT_EQ(table.render(kTerminal),
            "KEY   a-key-that-is-long-as-well\n"
            "WHAT  one two three four five six seven\n"
            "      eight nine\n"
            "  a note that is longer than the\n"
            "  terminal is wide\n"
            "\n"
            "KEY   b\n"
            "WHAT  2\n");
}

TEST(Table, NeverBreaksAValueInTheMiddle) {
  const std::string address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:6379";
  const std::string key = "a.key.that.is.longer.than.many";
  Table table({"KEY", "NODE", "WHAT"});
  table.add_row({{key}, {address}, {"/system.slice/a-service-with-a-long-name.service and more"}});
  for (std::size_t width = 1; width < 200; ++width) {
    const std::string out = table.render({.width = width, .height = 24, .colour = false});
    for (const std::string& value :
         {key, address, std::string("/system.slice/a-service-with-a-long-name.service")}) {
      EXPECT_THAT(out, ::testing::HasSubstr(value)) << width;
    }
  }
}

TEST(Table, HasNoLineBeyondTheEdgeThatCouldBeShorter) {
  Table table({"ENDPOINT", "NODE", "SINCE"});
  table.add_row({{"sessions"}, {"10.0.0.7:6379"}, {"2 h 11 min"}});
  table.add_note("a sentence with figures under it");
  for (std::size_t width = 26; width < 60; ++width) {
    std::istringstream lines(table.render({.width = width, .height = 24, .colour = false}));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), width) << line;
  }
}

TEST(Table, PutsNotesUnderTheirRow) {
  Table table({"A", "B"});
  table.add_row({{"a"}, {"1"}});
  table.add_note("a sentence about a that is longer than the terminal");
  table.add_row({{"b"}, {"2"}});
  EXPECT_EQ(table.render(kTerminal),
            "A  B\n"
            "a  1\n"
            "  a sentence about a that is longer than\n"
            "  the terminal\n"
            "b  2\n");
}

TEST(Table, ColoursTextNotPadding) {
  Table table({"A", "B"});
  table.add_row({{"ok", Colour::Good}, {"1"}});
  const Screen colourful{.width = 0, .height = 0, .colour = true};
  EXPECT_THAT(table.render(colourful), ::testing::HasSubstr("\033[32mok\033[0m  1\n"));
  EXPECT_THAT(table.render(kPipe), ::testing::Not(::testing::HasSubstr("\033")));
}

TEST(Table, CleansWhatItIsGiven) {
  Table table({"A", "B"});
  table.add_row({{"\033]0;title\a"}, {"1"}});
  table.add_note("evil\r\nnote");
  const std::string out = table.render(kPipe);
  EXPECT_EQ(out.find('\033'), std::string::npos);
  EXPECT_THAT(out, ::testing::HasSubstr("evil..note"));
}

}  // namespace
}  // namespace relinkd::relinkctl
