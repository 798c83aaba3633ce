// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.hpp"
#include "journal/catalog.hpp"

namespace relinkd::journal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr MonoTime kNow{1000h};
constexpr WallTime kWall{1'795'342'500s + 123ms};

/// Standard error, led into a pipe for as long as the object lives.
class CapturedStderr {
 public:
  CapturedStderr() {
    EXPECT_EQ(pipe2(pipe_.data(), O_CLOEXEC), 0);
    dup2(pipe_[1], STDERR_FILENO);
    close(pipe_[1]);
    fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
  }
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    if (pipe_[0] >= 0) close(pipe_[0]);
  }

  /// What has been written since the last call.
  std::string text() {
    std::string out;
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = read(pipe_[0], buffer.data(), buffer.size())) > 0;) {
      out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return out;
  }
  void make_small() { fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096); }
  void close_reader() {
    close(pipe_[0]);
    pipe_[0] = -1;
  }

 private:
  int saved_ = dup(STDERR_FILENO);
  std::array<int, 2> pipe_{-1, -1};
};

/// A socket where journald would listen.
class FakeJournald {
 public:
  FakeJournald() {
    dir_ = testing::TempDir() + "relinkd-journal-XXXXXX";
    EXPECT_NE(mkdtemp(dir_.data()), nullptr);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path().copy(static_cast<char*>(at.sun_path), sizeof at.sun_path - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  }
  FakeJournald(const FakeJournald&) = delete;
  FakeJournald& operator=(const FakeJournald&) = delete;
  ~FakeJournald() {
    close(fd_);
    std::filesystem::remove_all(dir_);
  }

  [[nodiscard]] std::string path() const { return dir_ + "/socket"; }
  /// The entries that have come, each as its lines.
  [[nodiscard]] std::vector<std::vector<std::string>> entries() const {
    std::vector<std::vector<std::string>> out;
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = recv(fd_, buffer.data(), buffer.size(), 0)) > 0;) {
      std::vector<std::string> lines;
      for (const auto l : split({buffer.data(), static_cast<std::size_t>(n)}, '\n')) {
        lines.emplace_back(l);
      }
      out.push_back(std::move(lines));
    }
    return out;
  }

 private:
  std::string dir_;
  int fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
};

Entry started(std::string message) {
  Entry entry;
  entry.event = Event::Started;  // never held back
  entry.message = std::move(message);
  return entry;
}

Entry half_open() {
  Entry entry;
  entry.event = Event::ConditionHalfOpen;
  entry.priority = Priority::Warning;
  entry.message = "sessions: 10.0.0.7:6380 half-open: a new connection is answered in 800 µs";
  entry.endpoint = "sessions";
  entry.node = "10.0.0.7:6380";
  entry.condition = "half_open";
  entry.incident = "7f3a";
  return entry;
}

/// The one line that `message` becomes, without time and level.
std::string written(const std::string& message) {
  CapturedStderr err;
  Journal(Journal::Target::StandardError).write(started(message), kNow, kWall);
  const std::string line = err.text();
  EXPECT_THAT(line, testing::StartsWith("2026-11-22T10:15:00.123Z info "));
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  return line.substr(30, line.size() - 31);
}

TEST(StandardError, ALineHasTimeLevelAndMessage) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  journal.write(half_open(), kNow, kWall);
  EXPECT_EQ(err.text(),
            "2026-11-22T10:15:00.123Z warning sessions: 10.0.0.7:6380 half-open: a new connection "
            "is answered in 800 µs\n");
}

TEST(StandardError, EachPriorityHasItsWord) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  for (const Priority p :
       {Priority::Error, Priority::Warning, Priority::Notice, Priority::Info, Priority::Debug}) {
    Entry entry = started("x");
    entry.priority = p;
    journal.write(entry, kNow, kWall);
  }
  const std::string text = err.text();
  std::vector<std::string> words;
  for (const auto l : split(text, '\n')) {
    if (!l.empty()) words.emplace_back(split(l, ' ')[1]);
  }
  EXPECT_THAT(words, ElementsAre("error", "warning", "notice", "info", "debug"));
}

