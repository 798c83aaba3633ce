// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <gtest/gtest.h>

#include "support/own_network.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string reason = relinkd::testing::enter_own_network();
  if (reason.empty()) {
    reason = relinkd::testing::replace_etc_hosts(
        "127.0.0.1 localhost\n"
        "192.0.2.7 in-hosts.example also-in-hosts\n"
        "2001:db8::7 in-hosts.example\n");
  }
  if (!reason.empty()) {
    (void)std::fprintf(stderr, "skipped, needs a network namespace: %s\n", reason.c_str());
    return 77;
  }
  return RUN_ALL_TESTS();
}
