// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/enum_names.hpp"
#include "control/json_writer.hpp"
#include "relinkctl/sysctl_report.hpp"

namespace relinkd::relinkctl {

namespace {

using Verdict = SysctlLine::Verdict;

constexpr auto kVerdictNames = enum_names<Verdict>(
    "applied", "not after a reboot", "only after a reboot", "cannot be read", "not applied");
constexpr auto kVerdictKeys =
    enum_names<Verdict>("applied", "not_persistent", "only_at_boot", "unreadable", "not_applied");
constexpr auto kSummaries = enum_names<Verdict>("Applied", "Not persistent", "Not applied yet",
                                                "Cannot be read", "Not applied");

Colour colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Applied: return Colour::Good;
    case Verdict::NotPersistent:
    case Verdict::OnlyAtBoot: return Colour::Notice;
    case Verdict::Unreadable:
    case Verdict::NotApplied: return Colour::Bad;
  }
  return Colour::Plain;
}

std::string number_or_dash(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::string at_boot(const SysctlLine& line) {
  if (!line.boot) return "-";
  return line.boot->unread.empty() ? number_or_dash(line.boot->value) : "?";
}

std::string meaning(const SysctlLine& line) {
  std::string text;
  if (line.now) {
    text = fmt::format("At {} the kernel ends a connection whose data nobody acknowledges after {}",
                       *line.value, in_words(*line.now));
    if (line.as_wanted && line.value != line.wanted) {
      text += fmt::format("; at {} after {}", line.wanted, in_words(*line.as_wanted));
    }
    text += '.';
  }
  if (line.now && *line.value == 0) {
    text += " 0 is legal, but so short that an ordinary burst of loss ends living connections.";
  }
  return text;
}

/// "after a reboot it is 15, which /etc/sysctl.conf, line 3, sets".
std::string after_reboot(const SysctlLine& line) {
  const core::SysctlDecision& boot = *line.boot;
  if (!boot.by) {
    return boot.value
               ? fmt::format("after a reboot it is {}, the kernel's default: no file sets it",
                             *boot.value)
               : "after a reboot it is the kernel's default: no file sets it";
  }
  if (!boot.by->value) {
    return fmt::format(
        "after a reboot it is the kernel's default: {} keeps patterns from setting it",
        in_words(*boot.by));
  }
  return fmt::format("after a reboot it is {}, set by {}", *boot.value, in_words(*boot.by));
}

std::string why(const core::SysctlDecision::Loser& loser) {
  switch (loser.why) {
    case core::SysctlLoss::Later: return "is overridden by what is applied later";
    case core::SysctlLoss::Exact: return "is a pattern, and a line names the key itself";
    case core::SysctlLoss::Refused: return "is not taken by the kernel";
    case core::SysctlLoss::Masked: return "is masked by a file of the same name";
    case core::SysctlLoss::FilesLast: return "holds only until the files are applied";
    case core::SysctlLoss::Unlinked:
      return "is not read: no link in /etc/sysctl.d leads to that file";
  }
  return {};
}

std::vector<std::string> notes(const SysctlLine& line) {
  std::vector<std::string> all;
  if (!line.error.empty()) all.push_back(line.error);
  if (const auto text = meaning(line); !text.empty()) all.push_back(text);
  if (!line.boot || !line.boot->unread.empty()) return all;
  std::string boot = after_reboot(line) + '.';
  boot[0] = 'A';
  all.push_back(std::move(boot));
  for (const auto& loser : line.boot->losers) {
    all.push_back(fmt::format("{} = {} in {} {}.", loser.place.pattern, *loser.place.value,
                              in_words(loser.place), why(loser)));
  }
  return all;
}

std::string trouble(const SysctlLine& line) {
  switch (line.verdict) {
    case Verdict::Applied: return {};
    case Verdict::NotPersistent:
      return fmt::format("{} is {}, and {}", line.key, line.wanted, after_reboot(line));
    case Verdict::OnlyAtBoot:
      return fmt::format("{} is {}, and {} only after a reboot ({})", line.key, *line.value,
                         line.wanted, in_words(*line.boot->by));
    case Verdict::NotApplied:
      return fmt::format("{} is {}, wanted is {}", line.key, *line.value, line.wanted);
    case Verdict::Unreadable: return fmt::format("{} cannot be read ({})", line.key, line.error);
  }
  return {};
}

/// The sentence that a monitoring system shows.
std::string summary(const SysctlReport& report) {
  std::vector<std::string> wrong;
  for (const auto& line : report.lines) {
    if (auto text = trouble(line); !text.empty()) wrong.push_back(std::move(text));
  }
  std::size_t others = 0;
  for (const auto& other : report.namespaces.value_or(std::vector<NamespaceLines>{})) {
    if (other.verdict() == Verdict::Applied) continue;
    ++others;
    wrong.push_back(fmt::format(
        "network namespace {}: {}", other.name,
        other.error.empty() ? kVerdictNames[other.verdict()] : std::string_view(other.error)));
  }
  const auto count = report.lines.size();
  if (count == 0 && others == 0) return "Applied: no sysctl is wanted";
  if (wrong.empty()) {
    const bool boot = report.lines[0].boot.has_value();
    return count == 1 ? fmt::format("Applied{}: {} is {}", boot ? ", now and after a reboot" : "",
                                    report.lines[0].key, report.lines[0].wanted)
                      : fmt::format("Applied{}: all {} wanted sysctls",
                                    boot ? ", now and after a reboot" : "", count);
  }
  return fmt::format("{}: {}", kSummaries[report.verdict()], fmt::join(wrong, "; "));
}

std::string render_namespaces(const std::vector<NamespaceLines>& all, const Screen& screen) {
  if (all.empty()) return "\nThis is the only network namespace of this host.\n";
  Table table({"NETWORK NAMESPACE", "KEY", "NOW", "WANTED", "VERDICT"});
  for (const auto& other : all) {
    std::string name = other.name;
    for (const auto& line : other.lines) {
      const Verdict verdict = line.verdict;
      table.add_row({{std::exchange(name, "")},
                     {line.key},
                     {number_or_dash(line.value)},
                     {std::to_string(line.wanted)},
                     {std::string(kVerdictNames[verdict]),
                      other.network ? colour_of(verdict) : Colour::Dim}});
    }
    if (other.lines.empty()) table.add_row({{name}, {"-"}, {"-"}, {"-"}, {"-"}});
    if (!other.error.empty()) table.add_note(other.error);
    table.add_note(other.found);
    if (!other.network) table.add_note("It has only loopback, so that nothing in it counts here.");
  }
  return '\n' + table.render(screen);
}

std::string advice(const SysctlReport& report) {
  const bool incomplete = std::any_of(report.lines.begin(), report.lines.end(), [](const auto& l) {
    return l.verdict == Verdict::NotApplied || l.verdict == Verdict::NotPersistent ||
           l.verdict == Verdict::OnlyAtBoot;
  });
  std::string text;
  if (incomplete) {
    text =
        "\nTo apply them, now and at each boot: relinkctl sysctl apply (as root; every TCP "
        "connection\nof this network namespace is affected)\n";
  }
  for (const auto& other : report.namespaces.value_or(std::vector<NamespaceLines>{})) {
    if (other.verdict() != Verdict::NotApplied) continue;
    text +=
        "\nA network namespace begins with the kernel's defaults: whoever makes it must set them "
        "there\n(docker run --sysctl, Kubernetes securityContext.sysctls, ip netns exec NAME "
        "sysctl "
        "-w).\n";
    break;
  }
  return text;
}

// --- JSON -------------------------------------------------------------------------------------

using control::JsonWriter;

void write_give_up(JsonWriter& json, std::string_view key, const std::optional<core::GiveUp>& g) {
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

void write_place(JsonWriter& json, const core::SysctlPlace& place) {
  json.key("file").string_or_null(place.path);
  json.key("target").string_or_null(place.target);
  json.key("line").count(place.line);
  json.key("pattern").string(place.pattern);
  json.key("text").optional(place.value, &JsonWriter::string);
}

void write_boot(JsonWriter& json, const core::SysctlDecision& boot) {
  json.key("after_reboot").open_object();
  json.key("value").optional(boot.unread.empty() ? boot.value : std::nullopt, &JsonWriter::integer);
  json.key("decided_by");
  if (boot.by) {
    json.open_object();
    write_place(json, *boot.by);
    json.close_object();
  } else {
    json.null();
  }
  json.key("overridden").open_array();
  for (const auto& loser : boot.losers) {
    json.open_object();
    write_place(json, loser.place);
    json.key("reason").string(core::kSysctlLossNames[loser.why]);
    json.close_object();
  }
  json.close_array();
  json.close_object();
}

void write_line(JsonWriter& json, const SysctlLine& line) {
  json.open_object();
  json.key("key").string(line.key);
  json.key("value").optional(line.value, &JsonWriter::integer);
  json.key("wanted").integer(line.wanted);
  json.key("verdict").string(kVerdictKeys[line.verdict]);
  json.key("error").string_or_null(line.error);
  if (line.boot) write_boot(json, *line.boot);
  if (line.as_wanted) {
    write_give_up(json, "give_up", line.now);
    write_give_up(json, "give_up_as_wanted", line.as_wanted);
  }
  json.close_object();
}

void write_lines(JsonWriter& json, const std::vector<SysctlLine>& lines) {
  json.key("keys").open_array();
  for (const auto& line : lines) write_line(json, line);
  json.close_array();
}

}  // namespace

std::string in_words(const core::GiveUp& g) {
  return fmt::format("{} at the earliest, {} at the latest", to_text(g.earliest),
                     to_text(g.latest));
}

std::string in_words(const core::SysctlPlace& place) {
  if (place.line == 0) return "the kernel's command line";
  return fmt::format("{}{}, line {}", place.path,
                     place.target.empty() ? "" : fmt::format(" (a link to {})", place.target),
                     place.line);
}

std::string render_sysctls(const SysctlReport& report, const Screen& screen) {
  std::string out;
  for (const auto& line : wrap(clean(summary(report)) + '.', screen.width, 0)) out += line + '\n';
  if (!report.lines.empty()) {
    Table table({"KEY", "NOW", "AFTER REBOOT", "WANTED", "VERDICT"});
    for (const auto& line : report.lines) {
      table.add_row({{line.key},
                     {number_or_dash(line.value)},
                     {at_boot(line)},
                     {std::to_string(line.wanted)},
                     {std::string(kVerdictNames[line.verdict]), colour_of(line.verdict)}});
      for (const auto& note : notes(line)) table.add_note(note);
    }
    if (core::rto_max(report.rto_max_ms) < core::kRtoMax) {
      table.add_note(fmt::format("net.ipv4.tcp_rto_max_ms is {} here, which shortens these times.",
                                 *report.rto_max_ms));
    }
    out += '\n' + table.render(screen);
  }
  if (report.namespaces) out += render_namespaces(*report.namespaces, screen);
  return out + advice(report);
}

std::string sysctls_json(const SysctlReport& report) {
  JsonWriter json;
  json.open_object();
  json.key("verdict").string(kVerdictKeys[report.verdict()]);
  json.key("rto_max_seconds")
      .optional(report.rto_max_ms ? std::optional(core::rto_max(report.rto_max_ms)) : std::nullopt,
                &JsonWriter::seconds);
  write_lines(json, report.lines);
  if (report.namespaces) {
    json.key("namespaces").open_array();
    for (const auto& other : *report.namespaces) {
      json.open_object();
      json.key("name").string(other.name);
      json.key("found").string(other.found);
      json.key("inode").count(other.inode);
      json.key("processes").count(other.processes);
      json.key("network").boolean(other.network);
      json.key("verdict").string(kVerdictKeys[other.verdict()]);
      json.key("error").string_or_null(other.error);
      write_lines(json, other.lines);
      json.close_object();
    }
    json.close_array();
  }
  return json.close_object().take() + '\n';
}

}  // namespace relinkd::relinkctl
