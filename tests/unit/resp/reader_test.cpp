// SPDX-License-Identifier: Apache-2.0
#include "resp/reader.hpp"

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocated.hpp"
#include "reading.hpp"

namespace relinkd::resp {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Reader, ReadsEachTypeOfReply) {
  EXPECT_THAT(read_at_once("+PONG\r\n").replies, ElementsAre("+PONG"));
  EXPECT_THAT(read_at_once("-LOADING wait\r\n").replies, ElementsAre("-LOADING wait"));
  EXPECT_THAT(read_at_once(":-9223372036854775808\r\n").replies,
              ElementsAre(":-9223372036854775808"));
  EXPECT_THAT(read_at_once("$5\r\nhello\r\n").replies, ElementsAre("\"hello\""));
  EXPECT_THAT(read_at_once("$0\r\n\r\n").replies, ElementsAre("\"\""));
  EXPECT_THAT(read_at_once("$-1\r\n").replies, ElementsAre("nil"));
  EXPECT_THAT(read_at_once("*-1\r\n").replies, ElementsAre("nil"));
  EXPECT_THAT(read_at_once("*0\r\n").replies, ElementsAre("[]"));
  EXPECT_THAT(read_at_once("+\r\n").replies, ElementsAre("+"));
}

TEST(Reader, ReadsNestedArrays) {
  // ROLE of a primary with one replica.
  EXPECT_THAT(read_at_once("*3\r\n$6\r\nmaster\r\n:448\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n"
                           "$4\r\n6380\r\n$3\r\n291\r\n")
                  .replies,
              ElementsAre("[\"master\", :448, [[\"127.0.0.1\", \"6380\", \"291\"]]]"));
  EXPECT_THAT(read_at_once("*3\r\n*0\r\n*2\r\n*-1\r\n:1\r\n$-1\r\n").replies,
              ElementsAre("[[], [nil, :1], nil]"));
}

TEST(Reader, StringsMayHoldAnyBytes) {
  Reader reader;
  reader.feed("$7\r\na\0\r\n*1\xff\r\n"sv);
  const auto reply = reader.next();
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ((**reply).text, "a\0\r\n*1\xff"sv);
}

TEST(Reader, GivesPipelinedRepliesOneByOne) {
  Reader reader;
  reader.feed("+OK\r\n:2\r\n+PO");
  EXPECT_EQ(reader.pending(), 12U);
  EXPECT_EQ(show(**reader.next()), "+OK");
  EXPECT_EQ(reader.pending(), 7U);
  EXPECT_EQ(show(**reader.next()), ":2");
  EXPECT_EQ(reader.pending(), 3U);
  EXPECT_FALSE(reader.next()->has_value());
  reader.feed("NG\r\n");
  EXPECT_EQ(show(**reader.next()), "+PONG");
  EXPECT_EQ(reader.pending(), 0U);
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(Reader, NoBytesAreNoReply) {
  Reader reader;
  EXPECT_FALSE(reader.next()->has_value());
  reader.feed("");
  EXPECT_FALSE(reader.next()->has_value());
  EXPECT_EQ(reader.pending(), 0U);
}

TEST(Reader, ReadsTheSameHoweverTheStreamIsCut) {
  const std::string long_text(3000, 'x');
  const std::string streams[] = {
      "+PONG\r\n",
      "+OK\r\n$-1\r\n*-1\r\n:42\r\n-ERR unknown command 'ROLE'\r\n+PONG\r\n",
      "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:"
      "448\r\n+PONG\r\n",
      "*2\r\n$8\r\nsentinel\r\n*1\r\n$8\r\nmymaster\r\n*0\r\n",
      "$" + std::to_string(long_text.size()) + "\r\n" + long_text + "\r\n:1\r\n",
      "*2\r\n*2\r\n*1\r\n$3\r\na\r\n\r\n*0\r\n$1\r\n\r\r\n+a\rb\r\n",
      // …and the same where an error ends it.
      "+PONG\r\n*2\r\n$3\r\nabc\r\n%1\r\n+a\r\n+b\r\n",
      "*1\r\n$99999999\r\n",
      "*1\r\n:12a\r\n",
      "+OK\r\n\x15\x03\x03\x00\x02\x02\x28"s,
  };
  for (const std::string& stream : streams) {
    const Outcome whole = read_at_once(stream);
    EXPECT_NE(whole, Outcome{});
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      ASSERT_EQ(read_in_pieces(stream, cut, stream.size(), kInfoBudget), whole)
          << stream << " cut at " << cut;
    }
    EXPECT_EQ(read_bytewise(stream), whole) << stream;
  }
}

TEST(Reader, SaysWhatCameInsteadOfResp) {
  EXPECT_EQ(read_at_once("HTTP/1.1 400").error, "not RESP: the first bytes are \"HTTP/1.1 400\"");
  EXPECT_EQ(read_at_once("\x05\x00\xff"sv).error, "not RESP: the first bytes are \"...\"");
  const Outcome page = read_at_once("<html>" + std::string(5000, 'x'));
  EXPECT_THAT(page.error, HasSubstr("\"<html>xxx"));
  EXPECT_LT(page.error.size(), 100U);
}

TEST(Reader, JudgesTheFirstByteOfEachReply) {
  const Outcome outcome = read_at_once("+PONG\r\nHTTP/1.1 408 Request Timeout\r\n");
  EXPECT_THAT(outcome.replies, ElementsAre("+PONG"));
  EXPECT_THAT(outcome.error, HasSubstr("\"HTTP/1.1 408"));
}

