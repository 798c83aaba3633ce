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

TEST(HostPort, IsReadAsItIsWritten) {
  for (const HostPort& where : {HostPort{"cache-1.example.net", 6379}, HostPort{"10.0.0.7", 1},
                                HostPort{"2001:db8::1", 65'535}}) {
    EXPECT_EQ(HostPort::parse(where.to_string()), where) << where.to_string();
  }
}

TEST(HostPort, IsNotReadWithoutHostOrPort) {
  for (const char* text : {"", ":", "host", "host:", ":6379", "[]:6379", "host:0", "host:65536",
                           "host:-1", "host:6379 "}) {
    EXPECT_FALSE(HostPort::parse(text)) << text;
  }
}

}  // namespace
}  // namespace relinkd
