// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/sysctl_report.hpp"

#include <cerrno>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace relinkd::relinkctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using Verdict = SysctlLine::Verdict;

using Values = std::map<std::string, std::string, std::less<>>;
using Wanted = std::map<std::string, std::int64_t>;

SysctlReport report(const Wanted& wanted, const Values& values,
                    const core::SysctlSources* sources = nullptr) {
  const auto read = [&](std::string_view key) -> Result<std::string> {
    const auto at = values.find(key);
    if (at == values.end()) return Error{"this kernel has no sysctl " + std::string(key), ENOENT};
    return at->second;
  };
  return report_sysctls(wanted, read, sources);
}

std::string text(const SysctlReport& r) { return render_sysctls(r, Screen{}); }

const Wanted kFive{{"net.ipv4.tcp_retries2", 5}};

TEST(SysctlReport, IsAppliedWhereEveryValueIsTheWantedOne) {
  const auto r = report(kFive, {{"net.ipv4.tcp_retries2", "5"}});
  EXPECT_EQ(r.verdict(), Verdict::Applied);
  EXPECT_EQ(exit_code(r.verdict()), 0);
  EXPECT_THAT(text(r), HasSubstr("Applied: net.ipv4.tcp_retries2 is 5.\n"));
  EXPECT_THAT(text(r), Not(HasSubstr("To apply")));
}

TEST(SysctlReport, SaysWhatIsNotAppliedWhatItMeansAndWhatToDo) {
  const auto r = report(kFive, {{"net.ipv4.tcp_retries2", "15"}});
  EXPECT_EQ(exit_code(r.verdict()), 2);
  EXPECT_THAT(text(r),
              ::testing::StartsWith("Not applied: net.ipv4.tcp_retries2 is 15, wanted is 5.\n"));
  EXPECT_THAT(text(r), HasSubstr("At 15 the kernel ends a connection whose data nobody "
                                 "acknowledges after 15 min 25 s at the earliest"));
  EXPECT_THAT(text(r), HasSubstr("; at 5 after 12.6 s at the earliest"));
  EXPECT_THAT(text(r), HasSubstr("To apply them, now and at each boot: relinkctl sysctl apply"));
}

TEST(SysctlReport, CannotBeReadWhereTheKernelDoesNotKnowIt) {
  const auto r = report({{"net.ipv4.tcp_plb_enabled", 1}}, {});
  EXPECT_EQ(exit_code(r.verdict()), 3);
  EXPECT_THAT(text(r), HasSubstr("this kernel has no sysctl net.ipv4.tcp_plb_enabled"));
}

TEST(SysctlReport, CannotJudgeAValueThatIsNotOneNumber) {
  const auto r = report({{"net.ipv4.tcp_rmem", 4096}}, {{"net.ipv4.tcp_rmem", "4096\t131072\t6"}});
  EXPECT_EQ(exit_code(r.verdict()), 3);
  EXPECT_THAT(text(r), HasSubstr("is not one number"));
}

TEST(SysctlReport, NotAppliedWeighsMoreThanUnreadable) {
  const auto r =
      report({{"net.ipv4.tcp_retries2", 5}, {"x.y", 1}}, {{"net.ipv4.tcp_retries2", "15"}});
  EXPECT_EQ(r.verdict(), Verdict::NotApplied);
  EXPECT_THAT(text(r), HasSubstr("tcp_retries2 is 15, wanted is 5; x.y cannot be read"));
}

/// What files say of it: a line, or none, where the kernel's own 15 holds.
core::SysctlSources at_boot(const std::string& line) {
  core::SysctlSources sources;
  sources.files.push_back({"/etc/sysctl.d/90-relinkd.conf", {}, line, {}});
  return sources;
}

TEST(SysctlReport, WarnsOfAValueThatARebootTakesBack) {
  const core::SysctlSources none = at_boot("");
  const auto r = report(kFive, {{"net.ipv4.tcp_retries2", "5"}}, &none);
  EXPECT_EQ(r.verdict(), Verdict::NotPersistent);
  EXPECT_EQ(exit_code(r.verdict()), 1);
  EXPECT_EQ(json::parse(sysctls_json(r))["verdict"], "not_persistent");
  EXPECT_THAT(text(r), HasSubstr("relinkctl sysctl apply"));
}

TEST(SysctlReport, WarnsOfAValueThatOnlyARebootBrings) {
  const core::SysctlSources five = at_boot("net.ipv4.tcp_retries2 = 5\n");
  const auto r = report(kFive, {{"net.ipv4.tcp_retries2", "15"}}, &five);
  EXPECT_EQ(r.verdict(), Verdict::OnlyAtBoot);
  EXPECT_EQ(exit_code(r.verdict()), 1);
  EXPECT_EQ(json::parse(sysctls_json(r))["verdict"], "only_at_boot");
}

