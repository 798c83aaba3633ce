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
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

/// When the kernel ends a connection whose data nobody acknowledges.
struct GiveUp {
  Duration earliest{};
  Duration latest{};
};

/// One wanted sysctl.
struct SysctlLine {
  enum class Verdict : std::uint8_t { Applied, NotApplied, Unreadable };
  std::string key;
  std::int64_t wanted = 0;
  std::optional<std::int64_t> value;
  std::string error;  ///< why there is no value
  Verdict verdict = Verdict::Unreadable;
  std::optional<GiveUp> now;        ///< net.ipv4.tcp_retries2 only
  std::optional<GiveUp> as_wanted;  ///< net.ipv4.tcp_retries2 only
};

struct SysctlReport {
  std::vector<SysctlLine> lines;
  std::optional<Duration> rto_max;  ///< net.ipv4.tcp_rto_max_ms, where the kernel has it
  [[nodiscard]] SysctlLine::Verdict verdict()
      const;  ///< the worst: NotApplied, Unreadable, Applied
};

/// Reads a sysctl: kernel::read_sysctl(), or a test's.
using ReadSysctl = std::function<Result<std::string>(std::string_view key)>;

SysctlReport report_sysctls(const std::map<std::string, std::int64_t>& wanted,
                            const ReadSysctl& read);

/// For people: the verdict in one sentence, the table, and what to do.
std::string render_sysctls(const SysctlReport& report, const Screen& screen);
std::string sysctls_json(const SysctlReport& report);

/// The exit code of a monitoring plugin.
int exit_code(SysctlLine::Verdict verdict);

}  // namespace relinkd::relinkctl
