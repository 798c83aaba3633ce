// SPDX-License-Identifier: Apache-2.0
// What a peer can make a reader hold or do is bounded, whatever it sends.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocated.hpp"
#include "reading.hpp"
#include "resp/reader.hpp"

namespace relinkd::resp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string bulk(std::size_t length) {
  return "$" + std::to_string(length) + "\r\n" + std::string(length, 'x') + "\r\n";
}

std::string nested(int depth) {
  std::string stream;
  for (int i = 0; i < depth; ++i) stream += "*1\r\n";
  return stream + ":1\r\n";
}

/// The most that was allocated beyond the start, looked at after each piece of `stream`, until the
/// error that must come.
std::size_t most_allocated(const std::string& stream, std::size_t piece, Budget budget) {
  const std::size_t before = allocated_bytes();
  std::size_t most = 0;
  Reader reader;
  reader.set_budget(budget);
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(std::string_view(stream).substr(at, piece));
    auto next = reader.next();
    while (next && *next) next = reader.next();
    const std::size_t now = allocated_bytes();
    most = std::max(most, now - std::min(before, now));
    if (!next) return most;
  }
  ADD_FAILURE() << "no error came for " << stream.substr(0, 20);
  return most;
}

TEST(AllocatedBytes, SeesAnAllocation) {
  const std::size_t before = allocated_bytes();
  const std::vector<char> block(std::size_t{8} << 20U);
  EXPECT_GE(allocated_bytes() - before, block.size());
}

TEST(Budget, IsInclusiveAndCountsTheHeaders) {
  const std::string reply = bulk(1014);  // $1014, two line ends
  ASSERT_EQ(reply.size(), 1023U);
  EXPECT_THAT(read_at_once(reply, {1023, 16}).error, IsEmpty());
  EXPECT_THAT(read_bytewise(reply, {1023, 16}).error, IsEmpty());
  EXPECT_EQ(read_at_once(reply, {1022, 16}).error, "a reply of more than 1022 bytes");
  EXPECT_EQ(read_bytewise(reply, {1022, 16}).error, "a reply of more than 1022 bytes");
}

TEST(Budget, IsOfEachReplyNotOfThePipeline) {
  std::string stream;
  for (int i = 0; i < 10; ++i) stream += bulk(500);
  EXPECT_EQ(read_at_once(stream, kPingBudget).replies.size(), 10U);
  std::string arrays;
  for (int i = 0; i < 10; ++i) arrays += "*2\r\n:1\r\n:2\r\n";
  EXPECT_EQ(read_at_once(arrays, {1024, 2}).replies.size(), 10U);
}

TEST(Budget, OfTheReplyBeingReadCanBeChanged) {
  Reader reader;
  reader.set_budget(kInfoBudget);
  reader.feed("$2000\r\nabc");
  ASSERT_TRUE(reader.next());
  reader.set_budget(kPingBudget);
  EXPECT_FALSE(reader.next());
}

TEST(AnnouncedString, IsRefusedWhenAnnounced) {
  const std::string expected =
      "a string of 1073741824 bytes is announced, "
      "where a whole reply may have 1024";
  EXPECT_EQ(read_at_once("$1073741824\r\n", kPingBudget).error, expected);
  EXPECT_EQ(read_bytewise("*1\r\n$1073741824\r\n", kPingBudget).error, expected);
  EXPECT_THAT(read_at_once("$1073741824\r\n", kInfoBudget).error, HasSubstr("4194304"));
  EXPECT_THAT(read_at_once("$9223372036854775807\r\n", kInfoBudget).error,
              HasSubstr("9223372036854775807"));
  EXPECT_THAT(read_at_once("$1025\r\n", kPingBudget).error, HasSubstr("announced"));
  EXPECT_THAT(read_at_once("$1000\r\n", kPingBudget).error, IsEmpty());
  // …and no differently if all of it came along.
  EXPECT_EQ(read_at_once(bulk(1025), kPingBudget), read_bytewise(bulk(1025), kPingBudget));
}

TEST(AnnouncedArray, IsRefusedWhenAnnounced) {
  EXPECT_EQ(read_at_once("*2147483647\r\n", kInfoBudget).error,
            "an array of 2147483647 elements is announced, where a whole reply "
            "may have 65536");
  EXPECT_THAT(read_at_once("*17\r\n", kPingBudget).error, HasSubstr("announced"));
  EXPECT_THAT(read_at_once("*16\r\n", kPingBudget).error, IsEmpty());
  EXPECT_FALSE(read_at_once("*2147483648\r\n", kInfoBudget).error.empty());
}

