// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "core/give_up.hpp"
#include "core/sysctl_files.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// One wanted sysctl.
struct SysctlLine {
  enum class Verdict : std::uint8_t {
    Applied,        ///< and, where files were looked at, so after a reboot
    NotPersistent,  ///< applied, and not after a reboot
    OnlyAtBoot,     ///< not applied, but it will be after a reboot
    Unreadable,     ///< the value, or a file that may decide what it is after a reboot
    NotApplied,
  };
  std::string key;
  std::int64_t wanted = 0;
  std::optional<std::int64_t> value;
  std::string error;  ///< why there is no value, or why no telling what it will be
  Verdict verdict = Verdict::Unreadable;
  std::optional<core::SysctlDecision> boot;  ///< nothing: files do not concern this namespace
  std::optional<core::GiveUp> now;           ///< net.ipv4.tcp_retries2 only
  std::optional<core::GiveUp> as_wanted;     ///< net.ipv4.tcp_retries2 only
};

/// The sysctls of another network namespace, which no file concerns.
struct NamespaceLines {
  std::string name;   ///< "blue", or "redis-server (process 4711)"
  std::string found;  ///< how it was found, as a sentence
  std::uint64_t inode = 0;
  std::uint64_t processes = 0;
  bool network = true;  ///< false: it has only loopback, and its values do not matter
  std::string error;    ///< why there are no lines
  std::vector<SysctlLine> lines;
  [[nodiscard]] SysctlLine::Verdict verdict() const;
};

struct SysctlReport {
  std::vector<SysctlLine> lines;
  std::optional<std::int64_t> rto_max_ms;  ///< net.ipv4.tcp_rto_max_ms, where the kernel has it
  /// Other namespaces; nothing: they were not asked for.
  std::optional<std::vector<NamespaceLines>> namespaces;
  /// The worst: the last in the order of Verdict.
  [[nodiscard]] SysctlLine::Verdict verdict() const;
};

/// Reads a sysctl: kernel::read_sysctl(), or a test's.
using ReadSysctl = std::function<Result<std::string>(std::string_view key)>;

/// `sources`: null where files do not concern the namespace.
SysctlReport report_sysctls(const std::map<std::string, std::int64_t>& wanted,
                            const ReadSysctl& read, const core::SysctlSources* sources);

/// For people: the verdict in one sentence, the table, and what to do.
std::string render_sysctls(const SysctlReport& report, const Screen& screen);
std::string sysctls_json(const SysctlReport& report);

/// "/etc/sysctl.d/99-sysctl.conf (a link to /etc/sysctl.conf), line 12".
std::string in_words(const core::SysctlPlace& place);
/// "12.6 s at the earliest, 28.6 s at the latest".
std::string in_words(const core::GiveUp& give_up);

/// The exit code of a monitoring plugin.
int exit_code(SysctlLine::Verdict verdict);

}  // namespace relinkd::relinkctl
