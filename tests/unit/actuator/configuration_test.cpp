// SPDX-License-Identifier: Apache-2.0
// The configuration as its files have it now.
#include "actuator/configuration.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/process.hpp"

namespace relinkd::testing {
namespace {

using actuator::Configuration;
using actuator::only_root_writes;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ConfigurationFiles : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const auto path = folder.file(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms(0644));
  }
  /// The only endpoint's URL as the configuration has it now.
  std::string url() {
    configuration.refresh();
    const auto& gate = configuration.gate();
    return gate ? gate->settings().endpoints.front().url.to_string() : gate.error().message;
  }
  static std::string endpoint(const std::string& host) {
    return "[[endpoint]]\nname = \"sessions\"\nurl = \"redis://" + host + "\"\n";
  }

  TemporaryFolder folder;
  Configuration configuration{folder.file("relinkd.toml")};
};

TEST_F(ConfigurationFiles, AreReadOnce) {
  write("relinkd.toml", endpoint("10.0.0.7"));
  EXPECT_TRUE(configuration.refresh());
  EXPECT_FALSE(configuration.refresh());
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
}

TEST_F(ConfigurationFiles, AreReadAgainWhenOneWasWrittenOver) {
  write("relinkd.toml", endpoint("10.0.0.7"));
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
  write("relinkd.toml", endpoint("10.0.0.77"));
  EXPECT_EQ(url(), "redis://10.0.0.77:6379");
}

TEST_F(ConfigurationFiles, AreReadAgainWhenOneWasReplaced) {
  write("relinkd.toml", endpoint("10.0.0.7"));
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
  write("new", endpoint("10.0.0.8"));
  std::filesystem::rename(folder.file("new"), folder.file("relinkd.toml"));
  EXPECT_EQ(url(), "redis://10.0.0.8:6379");
}

TEST_F(ConfigurationFiles, AreReadAgainWhenADropInCameChangedOrWent) {
  write("relinkd.toml", "");
  EXPECT_EQ(url(), "redis://127.0.0.1:6379");
  write("conf.d/a.toml", endpoint("10.0.0.7"));
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
  write("conf.d/a.toml", endpoint("10.0.0.77"));
  EXPECT_EQ(url(), "redis://10.0.0.77:6379");
  std::filesystem::remove(folder.file("conf.d/a.toml"));
  EXPECT_EQ(url(), "redis://127.0.0.1:6379");
}

TEST_F(ConfigurationFiles, AreReadAgainOnDemand) {
  write("relinkd.toml", endpoint("10.0.0.7"));
  EXPECT_TRUE(configuration.refresh());
  configuration.forget();
  EXPECT_TRUE(configuration.refresh());
}

TEST_F(ConfigurationFiles, ThatAreBadAreNotObeyedAndNorIsTheOldOne) {
  write("relinkd.toml", endpoint("10.0.0.7"));
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
  write("relinkd.toml", "mode = \"at\"\nmodel = 3\n");
  EXPECT_THAT(url(), AllOf(HasSubstr("nothing is done until it is good"),
                           HasSubstr("relinkd.toml:1:"), HasSubstr("(and 1 more)")));
  EXPECT_THAT(configuration.errors(), SizeIs(2));
  EXPECT_FALSE(configuration.refresh()) << "a bad one is read once, too";
  write("relinkd.toml", endpoint("10.0.0.8"));
  EXPECT_EQ(url(), "redis://10.0.0.8:6379");
}

TEST_F(ConfigurationFiles, ThatAreMissingAreNotObeyed) {
  EXPECT_THAT(url(), HasSubstr("relinkd.toml: cannot be read"));
}

/// What holds where the program runs as root.
class RootsConfiguration : public ConfigurationFiles {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "giving files to others needs root";
    write("relinkd.toml", endpoint("10.0.0.7"));
  }
  static constexpr uid_t kOther = 64003;
};

TEST_F(RootsConfiguration, IsRefusedIfOthersMayWriteToIt) {
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
  ASSERT_EQ(chmod(folder.file("relinkd.toml").c_str(), 0664), 0);
  EXPECT_THAT(url(), HasSubstr("relinkd.toml: others than root may write to it (mode 0664)"));
  ASSERT_EQ(chmod(folder.file("relinkd.toml").c_str(), 0640), 0);
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
}

TEST_F(RootsConfiguration, IsRefusedIfItIsAnothers) {
  ASSERT_EQ(chown(folder.file("relinkd.toml").c_str(), kOther, 0), 0);
  EXPECT_THAT(url(), HasSubstr("relinkd.toml: belongs to uid 64003"));
}

TEST_F(RootsConfiguration, IsRefusedIfADropInIsAnothers) {
  write("conf.d/b.toml", "mode = \"act\"\n");
  ASSERT_EQ(chown(folder.file("conf.d/b.toml").c_str(), kOther, 0), 0);
  EXPECT_THAT(url(), HasSubstr("conf.d/b.toml: belongs to uid 64003"));
}

TEST_F(RootsConfiguration, IsRefusedIfOthersMayReplaceIt) {
  ASSERT_EQ(chmod(folder.path().c_str(), 0777), 0);
  EXPECT_THAT(url(), HasSubstr(folder.path() + ": others than root may write to it (mode 0777)"));
  ASSERT_EQ(chmod(folder.path().c_str(), 01777), 0);
  EXPECT_EQ(url(), "redis://10.0.0.7:6379") << "in a sticky folder nobody else can";
}

TEST_F(RootsConfiguration, IsRefusedIfALinkLeadsThroughAnothersFolder) {
  std::filesystem::create_directory(folder.file("theirs"));
  std::filesystem::rename(folder.file("relinkd.toml"), folder.file("theirs/relinkd.toml"));
  std::filesystem::create_symlink(folder.file("theirs/relinkd.toml"), folder.file("relinkd.toml"));
  EXPECT_EQ(url(), "redis://10.0.0.7:6379");
  ASSERT_EQ(chown(folder.file("theirs").c_str(), kOther, 0), 0);
  configuration.forget();
  EXPECT_THAT(url(), HasSubstr("theirs: belongs to uid 64003"));
}

TEST(OnlyRootWrites, IsTrueOfWhatTheSystemHas) {
  EXPECT_TRUE(only_root_writes("/etc/passwd"));
  EXPECT_FALSE(only_root_writes("/no/such/file"));
}

}  // namespace
}  // namespace relinkd::testing
