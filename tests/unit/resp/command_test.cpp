// SPDX-License-Identifier: Apache-2.0
#include "resp/command.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace relinkd::resp {
namespace {

using namespace std::string_view_literals;

TEST(Command, IsAnArrayOfBulkStrings) {
  EXPECT_EQ(format_command({"PING"}), "*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(format_command({"CLIENT", "SETNAME", "relinkd"}),
            "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$7\r\nrelinkd\r\n");
}

TEST(Command, ArgumentsMayHoldAnyBytes) {
  EXPECT_EQ(format_command({"AUTH", "a b\r\n\0%s"sv}),
            "*2\r\n$4\r\nAUTH\r\n$8\r\na b\r\n\0%s\r\n"sv);
}

TEST(Command, AnArgumentMayBeEmpty) {
  EXPECT_EQ(format_command({"AUTH", ""}), "*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n");
  EXPECT_EQ(format_command({"AUTH", std::string_view()}), "*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n");
}

TEST(Command, TakesArgumentsCountedAtRunTime) {
  const std::vector<std::string_view> arguments{"INFO", "server", "stats"};
  EXPECT_EQ(format_command(arguments), format_command({"INFO", "server", "stats"}));
}

}  // namespace
}  // namespace relinkd::resp
