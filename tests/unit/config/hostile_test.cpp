// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string repeat(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

bool is_clean(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

TEST(Depth, OfDottedKeysIsBounded) {
  EXPECT_THAT(errors("a" + repeat(".a", 300'000) + " = 1"),
              ElementsAre("f:1:64: more than 32 levels of tables"));
  EXPECT_THAT(errors("\n[a" + repeat(".a", 300'000) + "]"),
              ElementsAre("f:2:65: more than 32 levels of tables"));
  EXPECT_THAT(errors("[[a" + repeat(".a", 300'000) + "]]"),
              ElementsAre("f:1:66: more than 32 levels of tables"));
}

TEST(Depth, OfArraysAndInlineTablesIsBounded) {
  EXPECT_THAT(errors("a = " + repeat("[", 300'000)),
              ElementsAre("f:1:36: more than 32 levels of tables"));
  EXPECT_THAT(errors("a = " + repeat("{ a = ", 300'000)),
              ElementsAre("f:1:191: more than 32 levels of tables"));
}

TEST(Depth, AddsUpFromHeaderKeyAndValue) {
  const std::string header = "[a" + repeat(".a", 11) + "]\n";
  const std::string key = "b" + repeat(".b", 9);
  const auto text = [&](int inner) {
    return header + "x = 1\n" + key + " = [ 1, { c = 1 }, { c" + repeat(".c", std::size_t(inner)) +
           " = 1 } ]";
  };
  // 12 of the header, 1 for its keys, 9 dots, 2 brackets and 8 dots are 32.
  EXPECT_THAT(errors(text(8)), ElementsAre("f:1:2: unknown key 'a' in the configuration"));
  EXPECT_THAT(errors(text(9)), ElementsAre("f:3:58: more than 32 levels of tables"));
}

TEST(Depth, IsNotMadeByDotsInStringsAndComments) {
  const std::string dots = repeat(".", 200);
  const std::string brackets = repeat("[{", 200);
  EXPECT_THAT(errors("# " + dots + brackets +
                     "\n"
                     "[watch] # \"" +
                     dots +
                     "\n"
                     "ping_interval = \"1s\" # '" +
                     brackets + "\n"),
              IsEmpty());
  for (const std::string quotes : {"\"", "'", "\"\"\"", "'''"}) {
    // Each ends before the key of the next line: were its end not seen, that would be no error.
    const std::string text = "[watch]\na = " + quotes + dots + brackets + quotes + "\nb = 1\nc" +
                             repeat(".c", 40) + " = 1";
    EXPECT_THAT(errors(text), ElementsAre("f:4:62: more than 32 levels of tables")) << quotes;
  }
}

TEST(Depth, IsSeenBehindStringsThatEndUnusually) {
  const std::string deep = "\nb" + repeat(".b", 40) + " = 1";
  for (const char* value : {"\"\"", "''", R"("\"")", R"("\\")", R"('\')", R"("a\\\"b")",
                            "\"\"\"a\"\"\"\"\"", "'''a'''''", "\"\"\"\"\"\"", "''''''",
                            "\"\"\"a\\\"\"\"\"", "\"\"\"a\\\nb\"\"\"", "'''a\nb'''"}) {
    const std::vector<std::string> lines = errors("a = " + std::string(value) + deep);
    ASSERT_EQ(lines.size(), 1U) << value;
    EXPECT_THAT(lines.front(), testing::HasSubstr("more than 32 levels of tables")) << value;
  }
}

TEST(Size, IsBounded) {
  const std::string comment = "#" + std::string((std::size_t{4} << 20) - 1, 'x');
  EXPECT_THAT(errors(comment), IsEmpty());
  EXPECT_THAT(errors(comment + "x"), ElementsAre("f: larger than 4 MiB"));
}

TEST(Size, ManyErrorsAreNoTrouble) {
  std::string text = "[watch]\n";
  for (int i = 0; i < 5'000; ++i) text += "k" + std::to_string(i) + " = 1\n";
  EXPECT_EQ(errors(text).size(), 5'000U);
}

TEST(Integers, ThatDoNotFitAreSyntaxErrors) {
  EXPECT_THAT(errors("[watch]\nkeepalive.count = 99999999999999999999"),
              ElementsAre("f:2:39: Error while parsing decimal integer: the number is not "
                          "representable in 64 bits"));
  EXPECT_THAT(errors("[watch]\nkeepalive.count = 9223372036854775807"),
              ElementsAre("f:2:19: watch.keepalive.count: 9223372036854775807 is out of range: 1 "
                          "to 127"));
  EXPECT_THAT(errors("[watch]\nkeepalive.count = -9223372036854775808"),
              ElementsAre("f:2:19: watch.keepalive.count: -9223372036854775808 is out of range: 1 "
                          "to 127"));
}

TEST(Bytes, ThatAreNoUtf8AreSyntaxErrors) {
  for (const std::string bytes : {"\xff", "\xc3", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
    const std::vector<std::string> lines = errors("[watch]\na = \"" + bytes + "\"");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines.front(), testing::HasSubstr("invalid utf-8"));
  }
}

TEST(Bytes, NulInTheTextIsASyntaxError) {
  EXPECT_EQ(errors(std::string("[watch]\nping\0_interval = \"1s\"", 30)).size(), 1U);
}

TEST(Bytes, ControlCharactersInKeysDoNotReachTheMessage) {
  EXPECT_THAT(errors("\"a\\u0000\\u001b[31m\\nb\" = 1"),
              ElementsAre("f:1:1: unknown key 'a..[31m.b' in the configuration"));
  EXPECT_THAT(errors("[sysctl.want]\n\"net.\\u001b[31m\" = 1"),
              ElementsAre("f:2:1: sysctl.want: 'net..[31m' is not a sysctl's key, such as "
                          "\"net.ipv4.tcp_retries2\""));
}

TEST(Bytes, ControlCharactersInValuesDoNotReachTheMessage) {
  const std::string evil = "\"\\u0000\\u001b]0;x\\u0007\\u007f\"";
  for (const std::string line : {"[watch]\nping_interval = ",
                                 "[watch]\nidle_watch = ",
                                 "[metrics]\nlisten = ",
                                 "[control]\nsocket = ",
                                 "[[endpoint]]\nurl = ",
                                 "[[endpoint]]\nname = ",
                                 "[[endpoint]]\nexpect = ",
                                 "[[endpoint]]\ntls.ca_file = ",
                                 "[[endpoint]]\ntls.server_name = ",
                                 "[[endpoint]]\npassword.file = ",
                                 "[[endpoint]]\npassword.credential = ",
                                 "[[endpoint]]\nsentinel.user = ",
                                 "mode = ",
                                 "[actuator]\nuser = ",
                                 "[actuator]\nsocket = ",
                                 "[[app]]\nname = ",
                                 "[[app]]\nmatch.unit = ",
                                 "[[app]]\nmatch.cgroup = ",
                                 "[[app]]\nmatch.user = ",
                                 "[[app]]\ntrigger = ",
                                 "[[app]]\nmode = "}) {
    const std::vector<std::string> lines = errors(line + evil);
    EXPECT_THAT(lines, testing::Not(IsEmpty())) << line;
    for (const std::string& text : lines) EXPECT_TRUE(is_clean(text)) << text;
  }
}

TEST(Bytes, ControlCharactersInItemsDoNotReachTheMessage) {
  const std::string evil = "[\"\\u0000\\u001b]0;x\\u0007\"]";
  for (const std::string key : {"endpoints", "actions"}) {
    const std::vector<std::string> lines = app_errors(key + " = " + evil);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_TRUE(is_clean(lines.front())) << lines.front();
  }
}

TEST(Bytes, ControlCharactersInSyntaxErrorsDoNotReachTheMessage) {
  for (const std::string& text :
       {std::string("a\x1b = 1"), std::string("a = \x1b"), std::string("a = t\x1b\x1b\x1b"),
        std::string("[\"\\u001b\"]\n[\"\\u001b\"]"), std::string("\x7f"),
        std::string("a = \"\\\x1b\"")}) {
    const std::vector<std::string> lines = errors(text);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_TRUE(is_clean(lines.front())) << lines.front();
  }
}

TEST(Length, OfWhatAMessageRepeatsIsBounded) {
  const std::string huge(100'000, 'x');
  for (const std::string& text :
       {huge + " = 1", "[watch]\nping_interval = \"" + huge + "\"",
        "[[endpoint]]\nurl = \"" + huge + "://h\"",
        "[[endpoint]]\nurl = \"redis-sentinel://h#" + huge + "\"",
        "[[endpoint]]\nurl = \"redis-sentinel://h#m\"\nsentinel.user = \"" + huge + "\"",
        "mode = \"" + huge + "\"", "[actuator]\nuser = \"" + huge + "\"",
        "[[app]]\nname = \"" + huge + "\"", "[[app]]\nmatch.unit = \"" + huge + "\"",
        "[[app]]\nmatch.unit = \"" + huge.substr(0, 255) + "\"",
        "[[app]]\nmatch.cgroup = \"/" + huge + "//\"", "[[app]]\nmatch.user = \"" + huge + "\"",
        "[[app]]\nendpoints = [\"" + huge + "\"]",
        "[[app]]\nactions = [\"" + huge + "\", \"signal:" + huge + "\", \"start:" + huge + "\"]",
        "[[endpoint]]\nname = \"" + huge + "\"", "[sysctl.want]\n\"" + huge + "\" = 1",
        "[" + huge + "]\n[" + huge + "]"}) {
    for (const std::string& line : errors(text)) EXPECT_LT(line.size(), 300U);
  }
}

}  // namespace
}  // namespace relinkd::config::test
