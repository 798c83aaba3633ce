// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "state/state.hpp"

namespace relinkd::state {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

State with_primary(const std::string& node) {
  State state;
  state.endpoints["sessions"] = {.url = "redis://sessions", .primary = node};
  return state;
}

class StateFile : public ::testing::Test {
 protected:
  StateFile() {
    std::string name = (std::filesystem::temp_directory_path() / "relinkd-state-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder = name;
    path = (folder / "state.json").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void write(const std::string& text) const { std::ofstream(path) << text; }
  [[nodiscard]] std::string why_not_read() const {
    const auto state = read_file(path);
    return state ? "read" : state.error().message;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }

  std::filesystem::path folder;
  std::string path;
};

TEST_F(StateFile, ThatIsNotThereIsAnEmptyState) {
  const auto state = read_file(path);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(*state, State{});
}

TEST_F(StateFile, IsReadAsItWasWritten) {
  ASSERT_TRUE(write_file(path, with_primary("10.0.0.7:6379")));
  EXPECT_EQ(*read_file(path), with_primary("10.0.0.7:6379"));
  EXPECT_THAT(names(), ElementsAre("state.json"));
}

TEST_F(StateFile, BelongsToItsOwnerAlone) {
  const mode_t before = umask(0);
  const auto written = write_file(path, {});
  umask(before);
  ASSERT_TRUE(written);
  struct stat at {};
  ASSERT_EQ(stat(path.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode, S_IFREG | 0600U);
}

TEST_F(StateFile, IsReplacedAndNeverWrittenInto) {
  ASSERT_TRUE(write_file(path, with_primary("10.0.0.7:6379")));
  std::ifstream reader(path);
  ASSERT_TRUE(write_file(path, with_primary("10.0.0.8:6379")));
  const std::string as_opened{std::istreambuf_iterator<char>(reader), {}};
  EXPECT_EQ(as_opened, encode(with_primary("10.0.0.7:6379")));
  EXPECT_EQ(*read_file(path), with_primary("10.0.0.8:6379"));
}

TEST_F(StateFile, IsWrittenDespiteWhatAnEarlierProcessLeft) {
  const std::string elsewhere = (folder / "elsewhere").string();
  std::ofstream(elsewhere) << "kept";
  for (const bool is_link : {false, true}) {
    if (is_link) {
      std::filesystem::create_symlink(elsewhere, path + ".new");
    } else {
      std::ofstream(path + ".new") << "half a st";
    }
    ASSERT_TRUE(write_file(path, with_primary("10.0.0.7:6379")));
    EXPECT_EQ(*read_file(path), with_primary("10.0.0.7:6379"));
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  }
  std::ifstream kept(elsewhere);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "kept");
}

TEST_F(StateFile, StaysAsItWasWhereTheDiskTakesNoMore) {
  ASSERT_TRUE(write_file(path, with_primary("10.0.0.7:6379")));
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{20, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto written = write_file(path, with_primary("10.0.0.8:6379"));
  setrlimit(RLIMIT_FSIZE, &before);
  (void)std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, EFBIG);
  EXPECT_EQ(written.error().message, path + ".new: cannot be written: File too large");
  EXPECT_EQ(*read_file(path), with_primary("10.0.0.7:6379"));
  EXPECT_THAT(names(), ElementsAre("state.json"));
}

TEST_F(StateFile, IsNotWrittenWhereItCouldNotBeReadAgain) {
  ASSERT_TRUE(write_file(path, with_primary("10.0.0.7:6379")));
  const auto written = write_file(path, with_primary(std::string(kMaxBytes, 'x')));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, EFBIG);
  EXPECT_THAT(written.error().message, HasSubstr("more than the 4194304 allowed"));
  EXPECT_EQ(*read_file(path), with_primary("10.0.0.7:6379"));
}

TEST_F(StateFile, ThatCannotBeReplacedLeavesNothingBehind) {
  std::filesystem::create_directory(path);
  const auto written = write_file(path, {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, path + ": cannot be written: Is a directory");
  EXPECT_THAT(names(), ElementsAre("state.json"));
}

TEST_F(StateFile, NeedsItsFolder) {
  path = (folder / "none" / "state.json").string();
  const auto written = write_file(path, {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ENOENT);
  EXPECT_THAT(written.error().message, HasSubstr(path));
  EXPECT_EQ(*read_file(path), State{});
}

TEST_F(StateFile, MayHaveAPathWithoutFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  const auto written = write_file("state.json", with_primary("10.0.0.7:6379"));
  std::filesystem::current_path(before);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(*read_file(path), with_primary("10.0.0.7:6379"));
}

TEST_F(StateFile, ThatIsBadIsAnErrorWithItsPath) {
  write("{\"version\":1,");
  EXPECT_EQ(why_not_read(), path + ": the state is not a JSON object");
  write("");
  EXPECT_EQ(why_not_read(), path + ": the state is not a JSON object");
}

TEST_F(StateFile, HasAtMostOneMegabyte) {
  std::string text = encode(with_primary("10.0.0.7:6379"));
  text.resize(kMaxBytes, ' ');
  write(text);
  EXPECT_EQ(why_not_read(), "read");
  write(text + ' ');
  EXPECT_EQ(why_not_read(), path + ": the state is larger than 4194304 bytes, the most allowed");
}

TEST_F(StateFile, MustBeAFile) {
  std::filesystem::create_directory(path);
  EXPECT_EQ(why_not_read(), path + ": is not a file");
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(why_not_read(), path + ": is not a file") << "and no writer is waited for";
}

}  // namespace
}  // namespace relinkd::state
