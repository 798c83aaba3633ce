// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/journal_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/text.hpp"
#include "journal/catalog.hpp"

namespace relinkd::relinkctl {

namespace {

/// Longer than any line of relinkd's (journal/).
constexpr std::size_t kMaxField = 4096;

using Handle = std::unique_ptr<sd_journal, decltype(&sd_journal_close)>;

/// The value of a field of the line that is looked at; empty: absent.
std::string field(sd_journal* journal, const char* name) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (sd_journal_get_data(journal, name, &data, &size) < 0) return {};
  const std::string_view text(static_cast<const char*>(data), size);
  // "NAME=value"
  return std::string(text.substr(std::string_view(name).size() + 1, kMaxField));
}

Error not_readable() {
  std::error_code ignored;
  const bool there = std::filesystem::exists("/var/log/journal", ignored) ||
                     std::filesystem::exists("/run/log/journal", ignored);
  if (there && geteuid() != 0) {
    return {
        "the journal cannot be read: your user is in none of the groups systemd-journal and adm "
        "(usermod --append --groups systemd-journal USER, then log in anew), or use sudo"};
  }
  return {
      "this host has no journal; without systemd-journald relinkd writes its lines to its "
      "standard error, and relinkctl events has the last of them"};
}

}  // namespace

Result<void> read_incident_lines(WallTime since,
                                 const std::function<void(const IncidentLine&)>& on_line) {
  sd_journal* opened = nullptr;
  int r = sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
  if (r < 0) return system_error(-r, "the journal cannot be opened");
  const Handle journal(opened, &sd_journal_close);
  // Files that the user must not read are passed over in silence.
  if (sd_journal_has_runtime_files(opened) <= 0 && sd_journal_has_persistent_files(opened) <= 0) {
    return not_readable();
  }
  sd_journal_set_data_threshold(opened, kMaxField);
  // Matches of one field are alternatives; those of two must both hold.
  r = sd_journal_add_match(opened, "SYSLOG_IDENTIFIER=relinkd", 0);
  if (r >= 0) r = sd_journal_add_match(opened, "SYSLOG_IDENTIFIER=relinkd-actuator", 0);
  for (std::size_t i = 0; r >= 0 && i < journal::kEventNames.size(); ++i) {
    const auto id = journal::message_id(static_cast<journal::Event>(i));
    r = sd_journal_add_match(opened, fmt::format("MESSAGE_ID={}", id).c_str(), 0);
  }
  if (r >= 0) r = sd_journal_seek_tail(opened);
  if (r < 0) return system_error(-r, "the journal cannot be searched");
  while ((r = sd_journal_previous(opened)) > 0) {
    std::uint64_t us = 0;
    if (sd_journal_get_realtime_usec(opened, &us) < 0) continue;
    IncidentLine line;
    line.time = WallTime(std::chrono::microseconds(us));
    if (line.time < since) break;
    line.incident = field(opened, "RELINKD_INCIDENT");
    if (line.incident.empty()) continue;
    line.message_id = field(opened, "MESSAGE_ID");
    line.endpoint = field(opened, "RELINKD_ENDPOINT");
    line.app = field(opened, "RELINKD_APP");
    line.priority = static_cast<int>(
        std::min<std::uint64_t>(parse_u64(field(opened, "PRIORITY")).value_or(6), 7));
    line.message = field(opened, "MESSAGE");
    on_line(line);
  }
  if (r < 0) return system_error(-r, "the journal cannot be read");
  return {};
}

}  // namespace relinkd::relinkctl