TEST(StandardError, NoCharacterCanForgeALineOrSteerATerminal) {
  EXPECT_EQ(written("a\nb\r\tc\x1b[31m\x7f"), "a.b..c.[31m.");
  EXPECT_EQ(written("C1 \xC2\x9B and \xC2\x85."), "C1 . and ..");
  EXPECT_EQ(written(std::string("nul\0.", 5)), "nul..");
}

TEST(StandardError, Utf8StaysAndWhatIsNotUtf8BecomesDots) {
  EXPECT_EQ(written("5 µs … ≤ 𝄞 \xC2\xA0"), "5 µs … ≤ 𝄞 \xC2\xA0");
  EXPECT_EQ(written("\xFF\xC3"), "..") << "no such byte; cut short";
  EXPECT_EQ(written("\xC0\x8A"), "..") << "a line break in a longer form than needed";
  EXPECT_EQ(written("\xE0\x80\x8A|\xED\xA0\x80|\xF4\x90\x80\x80"), "...|...|....");
}

TEST(StandardError, AVeryLongMessageIsCutBetweenCharacters) {
  std::string message;
  for (int i = 0; i < 5000; ++i) message += "µ";
  const std::string line = written(message);
  EXPECT_LT(line.size(), 4000U);
  EXPECT_THAT(line, testing::EndsWith("µ…"));
}

TEST(StandardError, AReaderThatWentAwayEndsNothing) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  err.close_reader();
  for (int i = 0; i < 100; ++i) journal.write(started("x"), kNow, kWall);
  journal.flush_held_back(kNow, kWall);
}

TEST(StandardError, SigpipeIsIgnored) {
  const Journal journal(Journal::Target::StandardError);
  struct sigaction action = {};
  sigaction(SIGPIPE, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_IGN);
}

TEST(StandardError, AClosedOneEndsNothing) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  close(STDERR_FILENO);
  journal.write(started("x"), kNow, kWall);
}

TEST(StandardError, AFullPipeDelaysLinesAndBlocksNothing) {
  CapturedStderr err;
  err.make_small();
  Journal journal(Journal::Target::StandardError);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    journal.write(started(fmt::format("line {}", i)), kNow, kWall);  // returns
    expected += fmt::format("2026-11-22T10:15:00.123Z info line {}\n", i);
  }
  std::string got;
  for (std::string piece; !(piece = err.text()).empty();) {
    got += piece;
    journal.flush_held_back(kNow, kWall);
  }
  EXPECT_EQ(got, expected) << "all of them, in order";
}

TEST(StandardError, LinesLostForWantOfRoomAreCountedAndTold) {
  CapturedStderr err;
  err.make_small();
  Journal journal(Journal::Target::StandardError);
  const std::string filler(3000, 'x');
  for (int i = 0; i < 1000; ++i) journal.write(started(filler), kNow, kWall);
  std::string got;
  for (std::string piece; !(piece = err.text()).empty();) {
    got += piece;
    journal.flush_held_back(kNow, kWall);
  }
  std::size_t whole = 0;
  std::string notice;
  for (const auto l : split(got, '\n')) {
    whole += l.ends_with(filler) ? 1U : 0U;
    if (l.find(" lost here") != std::string_view::npos) notice = l;
  }
  EXPECT_GT(whole, 300U) << "about 1 MiB waits";
  EXPECT_LT(whole, 400U);
  EXPECT_THAT(notice,
              HasSubstr(fmt::format("warning {} lines were lost here: standard error took nothing",
                                    1000 - whole)));
}

TEST(Bursts, AreHeldBackCountedAndToldAfterAMinute) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  for (int i = 0; i < 52; ++i) journal.write(half_open(), kNow, kWall);
  const std::string text = err.text();
  EXPECT_EQ(split(text, '\n').size() - 1, 10U);

  journal.flush_held_back(kNow + 59s, kWall);
  EXPECT_EQ(err.text(), "");
  journal.flush_held_back(kNow + 60s, kWall);
  EXPECT_EQ(
      err.text(),
      "2026-11-22T10:15:00.123Z warning sessions: 42 more lines like \"10.0.0.7:6380 "
      "half-open: a new connection is answered in 800 µs\" in the last 1 min were held back\n");
  journal.flush_held_back(kNow + 10min, kWall);
  EXPECT_EQ(err.text(), "");
}

