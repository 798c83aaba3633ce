// SPDX-License-Identifier: Apache-2.0
// The rules by which a line of sysctl.d decides. That they are systemd-sysctl's is shown with the
// real program, in tests/netns/test_sysctl_boot.py.
#include "core/sysctl_files.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace relinkd::core {
namespace {

constexpr std::string_view kKey = "net.ipv4.tcp_retries2";

SysctlSources sources(std::vector<std::pair<std::string, std::string>> files,
                      std::string command_line = {}) {
  SysctlSources made;
  for (auto& [path, text] : files) made.files.push_back({path, {}, std::move(text), {}});
  made.command_line = std::move(command_line);
  return made;
}

TEST(DecideSysctl, WithoutAnyLineIsTheKernelsWhichIsKnownOfOneKey) {
  const auto retries2 = decide_sysctl(sources({}), kKey);
  EXPECT_FALSE(retries2.by);
  EXPECT_EQ(retries2.value, 15);
  EXPECT_FALSE(decide_sysctl(sources({}), "net.ipv4.tcp_syn_retries").value);
}

TEST(DecideSysctl, NamesFileAndLineAndThoseThatLose) {
  const auto decision = decide_sysctl(
      sources({{"/etc/sysctl.d/90-relinkd.conf", "net.ipv4.tcp_retries2 = 5\n"},
               {"/usr/lib/sysctl.d/95-vendor.conf", "# nine\nnet.ipv4.tcp_retries2 = 9\n"}}),
      kKey);
  ASSERT_TRUE(decision.by);
  EXPECT_EQ(decision.by->path, "/usr/lib/sysctl.d/95-vendor.conf");
  EXPECT_EQ(decision.by->line, 2U);
  EXPECT_EQ(decision.value, 9);
  ASSERT_EQ(decision.losers.size(), 1U);
  EXPECT_EQ(decision.losers[0].place.path, "/etc/sysctl.d/90-relinkd.conf");
  EXPECT_EQ(decision.losers[0].why, SysctlLoss::Later);
}

TEST(DecideSysctl, TellsAMaskedFileFromOneThatIsLater) {
  const auto decision =
      decide_sysctl(sources({{"/etc/sysctl.d/50-x.conf", "net.ipv4.tcp_retries2 = 5\n"},
                             {"/usr/lib/sysctl.d/50-x.conf", "net.ipv4.tcp_retries2 = 9\n"}}),
                    kKey);
  EXPECT_EQ(decision.value, 5);
  ASSERT_EQ(decision.losers.size(), 1U);
  EXPECT_EQ(decision.losers[0].why, SysctlLoss::Masked);
}

TEST(DecideSysctl, TakesTheCommandLineWhereNoFileSetsIt) {
  const std::string line = "root=/dev/sda sysctl.net.ipv4.tcp_retries2=8 quiet";
  const auto alone = decide_sysctl(sources({}, line), kKey);
  EXPECT_EQ(alone.value, 8);
  ASSERT_TRUE(alone.by);
  EXPECT_EQ(alone.by->path, "");
  const auto beaten =
      decide_sysctl(sources({{"/etc/sysctl.d/1.conf", "net.ipv4.tcp_retries2=5"}}, line), kKey);
  EXPECT_EQ(beaten.value, 5);
  ASSERT_EQ(beaten.losers.size(), 1U);
  EXPECT_EQ(beaten.losers[0].why, SysctlLoss::FilesLast);
}

TEST(DecideSysctl, DoesNotPretendToKnowAFileThatCannotBeRead) {
  SysctlSources made;
  made.files.push_back({"/etc/sysctl.d/1.conf", {}, {}, "Permission denied"});
  EXPECT_EQ(decide_sysctl(made, kKey).unread.size(), 1U);
}

}  // namespace
}  // namespace relinkd::core
