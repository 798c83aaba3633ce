// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/sysctl_report.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "relinkctl/commands.hpp"

namespace relinkd::relinkctl {

namespace {

using Verdict = SysctlLine::Verdict;

constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";
constexpr std::string_view kRtoMax = "net.ipv4.tcp_rto_max_ms";

SysctlLine read_line(const std::string& key, std::int64_t wanted, const ReadSysctl& read,
                     std::optional<std::int64_t> rto_max_ms, const core::SysctlSources* sources) {
  SysctlLine line;
  line.key = key;
  line.wanted = wanted;
  if (sources != nullptr) line.boot = core::decide_sysctl(*sources, key);
  const bool retries2 = key == kRetries2;
  if (retries2) line.as_wanted = core::give_up(wanted, rto_max_ms);
  const auto text = read(key);
  if (!text) {
    line.error = text.error().message;
    return line;
  }
  line.value = parse_i64(*text);
  if (!line.value) {
    line.error = fmt::format("its value \"{}\" is not one number", *text);
    return line;
  }
  if (retries2) line.now = core::give_up(*line.value, rto_max_ms);
  const bool applied = *line.value == wanted;
  line.verdict = applied ? Verdict::Applied : Verdict::NotApplied;
  if (!line.boot) return line;
  if (!line.boot->unread.empty()) {
    line.error = fmt::format("its value after a reboot is not known: {}",
                             fmt::join(line.boot->unread, "; "));
    if (applied) line.verdict = Verdict::Unreadable;
    return line;
  }
  const bool persistent = line.boot->value == wanted;
  if (applied && !persistent) line.verdict = Verdict::NotPersistent;
  if (!applied && persistent) line.verdict = Verdict::OnlyAtBoot;
  return line;
}

Verdict worst(const std::vector<SysctlLine>& lines) {
  Verdict verdict = Verdict::Applied;
  for (const SysctlLine& line : lines) verdict = std::max(verdict, line.verdict);
  return verdict;
}

}  // namespace

SysctlLine::Verdict NamespaceLines::verdict() const {
  if (!network) return Verdict::Applied;
  return error.empty() ? worst(lines) : Verdict::Unreadable;
}

SysctlLine::Verdict SysctlReport::verdict() const {
  Verdict verdict = worst(lines);
  if (!namespaces) return verdict;
  for (const NamespaceLines& other : *namespaces) verdict = std::max(verdict, other.verdict());
  return verdict;
}

SysctlReport report_sysctls(const std::map<std::string, std::int64_t>& wanted,
                            const ReadSysctl& read, const core::SysctlSources* sources) {
  SysctlReport report;
  if (const auto text = read(kRtoMax)) report.rto_max_ms = parse_i64(*text);
  for (const auto& [key, value] : wanted) {
    report.lines.push_back(read_line(key, value, read, report.rto_max_ms, sources));
  }
  return report;
}

int exit_code(SysctlLine::Verdict verdict) {
  switch (verdict) {
    case Verdict::Applied: return kPluginOk;
    case Verdict::NotPersistent:
    case Verdict::OnlyAtBoot: return kPluginWarning;
    case Verdict::NotApplied: return kPluginCritical;
    case Verdict::Unreadable: return kPluginUnknown;
  }
  return kPluginUnknown;
}

}  // namespace relinkd::relinkctl
