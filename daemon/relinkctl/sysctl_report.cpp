// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/sysctl_report.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/enum_names.hpp"
#include "control/json_writer.hpp"
#include "core/give_up.hpp"
#include "relinkctl/commands.hpp"

namespace relinkd::relinkctl {

namespace {

using Verdict = SysctlLine::Verdict;

constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";
constexpr std::string_view kRtoMax = "net.ipv4.tcp_rto_max_ms";
constexpr auto kVerdictNames = enum_names<Verdict>("applied", "not applied", "cannot be read");
constexpr auto kVerdictKeys = enum_names<Verdict>("applied", "not_applied", "unreadable");

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<GiveUp> give_up(std::int64_t retries2, std::optional<Duration> rto_max) {
  if (retries2 < 0 || retries2 > 255) return std::nullopt;  // the kernel's range
  const int count = static_cast<int>(retries2);
  const Duration cap = rto_max.value_or(core::kRtoMax);
  return GiveUp{core::give_up_time(count, core::kRtoBase, cap),
                core::give_up_latest(count, core::kRtoBase, cap)};
}

SysctlLine read_line(const std::string& key, std::int64_t wanted, const ReadSysctl& read,
                     std::optional<Duration> rto_max) {
  SysctlLine line;
  line.key = key;
  line.wanted = wanted;
  const bool retries2 = key == kRetries2 || key == "net/ipv4/tcp_retries2";
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
  line.verdict = *line.value == wanted ? Verdict::Applied : Verdict::NotApplied;
  if (retries2) line.now = give_up(*line.value, rto_max);
  return line;
}

std::string range(const GiveUp& g) {
  return fmt::format("{} at the earliest, {} at the latest", to_text(g.earliest),
                     to_text(g.latest));
}

std::string meaning(const SysctlLine& line) {
  std::string text;
  if (line.now) {
    text = fmt::format("At {} the kernel ends a connection whose data nobody acknowledges after {}",
                       *line.value, range(*line.now));
    if (line.as_wanted && line.verdict == Verdict::NotApplied) {
      text += fmt::format("; at {} after {}", line.wanted, range(*line.as_wanted));
    }
    text += '.';
  }
  if (line.now && *line.value == 0) {
    text += " 0 is legal, but so short that an ordinary burst of loss ends living connections.";
  }
  return text;
}

/// The sentence that a monitoring system shows.
std::string summary(const SysctlReport& report) {
  std::vector<std::string> wrong;
  for (const auto& line : report.lines) {
    if (line.verdict == Verdict::NotApplied) {
      wrong.push_back(fmt::format("{} is {}, wanted is {}", line.key, *line.value, line.wanted));
    } else if (line.verdict == Verdict::Unreadable) {
      wrong.push_back(fmt::format("{} cannot be read ({})", line.key, line.error));
    }
  }
  const auto count = report.lines.size();
  if (count == 0) return "Applied: no sysctl is wanted";
  if (wrong.empty()) {
    return count == 1
               ? fmt::format("Applied: {} is {}", report.lines[0].key, report.lines[0].wanted)
               : fmt::format("Applied: all {} wanted sysctls", count);
  }
  return fmt::format("{}: {}",
                     report.verdict() == Verdict::NotApplied ? "Not applied" : "Cannot be read",
                     fmt::join(wrong, "; "));
}

void write_give_up(control::JsonWriter& json, std::string_view key,
                   const std::optional<GiveUp>& g) {
  json.key(key);
  if (!g) {
    json.null();
    return;
  }
  json.open_object();
  json.key("earliest_seconds").seconds(g->earliest);
  json.key("latest_seconds").seconds(g->latest);
  json.close_object();
}

void write_line(control::JsonWriter& json, const SysctlLine& line) {
  json.open_object();
  json.key("key").string(line.key);
  json.key("value");
  if (line.value) {
    json.integer(*line.value);
  } else {
    json.null();
  }
  json.key("wanted").integer(line.wanted);
  json.key("verdict").string(kVerdictKeys[line.verdict]);
  json.key("error");
  if (line.error.empty()) {
    json.null();
  } else {
    json.string(line.error);
  }
  if (line.as_wanted) {
    write_give_up(json, "give_up", line.now);
    write_give_up(json, "give_up_as_wanted", line.as_wanted);
  }
  json.close_object();
}

}  // namespace

SysctlLine::Verdict SysctlReport::verdict() const {
  const auto any = [&](Verdict v) {
    return std::any_of(lines.begin(), lines.end(), [v](const auto& l) { return l.verdict == v; });
  };
  if (any(Verdict::NotApplied)) return Verdict::NotApplied;
  return any(Verdict::Unreadable) ? Verdict::Unreadable : Verdict::Applied;
}

SysctlReport report_sysctls(const std::map<std::string, std::int64_t>& wanted,
                            const ReadSysctl& read) {
  SysctlReport report;
  if (const auto text = read(kRtoMax)) {
    const auto ms = parse_number(*text);
    // The kernel's own range is 1 s to 120 s.
    if (ms && *ms >= 1000 && *ms <= 120'000) report.rto_max = std::chrono::milliseconds(*ms);
  }
  for (const auto& [key, value] : wanted) {
    report.lines.push_back(read_line(key, value, read, report.rto_max));
  }
  return report;
}

std::string render_sysctls(const SysctlReport& report, const Screen& screen) {
  std::string out;
  for (const auto& line : wrap(clean(summary(report)) + '.', screen.width, 0)) out += line + '\n';
  if (report.lines.empty()) return out;
  Table table({"KEY", "NOW", "WANTED", "VERDICT"});
  std::string missing;
  for (const auto& line : report.lines) {
    const Colour colour = line.verdict == Verdict::Applied ? Colour::Good : Colour::Bad;
    table.add_row({{line.key},
                   {line.value ? std::to_string(*line.value) : "-"},
                   {std::to_string(line.wanted)},
                   {std::string(kVerdictNames[line.verdict]), colour}});
    if (!line.error.empty()) table.add_note(line.error);
    if (const auto text = meaning(line); !text.empty()) table.add_note(text);
    if (line.verdict == Verdict::NotApplied) {
      missing += fmt::format("    {} = {}\n", line.key, line.wanted);
    }
  }
  if (report.rto_max && *report.rto_max < core::kRtoMax) {
    table.add_note(fmt::format("{} is {} here, which shortens these times.", kRtoMax,
                               report.rto_max->count() / 1'000'000));
  }
  out += '\n' + table.render(screen);
  if (!missing.empty()) {
    out += "\nTo apply, put this in /etc/sysctl.d/90-relinkd.conf and run sysctl --system:\n" +
           missing;
  }
  return out;
}

std::string sysctls_json(const SysctlReport& report) {
  control::JsonWriter json;
  json.open_object();
  json.key("verdict").string(kVerdictKeys[report.verdict()]);
  json.key("rto_max_seconds");
  if (report.rto_max) {
    json.seconds(*report.rto_max);
  } else {
    json.null();
  }
  json.key("keys").open_array();
  for (const auto& line : report.lines) write_line(json, line);
  return json.close_array().close_object().take() + '\n';
}

int exit_code(SysctlLine::Verdict verdict) {
  switch (verdict) {
    case Verdict::Applied: return kPluginOk;
    case Verdict::NotApplied: return kPluginCritical;
    case Verdict::Unreadable: return kPluginUnknown;
  }
  return kPluginUnknown;
}

}  // namespace relinkd::relinkctl