TEST(SysctlReport, IsAppliedWhereTheFilesSayTheSame) {
  const core::SysctlSources five = at_boot("net.ipv4.tcp_retries2 = 5\n");
  EXPECT_EQ(report(kFive, {{"net.ipv4.tcp_retries2", "5"}}, &five).verdict(), Verdict::Applied);
}

TEST(SysctlReport, DoesNotKnowWhatARebootBringsWhereAFolderCannotBeRead) {
  core::SysctlSources unread = at_boot("net.ipv4.tcp_retries2 = 5\n");
  unread.unread.emplace_back("/etc/sysctl.d cannot be read: Permission denied");
  const auto r = report(kFive, {{"net.ipv4.tcp_retries2", "5"}}, &unread);
  EXPECT_EQ(r.verdict(), Verdict::Unreadable);
  EXPECT_THAT(text(r), HasSubstr("/etc/sysctl.d cannot be read: Permission denied"));
}

TEST(SysctlReport, WithNothingWantedIsApplied) {
  EXPECT_EQ(exit_code(report({}, {}).verdict()), 0);
  EXPECT_EQ(text(report({}, {})), "Applied: no sysctl is wanted.\n");
}

TEST(SysctlReport, CountsTheKernelsLongestTimeoutIn) {
  const auto r =
      report(kFive, {{"net.ipv4.tcp_retries2", "5"}, {"net.ipv4.tcp_rto_max_ms", "1000"}});
  ASSERT_TRUE(r.lines[0].now);
  EXPECT_EQ(r.lines[0].now->earliest, Duration(4400ms));
  EXPECT_THAT(text(r), HasSubstr("net.ipv4.tcp_rto_max_ms is 1000 here"));
}

TEST(SysctlReport, DoesNotSpeakOfALongestTimeoutThatIsTheUsualOne) {
  const auto r =
      report(kFive, {{"net.ipv4.tcp_retries2", "5"}, {"net.ipv4.tcp_rto_max_ms", "120000"}});
  EXPECT_EQ(r.lines[0].now->earliest, Duration(12600ms));
  EXPECT_THAT(text(r), Not(HasSubstr("tcp_rto_max_ms")));
}

TEST(SysctlReport, FlagsZeroRetries) {
  const auto r = report(kFive, {{"net.ipv4.tcp_retries2", "0"}});
  EXPECT_EQ(r.verdict(), Verdict::NotApplied);
  EXPECT_THAT(text(r), HasSubstr("0 is legal, but so short"));
  EXPECT_THAT(text(report({{"net.ipv4.tcp_retries2", 0}}, {{"net.ipv4.tcp_retries2", "0"}})),
              HasSubstr("0 is legal, but so short"));
}

TEST(SysctlReport, SpeaksOfTimeOnlyWhereTheKeyMeansTime) {
  const auto r =
      report({{"net.ipv4.tcp_keepalive_probes", 9}}, {{"net.ipv4.tcp_keepalive_probes", "9"}});
  EXPECT_FALSE(r.lines[0].now);
  EXPECT_THAT(text(r), Not(HasSubstr("the kernel ends")));
}

TEST(SysctlReport, HasTheSameAsJson) {
  const json j = json::parse(sysctls_json(
      report({{"net.ipv4.tcp_retries2", 5}, {"x.y", 1}}, {{"net.ipv4.tcp_retries2", "15"}})));
  EXPECT_EQ(j["verdict"], "not_applied");
  EXPECT_TRUE(j["rto_max_seconds"].is_null());
  const json& retries2 = j["keys"][0];
  EXPECT_EQ(retries2["key"], "net.ipv4.tcp_retries2");
  EXPECT_EQ(retries2["value"], 15);
  EXPECT_EQ(retries2["wanted"], 5);
  EXPECT_EQ(retries2["verdict"], "not_applied");
  EXPECT_EQ(retries2["give_up"]["earliest_seconds"], 924.6);
  EXPECT_EQ(retries2["give_up_as_wanted"]["earliest_seconds"], 12.6);
  EXPECT_EQ(j["keys"][1]["verdict"], "unreadable");
  EXPECT_TRUE(j["keys"][1]["value"].is_null());
  EXPECT_FALSE(j["keys"][1].contains("give_up"));
}

}  // namespace
}  // namespace relinkd::relinkctl
