// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace relinkd {
namespace {

std::string text_of(std::string_view ip, std::uint16_t port = 6379) {
  const auto a = Address::parse(ip, port);
  return a ? a->to_string() : "nothing";
}

TEST(Address, IsReadAndWrittenAsANodesLabel) {
  EXPECT_EQ(text_of("10.0.0.7", 6380), "10.0.0.7:6380");
  EXPECT_EQ(text_of("::1"), "[::1]:6379");
  EXPECT_EQ(text_of("0.0.0.0", 0), "0.0.0.0:0");
  EXPECT_EQ(text_of("255.255.255.255", 65535), "255.255.255.255:65535");
}

// RFC 5952: one text for each IPv6 address.
TEST(Address, OfIPv6HasOneSpelling) {
  EXPECT_EQ(text_of("2001:DB8:0:0:0:0:0:1"), "[2001:db8::1]:6379");
  EXPECT_EQ(text_of("2001:0db8::0001"), "[2001:db8::1]:6379");
  EXPECT_EQ(Address::parse("2001:db8::1", 1), Address::parse("2001:DB8:0::1", 1));
}

TEST(Address, OfIPv4InIPv6IsTheIPv4Address) {
  EXPECT_EQ(text_of("::ffff:10.0.0.7"), "10.0.0.7:6379");
  EXPECT_EQ(text_of("::ffff:a00:7"), "10.0.0.7:6379");
  EXPECT_EQ(Address::parse("::ffff:10.0.0.7", 1), Address::parse("10.0.0.7", 1));
  EXPECT_EQ(Address::parse("::ffff:10.0.0.7", 1)->family(), Address::Family::IPv4);
  EXPECT_EQ(text_of("::fffe:10.0.0.7"), "[::fffe:a00:7]:6379") << "that is not such a one";
}

TEST(Address, IsNotReadFromAnythingElse) {
  for (const char* bad :
       {"", "localhost", "10.0.0", "10.0.0.256", "10.0.0.7:6379", "[::1]", "::g", " 10.0.0.7",
        "10.0.0.7 ", "fe80::1%eth0", "010.0.0.07.1", "/run/x.sock"}) {
    EXPECT_EQ(Address::parse(bad, 6379), std::nullopt) << bad;
  }
}

TEST(Address, OfAUnixSocketIsItsPath) {
  const Address a = Address::unix_path("/run/redis.sock");
  EXPECT_TRUE(a.is_unix());
  EXPECT_EQ(a.to_string(), "/run/redis.sock");
  EXPECT_EQ(a.host(), "/run/redis.sock");
  EXPECT_EQ(a.path(), "/run/redis.sock");
}

TEST(Address, KnowsHostAndPort) {
  const Address a = *Address::parse("2001:db8::1", 6379);
  EXPECT_EQ(a.host(), "2001:db8::1");
  EXPECT_EQ(a.port(), 6379);
  EXPECT_EQ(a.with_port(6380).to_string(), "[2001:db8::1]:6380");
  EXPECT_EQ(a.port(), 6379) << "with_port() makes another";
}

TEST(Address, BytesAreInNetworkOrder) {
  const Address a = *Address::parse("10.0.0.7", 1);
  EXPECT_EQ(a.bytes()[0], 10);
  EXPECT_EQ(a.bytes()[3], 7);
  EXPECT_EQ(Address::parse("2001:db8::7", 1)->bytes()[15], 7);
}

TEST(Address, IsEqualOnlyInAllItsParts) {
  const std::vector<Address> different{
      *Address::parse("10.0.0.7", 1),    *Address::parse("10.0.0.7", 2),
      *Address::parse("10.0.0.8", 1),    *Address::parse("::10.0.0.7", 1),
      Address::unix_path("/run/a.sock"), Address::unix_path("/run/b.sock")};
  for (std::size_t i = 0; i < different.size(); ++i) {
    for (std::size_t j = 0; j < different.size(); ++j) {
      EXPECT_EQ(different[i] == different[j], i == j) << i << ' ' << j;
    }
  }
}

TEST(Address, WithItsPortIsReadAsItIsWritten) {
  for (const char* text : {"10.0.0.7:6380", "[2001:db8::1]:6380"}) {
    const auto address = Address::parse_with_port(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(Address, OfAHostNameIsNone) {
  for (const char* text :
       {"cache-1.example.net:6379", "10.0.0.300:1", "10.0.0.7", "/run/redis.sock"}) {
    EXPECT_FALSE(Address::parse_with_port(text)) << text;
  }
}

}  // namespace
}  // namespace relinkd
