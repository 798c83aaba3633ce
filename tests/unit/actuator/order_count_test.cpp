// SPDX-License-Identifier: Apache-2.0
// How many orders a minute, over the exits of the program.
#include "actuator/order_count.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/process.hpp"

namespace relinkd::testing {
namespace {

using actuator::OrderCount;
using actuator::OrderCountFile;
using ::testing::HasSubstr;

constexpr Duration kStart = 1000s;

/// How many of `tries` are admitted at `now`.
template <typename Count>
int admitted(Count& count, Duration now, std::uint64_t most, int tries) {
  int n = 0;
  for (int i = 0; i < tries; ++i) n += count.admit(now, most) ? 1 : 0;
  return n;
}

TEST(OrderCount, AdmitsAsManyAsAllowed) {
  OrderCount count;
  EXPECT_EQ(admitted(count, kStart, 3, 10), 3);
}

TEST(OrderCount, AdmitsNeverMoreInAnyMinute) {
  // As many as possible, at every tenth of a second of ten minutes.
  constexpr std::uint64_t kMost = 7;
  OrderCount count;
  std::vector<Duration> when;
  for (Duration now = kStart; now < kStart + 10min; now += 100ms) {
    if (count.admit(now, kMost)) when.push_back(now);
  }
  for (std::size_t i = kMost; i < when.size(); ++i) {
    EXPECT_GT(when[i] - when[i - kMost], 60s) << "order " << i;
  }
  EXPECT_GE(when.size(), 60U) << "it forgets what is older than a minute";
}

TEST(OrderCount, FollowsTheLimitOfTheMoment) {
  OrderCount count;
  EXPECT_EQ(admitted(count, kStart, 5, 10), 5);
  EXPECT_EQ(admitted(count, kStart, 8, 10), 3);
  EXPECT_EQ(admitted(count, kStart, 2, 10), 0);
}

TEST(OrderCount, IsReadAsItWasWritten) {
  OrderCount count;
  for (int i = 0; i < 300; ++i) (void)count.admit(kStart + i * 250ms, 1000);
  const std::string text = count.encode();
  EXPECT_LE(text.size(), OrderCount::kMaxBytes);
  const auto read = OrderCount::decode(text, kStart + 299 * 250ms);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, count);
}

TEST(OrderCount, ThatIsOldIsForgotten) {
  OrderCount count;
  EXPECT_EQ(admitted(count, kStart, 3, 3), 3);
  auto read = OrderCount::decode(count.encode(), kStart + 2min);
  ASSERT_TRUE(read);
  EXPECT_EQ(admitted(*read, kStart + 2min, 3, 10), 3);
}

TEST(OrderCount, OfTheFutureIsBad) {
  // As after a reboot: CLOCK_BOOTTIME began anew.
  OrderCount count;
  EXPECT_TRUE(count.admit(kStart, 3));
  EXPECT_THAT(OrderCount::decode(count.encode(), 30s).error().message, HasSubstr("still to come"));
}

TEST(OrderCount, ThatIsNoneIsBad) {
  for (const char* text :
       {"", "\n", "garbage", "relinkd-orders 1", "relinkd-orders 2\n", "relinkd-orders 1\n5\n",
        "relinkd-orders 1\n5 5 5\n", "relinkd-orders 1\n5 -1\n", "relinkd-orders 1\n5 1",
        "relinkd-orders 1\n5 1\n\n", "relinkd-orders 1\n5 4294967296\n",
        "relinkd-orders 1\n5 18446744073709551616\n", "relinkd-orders 1\n5 1\n5 1\n"}) {
    EXPECT_FALSE(OrderCount::decode(text, kStart)) << text;
  }
  EXPECT_TRUE(OrderCount::decode("relinkd-orders 1\n", kStart));
  EXPECT_FALSE(OrderCount::decode(std::string(OrderCount::kMaxBytes + 1, '1'), kStart));
}

TEST(OrderCount, ThatIsFullAdmitsNothingForAMinute) {
  OrderCount count = OrderCount::full(kStart);
  EXPECT_FALSE(count.admit(kStart, 100'000));
  EXPECT_FALSE(count.admit(kStart + 60s, 100'000));
  EXPECT_TRUE(count.admit(kStart + 61s, 100'000));
  const auto read = OrderCount::decode(OrderCount::full(kStart).encode(), kStart);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, OrderCount::full(kStart));
}

// -------------------------------------------------------------------------------------- the file

class CountFile : public ::testing::Test {
 protected:
  [[nodiscard]] OrderCountFile open(Duration now) const { return OrderCountFile(path, now); }

  static int admitted_by(OrderCountFile& file, Duration now, std::uint64_t most, int tries) {
    int n = 0;
    for (int i = 0; i < tries; ++i) {
      const auto one = file.admit(now, most);
      EXPECT_TRUE(one) << one.error().message;
      n += one && *one ? 1 : 0;
    }
    return n;
  }

  void write(const std::string& text) const { std::ofstream(path) << text; }

  TemporaryFolder folder;
  std::string path = folder.file("actuator.sock.orders");
};

TEST_F(CountFile, CarriesTheCountOverAnExit) {
  auto first = open(kStart);
  EXPECT_EQ(first.complaint(), "");
  EXPECT_EQ(admitted_by(first, kStart, 5, 3), 3);
  auto second = open(kStart + 1s);
  EXPECT_EQ(second.complaint(), "");
  EXPECT_EQ(admitted_by(second, kStart + 1s, 5, 10), 2);
  auto third = open(kStart + 60s);
  EXPECT_EQ(admitted_by(third, kStart + 60s, 5, 10), 0);
  auto fourth = open(kStart + 61s);
  EXPECT_EQ(admitted_by(fourth, kStart + 61s, 5, 10), 3) << "those of the first second are over";
}

TEST_F(CountFile, IsForItsUserAlone) {
  auto file = open(kStart);
  ASSERT_TRUE(file.admit(kStart, 5));
  struct stat at {};
  ASSERT_EQ(stat(path.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 0777U, 0600U);
}

TEST_F(CountFile, ThatIsBadCountsAsAFullMinute) {
  write("relinkd-orders 1\nmany\n");
  auto file = open(kStart);
  EXPECT_THAT(file.complaint(), HasSubstr("is no count of orders"));
  EXPECT_EQ(admitted_by(file, kStart, 100, 10), 0);
  EXPECT_EQ(admitted_by(file, kStart + 61s, 100, 10), 10);
}

TEST_F(CountFile, ThatIsBadDoesSoOnce) {
  write("");
  EXPECT_THAT(open(kStart).complaint(), HasSubstr("is empty"));
  auto next = open(kStart + 61s);
  EXPECT_EQ(next.complaint(), "");
  EXPECT_EQ(admitted_by(next, kStart + 61s, 100, 1), 1);
}

TEST_F(CountFile, ThatOthersMayWriteToIsBad) {
  write("relinkd-orders 1\n");
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  EXPECT_THAT(open(kStart).complaint(), HasSubstr("only this program's user can write to"));
}

TEST_F(CountFile, ThatIsALinkOrNoFileIsBad) {
  std::ofstream(folder.file("elsewhere")) << "relinkd-orders 1\n";
  std::filesystem::create_symlink(folder.file("elsewhere"), path);
  EXPECT_THAT(open(kStart).complaint(), HasSubstr("cannot be read"));
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(open(kStart).complaint(), HasSubstr("is not a file"));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_NE(open(kStart).complaint(), "");
}

TEST_F(CountFile, ThatCannotBeWrittenIsAnError) {
  OrderCountFile file(folder.file("missing/actuator.sock.orders"), kStart);
  EXPECT_THAT(file.admit(kStart, 5).error().message, HasSubstr("cannot be written"));
}

TEST_F(CountFile, ReplacesWhatAKilledProgramLeftBeside) {
  std::ofstream(path + ".new") << "half";
  auto file = open(kStart);
  EXPECT_EQ(admitted_by(file, kStart, 5, 1), 1);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

}  // namespace
}  // namespace relinkd::testing
