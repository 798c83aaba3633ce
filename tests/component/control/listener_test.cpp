// SPDX-License-Identifier: Apache-2.0
// The control socket's file.
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "component/control/control_test.hpp"

namespace relinkd::testing {
namespace {

using ::testing::HasSubstr;

class ControlSocket : public ControlTest {
 protected:
  std::string why_not(const std::string& where) {
    const auto started = control::Server::start(loop(), where, service);
    return started ? "started" : started.error().message;
  }

  /// What a relinkd that was killed leaves behind.
  void leave_stale_socket() const {
    const loop::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = loop::UnixAddress::make(path);
    ASSERT_EQ(bind(fd.get(), address->get(), address->size()), 0);
  }

  bool answers() {
    bool answered = false;
    with_peer([&] {
      RawPeer peer(path);
      peer.call(kGetInfo);
      answered = peer.next().has_value();
    });
    return answered;
  }
};

TEST_F(ControlSocket, IsOpenToAllUsersWhateverTheUmask) {
  const mode_t before = umask(0077);
  start();
  umask(before);
  struct stat at {};
  ASSERT_EQ(lstat(path.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 0777U, 0666U);
  EXPECT_TRUE(S_ISSOCK(at.st_mode));
}

TEST_F(ControlSocket, IsRemovedInTheEnd) {
  start();
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(path)));
}

TEST_F(ControlSocket, OfAnotherIsNotRemoved) {
  start();
  std::filesystem::remove(path);
  std::ofstream(path) << "another's";
  server.reset();
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST_F(ControlSocket, ThatIsStaleIsReplaced) {
  leave_stale_socket();
  start();
  EXPECT_TRUE(answers());
}

TEST_F(ControlSocket, OnWhichAnotherAnswersIsLeftToIt) {
  start();
  EXPECT_THAT(why_not(path), HasSubstr("another program answers on " + path));
  EXPECT_TRUE(answers());
}

TEST_F(ControlSocket, DoesNotReplaceWhatIsNoSocket) {
  std::ofstream(path) << "precious";
  EXPECT_THAT(why_not(path), HasSubstr("exists and is not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST_F(ControlSocket, DoesNotFollowALinkToReplaceWhatIsThere) {
  const auto target = folder / "target.sock";
  std::filesystem::create_symlink(target, path);
  EXPECT_THAT(why_not(path), HasSubstr("exists and is not a socket"));
}

TEST_F(ControlSocket, MakesItsFolderButNotTheFoldersAbove) {
  path = (folder / "run" / "control.sock").string();
  start();
  EXPECT_TRUE(answers());
  EXPECT_THAT(why_not((folder / "a" / "b" / "control.sock").string()),
              HasSubstr("cannot make the folder"));
}

TEST_F(ControlSocket, HasAPathThatFits) {
  EXPECT_THAT(why_not("/" + std::string(107, 'x')), HasSubstr("1 to 107 bytes"));
  EXPECT_THAT(why_not(""), HasSubstr("1 to 107 bytes"));
}

}  // namespace
}  // namespace relinkd::testing