TEST(Bursts, ASingleHeldBackLineIsToldInTheSingular) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  for (int i = 0; i < 11; ++i) journal.write(half_open(), kNow, kWall);
  err.text();
  journal.flush_held_back(kNow + 60s, kWall);
  EXPECT_THAT(err.text(), HasSubstr("sessions: 1 more line like"));
}

TEST(Bursts, AreToldBeforeTheDaemonsLastLine) {
  CapturedStderr err;
  Journal journal(Journal::Target::StandardError);
  for (int i = 0; i < 12; ++i) journal.write(half_open(), kNow, kWall);
  err.text();
  Entry stopped = started("relinkd ends");
  stopped.event = Event::Stopped;
  journal.write(stopped, kNow + 5s, kWall);
  const std::string text = err.text();
  const auto lines = split(text, '\n');
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(std::string(lines[0]), HasSubstr("2 more lines like"));
  EXPECT_THAT(std::string(lines[1]), HasSubstr("relinkd ends"));
}

TEST(JournalTarget, AnEntryHasMessagePriorityIdAndTheFieldsThatApply) {
  const FakeJournald journald;
  Journal journal(Journal::Target::Journal, journald.path());
  journal.write(half_open(), kNow, kWall);
  const auto entries = journald.entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(
      entries[0],
      ElementsAre("MESSAGE=sessions: 10.0.0.7:6380 half-open: a new connection is answered in "
                  "800 µs",
                  "PRIORITY=4", "MESSAGE_ID=" + std::string(message_id(Event::ConditionHalfOpen)),
                  "SYSLOG_IDENTIFIER=relinkd", "SYSLOG_FACILITY=3", "RELINKD_ENDPOINT=sessions",
                  "RELINKD_NODE=10.0.0.7:6380", "RELINKD_CONDITION=half_open",
                  "RELINKD_INCIDENT=7f3a", ""));
}

TEST(JournalTarget, AnEntryOfAnAppHasAppActionAndResult) {
  const FakeJournald journald;
  Journal journal(Journal::Target::Journal, journald.path());
  Entry entry;
  entry.event = Event::RelinkFailed;
  entry.priority = Priority::Warning;
  entry.message = "checkout: sessions: destroy-sockets did not help";
  entry.endpoint = "sessions";
  entry.incident = "7f3a";
  entry.app = "checkout";
  entry.action = "destroy-sockets";
  entry.result = "not_recovered";
  journal.write(entry, kNow, kWall);
  const auto entries = journald.entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(
      entries[0],
      ElementsAre("MESSAGE=checkout: sessions: destroy-sockets did not help", "PRIORITY=4",
                  "MESSAGE_ID=" + std::string(message_id(Event::RelinkFailed)),
                  "SYSLOG_IDENTIFIER=relinkd", "SYSLOG_FACILITY=3", "RELINKD_ENDPOINT=sessions",
                  "RELINKD_INCIDENT=7f3a", "RELINKD_APP=checkout", "RELINKD_ACTION=destroy-sockets",
                  "RELINKD_RESULT=not_recovered", ""));
}

TEST(JournalTarget, LinesOfAnAppThatAreHeldBackAreToldUnderItsName) {
  const FakeJournald journald;
  Journal journal(Journal::Target::Journal, journald.path());
  Entry entry;
  entry.event = Event::RelinkActed;
  entry.endpoint = "sessions";
  entry.app = "checkout";
  entry.message = "checkout: 1 of its connections to sessions was ended";
  for (int i = 0; i < 12; ++i) journal.write(entry, kNow, kWall);
  ASSERT_EQ(journald.entries().size(), 10U);
  journal.flush_held_back(kNow + 60s, kWall);
  const auto entries = journald.entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0][0],
            "MESSAGE=checkout: 2 more lines like \"1 of its connections to sessions was ended\" in "
            "the last 1 min were held back");
  EXPECT_THAT(entries[0], testing::Contains("RELINKD_APP=checkout"));
}