TEST(AnnouncedArray, CountsWithAllOthersOfTheReply) {
  EXPECT_THAT(read_at_once("*2\r\n*7\r\n" + nested(0), {1024, 9}).error, IsEmpty());
  EXPECT_THAT(read_at_once("*2\r\n*8\r\n" + nested(0), {1024, 9}).error, HasSubstr("announced"));
  EXPECT_THAT(read_at_once("*3\r\n*0\r\n*0\r\n*1\r\n", {1024, 3}).error, HasSubstr("announced"));
}

TEST(AnnouncedArray, CostsNoMemoryBeforeItsElementsCome) {
  Reader reader;
  reader.set_budget(kInfoBudget);
  reader.feed("*1\r\n");
  ASSERT_TRUE(reader.next());
  const std::size_t before = allocated_bytes();
  reader.feed("*65535\r\n");
  ASSERT_TRUE(reader.next());
  EXPECT_LT(allocated_bytes() - before, 4096U);
}

TEST(Nesting, IsBounded) {
  EXPECT_THAT(read_at_once(nested(7)).replies, ElementsAre("[[[[[[[:1]]]]]]]"));
  EXPECT_EQ(read_at_once(nested(8)).error, "arrays nested more than 7 deep");
  EXPECT_EQ(read_bytewise(nested(100)).error, "arrays nested more than 7 deep");
}

TEST(Line, IsBoundedWithinTheBudget) {
  const std::string longest(4096, 'x');
  EXPECT_THAT(read_at_once("+" + longest + "\r\n").error, IsEmpty());
  for (const std::string& stream : {"+" + longest + "x\r\n", "-" + longest + "x\r",
                                    "*1\r\n+" + longest + "xx", "+" + longest + longest}) {
    EXPECT_EQ(read_at_once(stream).error, "a line of more than 4096 bytes");
    EXPECT_EQ(read_in_pieces(stream, 4000, 1, kInfoBudget).error, "a line of more than 4096 bytes");
  }
  EXPECT_EQ(read_at_once("+" + std::string(1024, 'x'), kPingBudget).error,
            "a reply of more than 1024 bytes");
}

TEST(Memory, StaysNearTheBudgetWhateverComes) {
  const std::string megabytes(std::size_t{16} << 20U, 'x');
  std::string numbers = "*60000\r\n";
  for (int i = 0; i < 60000; ++i) numbers += ":1\r\n";
  std::string strings = "*60000\r\n";
  for (int i = 0; i < 60000; ++i) strings += "$200\r\n" + std::string(200, 'x') + "\r\n";
  const std::string hostile[] = {
      "+" + megabytes,  // a line without end
      "$" + megabytes,  // a length without end
      "*" + std::string(std::size_t{2} << 20U, '1'),
      "$1073741824\r\n" + megabytes,
      "*2147483647\r\n" + numbers.substr(8),
      "*2\r\n" + bulk(900) + bulk(900),
      nested(500000),
  };
  for (const std::string& stream : hostile) {
    EXPECT_LT(most_allocated(stream, 512, kPingBudget), 8192U) << stream.substr(0, 20);
    EXPECT_LT(most_allocated(stream + "?", 16384, kInfoBudget), std::size_t{128} << 10U)
        << stream.substr(0, 20);
  }
  // What is within the INFO budget costs a few times its size, and no more where more comes.
  EXPECT_LT(most_allocated(strings, 16384, kInfoBudget), 4 * kInfoBudget.bytes);
  EXPECT_LT(most_allocated("$4194304\r\n" + megabytes, 16384, kInfoBudget), 3 * kInfoBudget.bytes);
  EXPECT_LT(most_allocated(numbers.substr(0, 180000) + "?", 16384, kInfoBudget),
            3 * kInfoBudget.bytes);
}

TEST(Memory, IsGivenBackAfterAnError) {
  Reader reader;
  reader.set_budget(kInfoBudget);
  const std::size_t before = allocated_bytes();
  reader.feed("*2\r\n$1000000\r\n" + std::string(1000000, 'x') + "\r\n");
  ASSERT_TRUE(reader.next());
  EXPECT_GT(allocated_bytes() - before, 1000000U);
  reader.set_budget(kPingBudget);
  ASSERT_FALSE(reader.next());
  EXPECT_LT(allocated_bytes() - before, 4096U);
}

}  // namespace
}  // namespace relinkd::resp