TEST(Reader, TellsATlsRecordFromOtherBytes) {
  // A server's alert to what it takes for a broken handshake, and a ServerHello's first bytes.
  for (const std::string_view record :
       {"\x15\x03\x03\x00\x02\x02\x28"sv, "\x16\x03\x03\x00\x7a"sv, "\x15\x03\x01"sv, "\x16"sv}) {
    Reader reader;
    reader.feed(record);
    EXPECT_FALSE(reader.saw_tls());
    ASSERT_FALSE(reader.next());
    EXPECT_TRUE(reader.saw_tls());
    EXPECT_TRUE(looks_like_tls(record));
  }
  for (const std::string_view other : {"+PONG\r\n"sv, "HTTP/1.1"sv, "\x15\x02"sv, "\x17\x03"sv}) {
    Reader reader;
    reader.feed(other);
    std::ignore = reader.next();
    EXPECT_FALSE(reader.saw_tls());
    EXPECT_FALSE(looks_like_tls(other));
  }
  EXPECT_FALSE(looks_like_tls(""));
}

struct Resp3 {
  std::string_view stream;
  std::string_view type;
};

class UnaskedType : public testing::TestWithParam<Resp3> {};

TEST_P(UnaskedType, IsAnErrorThatNamesIt) {
  const auto [stream, type] = GetParam();
  const std::string expected = "RESP3 type '" + std::string(stream.substr(0, 1)) + "' (" +
                               std::string(type) + "), which nobody asked for";
  EXPECT_EQ(read_at_once(stream).error, expected);
  EXPECT_EQ(read_at_once(stream.substr(0, 1)).error, expected);
  const std::string in_array = "*2\r\n:1\r\n" + std::string(stream);
  EXPECT_EQ(read_at_once(in_array).error, expected);
  EXPECT_EQ(read_bytewise(in_array).error, expected);
}

INSTANTIATE_TEST_SUITE_P(Of, UnaskedType,
                         testing::Values(Resp3{"_\r\n", "null"}, Resp3{",1.5\r\n", "double"},
                                         Resp3{"#t\r\n", "boolean"}, Resp3{"(12\r\n", "big number"},
                                         Resp3{"!3\r\nERR\r\n", "bulk error"},
                                         Resp3{"=7\r\ntxt:abc\r\n", "verbatim string"},
                                         Resp3{"%1\r\n+a\r\n+b\r\n", "map"},
                                         Resp3{"~1\r\n+a\r\n", "set"},
                                         Resp3{">2\r\n+message\r\n+x\r\n", "push"},
                                         Resp3{"|1\r\n+a\r\n+b\r\n", "attribute"}));

TEST(Reader, RefusesWhatIsNoNumber) {
  for (const char* stream :
       {":\r\n", ":1.5\r\n", ":9223372036854775808\r\n", "$\r\n", "$x\r\n", "$-2\r\n",
        "$ 1\r\na\r\n", "*x\r\n", "*-2\r\n", "*?\r\n", "$?\r\n", "*99999999999999999999\r\n"}) {
    EXPECT_THAT(read_at_once(stream).error, HasSubstr("not RESP: ")) << stream;
    EXPECT_THAT(read_bytewise(stream).error, HasSubstr("not RESP: ")) << stream;
  }
}

TEST(Reader, IsSpentAfterAnError) {
  Reader reader;
  reader.feed("+OK\r\n");
  ASSERT_TRUE(reader.next());
  reader.feed("nonsense");
  const std::string why = reader.next().error().message;
  EXPECT_EQ(reader.pending(), 0U);
  reader.feed("+PONG\r\n");
  EXPECT_EQ(reader.pending(), 0U);
  EXPECT_EQ(reader.next().error().message, why);
}

TEST(Reader, IsMovedWithWhatItHasRead) {
  Reader first;
  first.feed("*2\r\n+a\r\n+");
  EXPECT_FALSE(first.next()->has_value());
  Reader second = std::move(first);
  second.feed("b\r\n");
  EXPECT_EQ(show(**second.next()), "[+a, +b]");
}

TEST(Reader, OneDoesNotSeeTheBytesOfAnother) {
  Reader a;
  Reader b;
  a.feed("+from");
  b.feed("$3\r\nb");
  EXPECT_FALSE(a.next()->has_value());
  EXPECT_FALSE(b.next()->has_value());
  a.feed(" a\r\n");
  EXPECT_EQ(show(**a.next()), "+from a");
  b.feed("bb\r\n");
  EXPECT_EQ(show(**b.next()), "\"bbb\"");
  {
    Reader abandoned;
    abandoned.feed("*3\r\n+half");
    EXPECT_FALSE(abandoned.next()->has_value());
  }
  Reader c;
  c.feed("+c\r\n");
  EXPECT_EQ(show(**c.next()), "+c");
}

TEST(Reader, CostsLittleMemoryWhileIdle) {
  constexpr std::size_t kCount = 1000;
  std::vector<Reader> readers;
  readers.reserve(kCount);
  const std::size_t before = allocated_bytes();
  for (std::size_t i = 0; i < kCount; ++i) {
    Reader& reader = readers.emplace_back();
    for (int ping = 0; ping < 3; ++ping) {
      reader.feed("+PONG\r\n");
      ASSERT_EQ(show(**reader.next()), "+PONG");
    }
  }
  EXPECT_LT((allocated_bytes() - before) / kCount, 300U);
}

}  // namespace
}  // namespace relinkd::resp
