// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.hpp"

namespace relinkd::core {

// Which value a sysctl will have after the next boot, as systemd-sysctl(8) of systemd 252 finds it.
// sysctl.d(5) has the rules; what it leaves open was measured, and tests/netns compares this with
// the real program.

/// The folders in which systemd-sysctl looks, the one that masks the others first. The last is the
/// one before it wherever /lib is a link to /usr/lib.
inline constexpr std::array<std::string_view, 5> kSysctlFolders = {
    "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d",
    "/lib/sysctl.d"};
/// Is read only where a link in one of the folders leads to it, as Debian's 99-sysctl.conf does.
inline constexpr std::string_view kSysctlConf = "/etc/sysctl.conf";

struct SysctlFile {
  std::string path;    ///< in a folder of kSysctlFolders, or kSysctlConf
  std::string target;  ///< where it leads if it is a link; else empty
  std::string text;    ///< empty, too, for a link to /dev/null or to nothing: these mask
  std::string error;   ///< why the text is not known; empty: it is
};

struct SysctlSources {
  std::vector<SysctlFile> files;    ///< of all folders, in any order; of kSysctlConf, too
  std::vector<std::string> unread;  ///< folders that cannot be read: each with the reason
  std::string command_line;         ///< /proc/cmdline
};

/// A line that would set the sysctl or excludes it.
struct SysctlPlace {
  std::string path;  ///< of the file; empty: the kernel's command line
  std::string target;
  std::size_t line = 0;              ///< from 1; 0: the kernel's command line
  std::string pattern;               ///< the key as written, which may be a glob
  std::optional<std::string> value;  ///< as written; nothing: it excludes the key from globs
  friend bool operator==(const SysctlPlace&, const SysctlPlace&) = default;
};

/// Why a line does not decide.
enum class SysctlLoss : std::uint8_t {
  Later,      ///< a line that is applied later has another value
  Exact,      ///< it is a glob, and another line names the key itself
  Refused,    ///< the kernel does not take its value
  Masked,     ///< its file has the name of one in a folder that comes first
  FilesLast,  ///< the command line's value holds until the files are applied
  Unlinked,   ///< it is in /etc/sysctl.conf, to which no link leads
};
inline constexpr auto kSysctlLossNames =
    enum_names<SysctlLoss>("later", "exact", "refused", "masked", "files_last", "unlinked");

struct SysctlDecision {
  /// The line that sets the value or, with a place that has no value, keeps globs from doing so.
  /// Nothing: nobody sets it, and it is what the kernel begins with.
  std::optional<SysctlPlace> by;
  /// What it will be; nothing: the kernel's own, and that is not known here.
  std::optional<std::int64_t> value;
  struct Loser {
    SysctlPlace place;
    SysctlLoss why{};
    friend bool operator==(const Loser&, const Loser&) = default;
  };
  /// The other lines that would set another value, in the order in which they are read.
  std::vector<Loser> losers;
  /// Files and folders that may decide otherwise, but could not be read: each with the reason.
  std::vector<std::string> unread;
};

/// `key` in either form of sysctl.d(5); it must name one number.
SysctlDecision decide_sysctl(const SysctlSources& sources, std::string_view key);

/// The key as systemd-sysctl compares it: "net/ipv4/tcp_retries2". Where the first separator is a
/// dot, dots and slashes change places; empty parts and "." are dropped.
std::string sysctl_slashed(std::string_view key);

/// The number that the kernel makes of a text which is written into a sysctl of one integer
/// (proc_get_long() in kernel/sysctl.c, measured): decimal, 0x… or 0…, with a minus, and with
/// anything behind a blank. Nothing: it is refused. Ranges are each sysctl's own; known here is
/// that of net.ipv4.tcp_retries2, 0 to 255.
std::optional<std::int64_t> sysctl_number(std::string_view slashed_key, std::string_view text);

}  // namespace relinkd::core
