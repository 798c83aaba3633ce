// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/sysctl_report.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "core/give_up.hpp"
#include "relinkctl/commands.hpp"

namespace relinkd::relinkctl {

namespace {

using Verdict = SysctlLine::Verdict;

constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";
constexpr std::string_view kRtoMax = "net.ipv4.tcp_rto_max_ms";

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

SysctlLine read_line(const std::string& key, std::int64_t wanted, const ReadSysctl& read,
                     std::optional<Duration> rto_max, const core::SysctlSources* sources) {
  SysctlLine line;
  line.key = key;
  line.wanted = wanted;
  if (sources != nullptr) line.boot = core::decide_sysctl(*sources, key);
  const bool retries2 = key == kRetries2;
  if (retries2) line.as_wanted = give_up(wanted, rto_max);
  const auto text = read(key);
  if (!text) {
    line.error = text.error().message;
    return line;
  }
  line.value = parse_number(*text);
  if (!line.value) {
    line.error = fmt::format("its value \"{}\" is not one number", *text);
    return line;
  }
  if (retries2) line.now = give_up(*line.value, rto_max);
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

std::optional<GiveUp> give_up(std::int64_t retries2, std::optional<Duration> rto_max) {
  if (retries2 < 0 || retries2 > 255) return std::nullopt;  // the kernel's range
  const int count = static_cast<int>(retries2);
  const Duration cap = rto_max.value_or(core::kRtoMax);
  return GiveUp{core::give_up_time(count, core::kRtoBase, cap),
                core::give_up_latest(count, core::kRtoBase, cap)};
}

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
  if (const auto text = read(kRtoMax)) {
    const auto ms = parse_number(*text);
    // The kernel's own range is 1 s to 120 s.
    if (ms && *ms >= 1000 && *ms <= 120'000) report.rto_max = std::chrono::milliseconds(*ms);
  }
  for (const auto& [key, value] : wanted) {
    report.lines.push_back(read_line(key, value, read, report.rto_max, sources));
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
