// SPDX-License-Identifier: Apache-2.0
#include "resp/reply.hpp"

#include <string>

#include <gtest/gtest.h>

namespace relinkd::resp {
namespace {

struct Case {
  std::string_view text;
  ErrorKind kind;
};

class ErrorText : public testing::TestWithParam<Case> {};

TEST_P(ErrorText, HasItsKind) {
  EXPECT_EQ(error_kind(GetParam().text), GetParam().kind) << GetParam().text;
}

// The texts that Redis 7.0 sends, where nothing else is said.
INSTANTIATE_TEST_SUITE_P(
    OfCurrentServers, ErrorText,
    testing::Values(
        Case{"NOAUTH Authentication required.", ErrorKind::NoAuth},
        Case{"NOAUTH HELLO must be called with the client already "
             "authenticated, otherwise the "
             "HELLO AUTH <user> <pass> option can be used",
             ErrorKind::NoAuth},
        Case{"WRONGPASS invalid username-password pair or user is disabled.", ErrorKind::WrongPass},
        Case{"ERR AUTH <password> called without any password configured for "
             "the default user. Are "
             "you sure your configuration is correct?",
             ErrorKind::WrongPass},
        Case{"NOPERM this user has no permissions to run the 'ping' command", ErrorKind::NoPerm},
        Case{"LOADING Redis is loading the dataset in memory", ErrorKind::Loading},
        Case{"BUSY Redis is busy running a script. You can only call SCRIPT "
             "KILL or SHUTDOWN "
             "NOSAVE.",
             ErrorKind::Busy},
        Case{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data "
             "is set to 'no'.",
             ErrorKind::MasterDown},
        Case{"READONLY You can't write against a read only replica.", ErrorKind::ReadOnly},
        Case{"ERR max number of clients reached", ErrorKind::MaxClients},
        Case{"ERR max number of clients + cluster connections reached", ErrorKind::MaxClients},
        Case{"ERR unknown command 'ROLE', with args beginning with: ", ErrorKind::Unknown},
        Case{"ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.", ErrorKind::Unknown}));

INSTANTIATE_TEST_SUITE_P(
    OfOlderServers, ErrorText,
    testing::Values(Case{"ERR invalid password", ErrorKind::WrongPass},
                    Case{"ERR Client sent AUTH, but no password is set", ErrorKind::WrongPass},
                    Case{"ERR operation not permitted", ErrorKind::NoAuth},
                    Case{"ERR unknown command `ROLE`, with args beginning with: ",
                         ErrorKind::Unknown},
                    Case{"ERR Unknown subcommand or wrong number of arguments for "
                         "'SETINFO'. Try "
                         "CLIENT HELP",
                         ErrorKind::Unknown}));

INSTANTIATE_TEST_SUITE_P(
    ThatAProxyPrefixed, ErrorText,
    testing::Values(
        Case{"ERR READONLY You can't write against a read only replica.", ErrorKind::ReadOnly},
        Case{"ERR NOAUTH Authentication required.", ErrorKind::NoAuth},
        Case{"ERR LOADING Redis is loading the dataset in memory", ErrorKind::Loading}));

// A word counts only whole and first, a sentence only behind ERR: what a command or its argument
// holds must not decide.
INSTANTIATE_TEST_SUITE_P(
    OfNoKind, ErrorText,
    testing::Values(Case{"", ErrorKind::Other}, Case{"ERR", ErrorKind::Other},
                    Case{"ERR ", ErrorKind::Other}, Case{" NOAUTH", ErrorKind::Other},
                    Case{"BUSYGROUP Consumer Group name already exists", ErrorKind::Other},
                    Case{"BUSYKEY Target key name already exists.", ErrorKind::Other},
                    Case{"noauth", ErrorKind::Other}, Case{"invalid password", ErrorKind::Other},
                    Case{"ERR ERR READONLY twice", ErrorKind::Other},
                    Case{"ERR wrong number of arguments for 'auth' command", ErrorKind::Other},
                    Case{"ERR syntax error near unknown command", ErrorKind::Other},
                    Case{"MOVED 3999 127.0.0.1:6381", ErrorKind::Other},
                    Case{std::string_view("NOAUTH\0x", 8), ErrorKind::Other}));

TEST(ErrorText, MayBeTheWordAlone) {
  EXPECT_EQ(error_kind("NOAUTH"), ErrorKind::NoAuth);
  EXPECT_EQ(error_kind("ERR NOAUTH"), ErrorKind::NoAuth);
}

TEST(ErrorText, MayBeLong) {
  EXPECT_EQ(error_kind(std::string(1U << 20U, 'x')), ErrorKind::Other);
  EXPECT_EQ(error_kind("BUSY " + std::string(1U << 20U, 'x')), ErrorKind::Busy);
}

}  // namespace
}  // namespace relinkd::resp
