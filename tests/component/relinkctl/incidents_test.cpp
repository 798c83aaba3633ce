// SPDX-License-Identifier: Apache-2.0
// relinkctl incidents on a real journal: what relinkd's own writer has told a real
// systemd-journald, in a mount namespace that the test makes for itself.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "component/relinkctl/program.hpp"
#include "journal/journal.hpp"
#include "loop/loop.hpp"

namespace relinkd::testing {
namespace {

using journal::Event;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kJournald = "/lib/systemd/systemd-journald";
/// Generous: the machine may be slow.
constexpr Duration kPatience = 60s;

void mount_empty(const char* at) {
  if (mount("none", at, "tmpfs", 0, nullptr) != 0) throw std::runtime_error("mount");
}

class JournalOfAHost : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() != 0) return;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw std::runtime_error("unshare");
  }

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can make a mount namespace";
    if (!std::filesystem::exists(kJournald)) GTEST_SKIP() << "this host has no systemd-journald";
    mount_empty("/run");
    mount_empty("/var/log");
  }

  void TearDown() override {
    if (journald_ > 0) {
      kill(journald_, SIGTERM);
      waitpid(journald_, nullptr, 0);
    }
    umount2("/var/log", MNT_DETACH);
    umount2("/run", MNT_DETACH);
  }

  void start_journald() {
    const std::filesystem::path drop_ins("/run/systemd/journald.conf.d");
    std::filesystem::create_directories(drop_ins);
    std::filesystem::create_directories("/run/systemd/journal");
    // Nothing of the host's, and nothing to it.
    std::ofstream(drop_ins / "test.conf")
        << "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\nForwardToSyslog=no\n"
           "ForwardToKMsg=no\nForwardToConsole=no\nForwardToWall=no\n";
    journald_ = fork();
    if (journald_ == 0) {
      std::array<char*, 1> no_environment{nullptr};
      execle(kJournald, kJournald, static_cast<char*>(nullptr), no_environment.data());
      _exit(127);
    }
    const MonoTime end = loop::Loop::clock() + kPatience;
    while (!std::filesystem::exists(journal::Journal::kSocket)) {
      if (loop::Loop::clock() > end) throw std::runtime_error("journald does not listen");
      usleep(10'000);
    }
  }

  static void write(Event event, const std::string& incident, const std::string& message,
                    const std::string& app = {}) {
    static journal::Journal journal(journal::Journal::Target::Journal);
    journal::Entry entry;
    entry.event = event;
    entry.message = message;
    entry.endpoint = "sessions";
    entry.incident = incident;
    entry.app = app;
    journal.write(entry, loop::Loop::clock(), loop::Loop::wall());
  }

  static Outcome incidents(const std::string& arguments) {
    return Program("incidents " + arguments, "/run/stderr").finish();
  }

  /// As soon as journald has taken in the incident `last`, what relinkctl says.
  static nlohmann::json incidents_with(const std::string& last) {
    const MonoTime end = loop::Loop::clock() + kPatience;
    for (;;) {
      const Outcome o = incidents("--json");
      EXPECT_EQ(o.code, 0) << o.err;
      if (o.out.find(last) != std::string::npos) return nlohmann::json::parse(o.out)["incidents"];
      if (loop::Loop::clock() > end) throw std::runtime_error("the journal lacks " + last);
      usleep(50'000);
    }
  }

 private:
  pid_t journald_ = -1;
};

TEST_F(JournalOfAHost, HasTheIncidentsWithBeginAndEnd) {
  start_journald();
  write(Event::ConditionHalfOpen, "sessions-1", "sessions: half-open");
  write(Event::RelinkDecided, "sessions-1", "checkout: 3 dead", "checkout");
  write(Event::ConditionOk, "sessions-1", "sessions: ok");
  write(Event::Started, "", "relinkd has started");
  write(Event::ConditionRefused, "sessions-2", "sessions: refused");
  const auto json = incidents_with("sessions-2");
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0]["incident"], "sessions-1");
  EXPECT_EQ(json[0]["endpoint"], "sessions");
  EXPECT_EQ(json[0]["apps"], nlohmann::json({"checkout"}));
  EXPECT_EQ(json[0]["lines"], 3);
  ASSERT_EQ(json[0]["timeline"].size(), 3U);
  EXPECT_EQ(json[0]["timeline"][0]["event"], "half_open");
  EXPECT_EQ(json[0]["timeline"][1]["message"], "checkout: 3 dead");
  EXPECT_EQ(json[0]["timeline"][2]["event"], "ok");
  EXPECT_TRUE(json[0]["end"].is_string());
  EXPECT_EQ(json[1]["timeline"][0]["message"], "sessions: refused");
  EXPECT_TRUE(json[1]["end"].is_null());

  EXPECT_THAT(
      incidents("--since 1h").out,
      AllOf(HasSubstr("sessions-2: endpoint sessions\n  began "), HasSubstr(", not over for "),
            HasSubstr("  relink_decided  checkout: 3 dead\n")));
  EXPECT_THAT(incidents("--since 0s").out, HasSubstr("No incident since "));
}

TEST_F(JournalOfAHost, ThatTheUserMayNotReadIsSaidSo) {
  start_journald();
  write(Event::ConditionRefused, "sessions-1", "sessions: refused");
  incidents_with("sessions-1");
  // Where everybody may reach it.
  std::filesystem::copy_file(RELINKCTL, "/run/relinkctl");
  std::filesystem::permissions("/run/relinkctl", std::filesystem::perms(0755));
  const Outcome o = Program("incidents", "/run/stderr",
                            "setpriv --reuid 65534 --regid 65534 --clear-groups /run/relinkctl")
                        .finish();
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.out, IsEmpty());
  EXPECT_THAT(o.err, HasSubstr("relinkctl: the journal cannot be read: your user is in none of the "
                               "groups systemd-journal"));
}

TEST_F(JournalOfAHost, ThatIsNotThereIsSaidSo) {
  const Outcome o = incidents("");
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("relinkctl: this host has no journal"));
}

}  // namespace
}  // namespace relinkd::testing
