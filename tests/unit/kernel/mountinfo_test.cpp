// SPDX-License-Identifier: Apache-2.0
#include "kernel/mountinfo.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/cgroups.hpp"

namespace relinkd::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Mount> cgroups(const std::string& mountinfo) {
  return mounts_of_type(mountinfo, "cgroup2");
}

TEST(Mountinfo, TellsTheMountsOfAType) {
  EXPECT_THAT(cgroups("31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
                      "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
                      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"),
              ElementsAre(Mount{"/", "/sys/fs/cgroup/unified"}));
}

TEST(Mountinfo, HasAnyNumberOfOptionalFields) {
  EXPECT_THAT(cgroups("30 23 0:26 / /a rw shared:4 - cgroup2 cgroup2 rw\n"
                      "30 23 0:26 / /b rw shared:4 master:1 propagate_from:2 - cgroup2 none rw\n"
                      "30 23 0:26 / /c rw - cgroup2 none rw"),
              ElementsAre(Mount{"/", "/a"}, Mount{"/", "/b"}, Mount{"/", "/c"}));
}

TEST(Mountinfo, TellsWhichFolderIsMounted) {
  EXPECT_THAT(cgroups("30 23 0:26 /docker/0a1b /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
                      "30 23 0:26 /../.. /outer ro - cgroup2 cgroup rw\n"),
              ElementsAre(Mount{"/docker/0a1b", "/sys/fs/cgroup"}, Mount{"/../..", "/outer"}));
}

TEST(Mountinfo, EscapesAreUndone) {
  EXPECT_THAT(cgroups("30 23 0:26 / /my\\040cgroups\\011\\012\\134040\\377 rw - cgroup2 c rw\n"),
              ElementsAre(Mount{"/", "/my cgroups\t\n\\040\xff"}));
  EXPECT_THAT(cgroups("30 23 0:26 /\\ /a\\04 rw - cgroup2 c rw\n"
                      "30 23 0:26 /\\400 /\\08x rw - cgroup2 c rw\n"),
              ElementsAre(Mount{"/\\", "/a\\04"}, Mount{"/\\400", "/\\08x"}))
      << "what is no escape stays";
}

TEST(Mountinfo, TheTypeIsWhatStandsBehindTheDashOnly) {
  EXPECT_THAT(cgroups("30 23 0:26 / /cgroup2 rw - tmpfs cgroup2 rw\n"
                      "30 23 0:26 - cgroup2 rw - tmpfs cgroup2 rw\n"
                      "30 23 0:26 / - cgroup2 - tmpfs tmpfs rw\n"),
              IsEmpty());
}

TEST(Mountinfo, MalformedLinesArePassedOver) {
  const std::string good = "30 23 0:26 / /good rw - cgroup2 cgroup2 rw";
  for (const std::string bad :
       {"", " ", "-", "- cgroup2", "30 23 0:26 / /bad rw", "30 23 0:26 / /bad rw -",
        "30 23 0:26 / /bad rw - ", "30 23 0:26 / /bad rw shared:4 cgroup2", "- - - - - - -",
        "cgroup2 cgroup2 cgroup2 cgroup2 cgroup2 cgroup2 cgroup2"}) {
    EXPECT_THAT(cgroups(std::string(bad).append("\n").append(good)),
                ElementsAre(Mount{"/", "/good"}))
        << bad;
  }
  for (std::size_t size = 0; size < good.find("cgroup2") + 7; ++size) {
    EXPECT_THAT(cgroups(good.substr(0, size)), IsEmpty()) << size;
  }
}

TEST(IsWithin, TakesWholeNamesOnly) {
  EXPECT_TRUE(is_within("/system.slice/app.service", "/system.slice/app.service"));
  EXPECT_TRUE(is_within("/system.slice/app.service/worker", "/system.slice/app.service"));
  EXPECT_TRUE(is_within("/system.slice/app.service", "/"));
  EXPECT_TRUE(is_within("/", "/"));
  EXPECT_FALSE(is_within("/system.slice/app.service-2", "/system.slice/app.service"));
  EXPECT_FALSE(is_within("/system.slice", "/system.slice/app.service"));
  EXPECT_FALSE(is_within("/", "/system.slice"));
  EXPECT_FALSE(is_within("/system.slice", ""));
  EXPECT_FALSE(is_within("", ""));
}

}  // namespace
}  // namespace relinkd::kernel