TEST(JournalTarget, NoTextCanForgeAField) {
  const FakeJournald journald;
  Journal journal(Journal::Target::Journal, journald.path());
  Entry entry = started("m\nPRIORITY=0");
  entry.node = "n\n_UID=0";
  journal.write(entry, kNow, kWall);
  ASSERT_EQ(journald.entries().size(), 1U);
  journal.write(entry, kNow, kWall);
  EXPECT_THAT(
      journald.entries()[0],
      ElementsAre("MESSAGE=m.PRIORITY=0", "PRIORITY=6",
                  "MESSAGE_ID=" + std::string(message_id(Event::Started)),
                  "SYSLOG_IDENTIFIER=relinkd", "SYSLOG_FACILITY=3", "RELINKD_NODE=n._UID=0", ""));
}

TEST(JournalTarget, AStuckJournaldDelaysLinesAndBlocksNothing) {
  const FakeJournald journald;
  Journal journal(Journal::Target::Journal, journald.path());
  // More than a socket's queue takes, whether net.unix.max_dgram_qlen is 10 or systemd's 512.
  for (int i = 0; i < 2000; ++i) journal.write(started(std::to_string(i)), kNow, kWall);  // returns
  std::vector<std::string> messages;
  for (auto entries = journald.entries(); !entries.empty(); entries = journald.entries()) {
    for (const auto& entry : entries) messages.push_back(entry[0]);
    journal.flush_held_back(kNow, kWall);
  }
  ASSERT_EQ(messages.size(), 2000U);
  EXPECT_EQ(messages.front(), "MESSAGE=0");
  EXPECT_EQ(messages.back(), "MESSAGE=1999");
}

TEST(JournalTarget, AJournaldThatIsNotThereEndsNothing) {
  Journal journal(Journal::Target::Journal, "/nonexistent/socket");
  for (int i = 0; i < 100; ++i) journal.write(started("x"), kNow, kWall);
}

/// JOURNAL_STREAM as systemd sets it, for as long as the object lives.
class JournalStream {
 public:
  explicit JournalStream(const std::string& value) {
    setenv("JOURNAL_STREAM", value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  JournalStream(const JournalStream&) = delete;
  JournalStream& operator=(const JournalStream&) = delete;
  ~JournalStream() { unsetenv("JOURNAL_STREAM"); }  // NOLINT(concurrency-mt-unsafe): one thread
};

std::string stderr_identity(int inode_offset = 0) {
  struct stat st = {};
  fstat(STDERR_FILENO, &st);
  return fmt::format("{}:{}", st.st_dev, st.st_ino + static_cast<ino_t>(inode_offset));
}

TEST(AutoTarget, IsTheJournalWhereStandardErrorIsItsStream) {
  CapturedStderr err;
  const FakeJournald journald;
  const JournalStream stream(stderr_identity());
  Journal journal(Journal::Target::Auto, journald.path());
  journal.write(started("x"), kNow, kWall);
  EXPECT_EQ(journald.entries().size(), 1U);
  EXPECT_EQ(err.text(), "");
}

TEST(AutoTarget, IsStandardErrorWhereThatWasRedirectedOrNothingIsSaid) {
  CapturedStderr err;
  const FakeJournald journald;
  Journal(Journal::Target::Auto, journald.path()).write(started("none"), kNow, kWall);
  for (const std::string& value :
       {stderr_identity(1), std::string("8:x"), std::string("8"), std::string("")}) {
    const JournalStream stream(value);
    Journal(Journal::Target::Auto, journald.path()).write(started(value), kNow, kWall);
  }
  EXPECT_THAT(journald.entries(), testing::IsEmpty());
  EXPECT_EQ(split(err.text(), '\n').size() - 1, 5U);
}

}  // namespace
}  // namespace relinkd::journal
