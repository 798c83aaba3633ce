// SPDX-License-Identifier: Apache-2.0
#include "base/host_port.hpp"

#include <gtest/gtest.h>

namespace relinkd {
namespace {

TEST(HostPort, IsWrittenAsANodesLabel) {
  EXPECT_EQ((HostPort{"cache-1.example.net", 6379}).to_string(), "cache-1.example.net:6379");
  EXPECT_EQ((HostPort{"10.0.0.7", 6380}).to_string(), "10.0.0.7:6380");
  EXPECT_EQ((HostPort{"", 65'535}).to_string(), ":65535");
}

TEST(HostPort, OfAnIPv6AddressHasBrackets) {
  EXPECT_EQ((HostPort{"2001:db8::1", 6380}).to_string(), "[2001:db8::1]:6380");
  EXPECT_EQ((HostPort{"::1", 0}).to_string(), "[::1]:0");
}

}  // namespace
}  // namespace relinkd
