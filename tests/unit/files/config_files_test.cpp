// SPDX-License-Identifier: Apache-2.0
#include "files/config_files.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace relinkd::files {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ConfigFiles : public ::testing::Test {
 protected:
  ConfigFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "relinkd-files-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder = name;
  }
  ~ConfigFiles() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& name, const std::string& text) const {
    const auto path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  static std::vector<std::string> texts(const std::vector<config::Source>& sources) {
    std::vector<std::string> out;
    for (const auto& source : sources) out.push_back(source.text);
    return out;
  }

  static std::string why_not(const std::string& path) {
    const auto sources = read_config_files(path);
    return sources ? "read" : sources.error().message;
  }

  std::filesystem::path folder;
};

TEST_F(ConfigFiles, AreTheMainOneAndTheDropInsInNameOrder) {
  const auto main_path = write("relinkd.toml", "main");
  write("conf.d/20-b.toml", "b");
  write("conf.d/10-a.toml", "a");
  write("conf.d/9-last.toml", "last");
  const auto sources = read_config_files(main_path);
  ASSERT_TRUE(sources) << sources.error().message;
  EXPECT_THAT(texts(*sources), ElementsAre("main", "a", "b", "last"));
  EXPECT_EQ((*sources)[0].path, main_path);
  EXPECT_EQ((*sources)[1].path, (folder / "conf.d/10-a.toml").string());
}

TEST_F(ConfigFiles, LeaveOutWhatIsNoDropIn) {
  const auto main_path = write("relinkd.toml", "main");
  write("conf.d/a.toml.dpkg-old", "old");
  write("conf.d/README", "read me");
  write("conf.d/.a.toml", "hidden");
  const auto sources = read_config_files(main_path);
  ASSERT_TRUE(sources);
  EXPECT_THAT(texts(*sources), ElementsAre("main"));
}

TEST_F(ConfigFiles, NeedNoFolderOfDropIns) {
  const auto sources = read_config_files(write("relinkd.toml", ""));
  ASSERT_TRUE(sources);
  EXPECT_THAT(texts(*sources), ElementsAre(""));
}

TEST_F(ConfigFiles, MayBeNothingAtAll) {
  const auto sources = read_config_files("/dev/null");
  ASSERT_TRUE(sources);
  EXPECT_THAT(texts(*sources), ElementsAre(""));
}

TEST_F(ConfigFiles, ThatWereAskedForMustExist) {
  const auto sources = read_config_files((folder / "none.toml").string());
  ASSERT_FALSE(sources);
  EXPECT_EQ(sources.error().code, ENOENT);
  EXPECT_THAT(sources.error().message,
              StartsWith((folder / "none.toml").string() + ": cannot be read: No such file"));
}

TEST_F(ConfigFiles, MustBeFiles) {
  EXPECT_THAT(why_not(folder.string()), HasSubstr("is not a file"));
  const auto main_path = write("relinkd.toml", "main");
  std::filesystem::create_directories(folder / "conf.d" / "a.toml");
  EXPECT_THAT(why_not(main_path), HasSubstr("conf.d/a.toml: is not a file"));
}

TEST_F(ConfigFiles, ThatArePipesAreNotWaitedFor) {
  const auto pipe = (folder / "pipe.toml").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(why_not(pipe), HasSubstr("is not a file"));
}

TEST_F(ConfigFiles, HaveAtMostOneMegabyteEach) {
  const std::string most(std::size_t{1024} * 1024, '#');
  EXPECT_TRUE(read_config_files(write("relinkd.toml", most)));
  EXPECT_THAT(why_not(write("relinkd.toml", most + "#")), HasSubstr("larger than 1048576 bytes"));
  EXPECT_THAT(why_not("/dev/zero"), HasSubstr("larger than 1048576 bytes"));
}

TEST_F(ConfigFiles, AreAtMost256DropIns) {
  const auto main_path = write("relinkd.toml", "main");
  for (int i = 0; i < 256; ++i) write("conf.d/" + std::to_string(i) + ".toml", "");
  const auto sources = read_config_files(main_path);
  ASSERT_TRUE(sources);
  EXPECT_EQ(sources->size(), 257U);
  write("conf.d/more.toml", "");
  EXPECT_THAT(why_not(main_path), HasSubstr("257 drop-ins"));
}

}  // namespace
}  // namespace relinkd::files
