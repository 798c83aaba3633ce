// SPDX-License-Identifier: Apache-2.0
// A users file comes from htpasswd, mkpasswd or a text editor; what is wrong in it is told by line.
#include "metrics/users.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::metrics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kSalted53(53, 'a');
const std::string kBcrypt = "$2y$05$" + kSalted53;
const std::string kYescrypt = "$y$j9T$abcdefgh$" + std::string(43, 'b');
const std::string kSha512 = "$6$abcdefgh$" + std::string(86, 'c');

std::string error(const std::string& text) {
  const auto users = parse_users(text);
  return users ? "fine" : users.error().message;
}
std::string error_of_hash(const std::string& hash) { return error("a:" + hash); }

TEST(UsersFile, HasNamesAndHashesBetweenCommentsAndEmptyLines) {
  const auto users = parse_users("# who scrapes\n\n a:" + kBcrypt + "  \r\nb c:" + kYescrypt +
                                 "\n\t# none\nd\xc3\xa9:" + kSha512);
  ASSERT_TRUE(users) << users.error().message;
  ASSERT_EQ(users->size(), 3U);
  EXPECT_EQ((*users)[0].name, "a");
  EXPECT_EQ((*users)[0].hash, kBcrypt);
  EXPECT_EQ((*users)[1].name, "b c");
  EXPECT_EQ((*users)[2].name, "d\xc3\xa9");
  EXPECT_EQ((*users)[2].hash, kSha512);
}

TEST(UsersFile, TakesWhatIsVerifiedInASecond) {
  for (const std::string& hash :
       {"$2b$04$" + kSalted53, "$2b$14$" + kSalted53, "$6$rounds=1000000$s$" + std::string(86, 'c'),
        "$y$jBT$abcdefgh$" + std::string(43, 'b'), "$y$j75$abcdefgh$" + std::string(43, 'b')}) {
    EXPECT_EQ(error_of_hash(hash), "fine") << hash;
  }
}

TEST(UsersFile, RefusesWhatWouldKeepTheHostBusy) {
  EXPECT_EQ(error_of_hash("$2b$15$" + kSalted53),
            "line 1: the hash of a has cost 15, above the 14 that can be verified in a second");
  EXPECT_EQ(error_of_hash("$2b$31$" + kSalted53),
            "line 1: the hash of a has cost 31, above the 14 that can be verified in a second");
  EXPECT_EQ(error_of_hash("$6$rounds=1000001$s$" + std::string(86, 'c')),
            "line 1: the hash of a has 1000001 rounds, above the 1000000 that can be verified in a "
            "second");
  for (const char* cost : {"jCT", "jFT", "jzz", "j9T5", "j9", "k9T"}) {
    EXPECT_THAT(error_of_hash("$y$" + std::string(cost) + "$abcdefgh$" + std::string(43, 'b')),
                HasSubstr("takes more than the 64 MB that are allowed"))
        << cost;
  }
}

TEST(UsersFile, RefusesWhatIsNoHashOrAWeakOne) {
  for (const char* hash : {"", "secret", "rqXexS6ZhobKA", "$1$abcdefgh$abc", "$apr1$abc$abc",
                           "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "$5$abc$abc", "$2a$05$abc", "*",
                           "!", "$", "$$", "x$6$"}) {
    EXPECT_EQ(error_of_hash(hash),
              "line 1: the hash of a is none of the kinds that are taken ($2b$, $2y$, $y$, $6$); "
              "`htpasswd -nB NAME` or `openssl passwd -6` makes one")
        << hash;
  }
}

TEST(UsersFile, RefusesAHashThatIsCutShort) {
  for (const std::string& hash :
       {std::string("$2y$05$abc"), "$2y$5$" + kSalted53, "$2y$05$" + kSalted53 + "a",
        "$2y$03$" + kSalted53, "$2y$xx$" + kSalted53, "$2y$05$" + std::string(53, '!'),
        std::string("$6$abcdefgh"), std::string("$6$a$b"), kSha512 + "$", kSha512 + "c",
        "$6$round=5$s$" + std::string(86, 'c'), "$6$rounds=$s$" + std::string(86, 'c'),
        std::string("$y$j9T$abcdefgh"), std::string("$y$j9T$$") + std::string(43, 'b'),
        kYescrypt.substr(0, kYescrypt.size() - 1)}) {
    EXPECT_THAT(error_of_hash(hash), StartsWith("line 1: the hash of a is no complete ")) << hash;
  }
}

TEST(UsersFile, TellsTheLineAndNeverTheHash) {
  EXPECT_EQ(error("\n# x\nsecret\n"),
            "line 3: expected name:hash; `htpasswd -nB NAME` or `openssl passwd -6` makes one");
  EXPECT_EQ(error("a:" + kBcrypt + "\na:" + kSha512), "line 2: there is another user a");
  EXPECT_EQ(error(":" + kBcrypt), "line 1: a name has 1 to 255 printable bytes");
  EXPECT_EQ(error("a\x01:" + kBcrypt), "line 1: a name has 1 to 255 printable bytes");
  EXPECT_EQ(error(std::string(256, 'a') + ":" + kBcrypt),
            "line 1: a name has 1 to 255 printable bytes");
  for (const std::string text : {"", "\n", "# nobody\n"}) {
    EXPECT_THAT(error(text), StartsWith("has no user, so nobody could read the metrics"));
  }
}

TEST(UsersFile, HasAThousandUsersAtMost) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ":" + kBcrypt + "\n";
  EXPECT_EQ(error(text), "fine");
  EXPECT_EQ(error(text + "x:" + kBcrypt), "line 1001: more than 1000 users");
}

}  // namespace
}  // namespace relinkd::metrics
