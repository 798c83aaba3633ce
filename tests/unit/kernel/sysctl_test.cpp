// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace relinkd::kernel {
namespace {

TEST(SysctlPath, TakesDotsOrSlashesAsSeparators) {
  EXPECT_EQ(*sysctl_path("net.ipv4.tcp_retries2"), "/proc/sys/net/ipv4/tcp_retries2");
  EXPECT_EQ(*sysctl_path("net/ipv4/tcp_retries2"), "/proc/sys/net/ipv4/tcp_retries2");
}

TEST(SysctlPath, TheFirstSeparatorDecidesWhatTheOtherMeans) {
  EXPECT_EQ(*sysctl_path("net.ipv4.conf.eth0/100.rp_filter"),
            "/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
  EXPECT_EQ(*sysctl_path("net/ipv4/conf/eth0.100/rp_filter"),
            "/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
}

TEST(SysctlPath, NeverLeavesProcSys) {
  for (const std::string key :
       {"../shadow", "net/../../shadow", "net/..", "..", ".", "net.//.shadow", "net.ipv4./..x./",
        "/etc/shadow", "/", "net//ipv4", "net/ipv4/", "net..ipv4", "net.ipv4.", "", "net ipv4",
        "net.ipv4\n", "net.*", "net.ipv4.\xff"}) {
    const auto path = sysctl_path(key);
    EXPECT_FALSE(path) << key << " became " << path.value();
  }
  EXPECT_FALSE(sysctl_path(std::string("net.ipv4\0.tcp_retries2", 22)));
}

TEST(ReadSysctl, GivesTheValueWithoutItsNewline) {
  const auto value = read_sysctl("kernel.pid_max");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_TRUE(parse_u64(*value)) << *value;
}

TEST(ReadSysctl, SaysThatTheKernelHasNoSuchSysctl) {
  const auto value = read_sysctl("net.ipv4.no_such_thing");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ENOENT);
  EXPECT_EQ(value.error().message, "this kernel has no sysctl net.ipv4.no_such_thing");
}

TEST(ReadSysctl, ReadsNoFolder) { EXPECT_FALSE(read_sysctl("net.ipv4")); }

}  // namespace
}  // namespace relinkd::kernel
