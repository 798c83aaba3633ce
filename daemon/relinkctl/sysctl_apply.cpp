// SPDX-License-Identifier: Apache-2.0
// Sets the wanted sysctls, now and for each boot, and takes that back.
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "base/utf8.hpp"
#include "files/replace_file.hpp"
#include "kernel/sysctl.hpp"
#include "kernel/sysctl_files.hpp"
#include "kernel/text_file.hpp"
#include "loop/fd.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/output.hpp"
#include "relinkctl/sysctl_record.hpp"
#include "relinkctl/sysctl_report.hpp"

namespace relinkd::relinkctl {

namespace {

using Wanted = std::map<std::string, std::int64_t>;
using FileKind = SysctlFileState::Kind;

/// What RFC 1122 (4.2.3.5) has as the least patience with a connection, R2.
constexpr Duration kRfc1122 = 100s;

int failed(const std::string& why) {
  complain(why);
  return kPluginCritical;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

Result<SysctlFileState> look_at_file() {
  SysctlFileState state;
  struct stat at {};
  if (lstat(kSysctlFile, &at) != 0) {
    if (errno == ENOENT) return state;
    return system_error(errno, fmt::format("cannot look at {}", kSysctlFile));
  }
  if (S_ISLNK(at.st_mode)) {
    state.kind = FileKind::Link;
    state.content.resize(SysctlFileState::kMaxText);
    const ssize_t n = readlink(kSysctlFile, state.content.data(), state.content.size());
    if (n < 0) return system_error(errno, fmt::format("cannot look at {}", kSysctlFile));
    state.content.resize(static_cast<std::size_t>(n));
  } else if (S_ISREG(at.st_mode)) {
    state.kind = FileKind::Text;
    auto text = kernel::read_text(kSysctlFile, SysctlFileState::kMaxText + 1);
    if (!text) return text.error();
    state.content = std::move(*text);
  }
  const bool kept = (S_ISLNK(at.st_mode) || S_ISREG(at.st_mode)) && is_utf8(state.content) &&
                    state.content.size() <= SysctlFileState::kMaxText;
  if (kept) return state;
  return Error{
      fmt::format("what {} is now could not be kept, as it is no text file of at most "
                  "{} KiB: move it away first",
                  kSysctlFile, SysctlFileState::kMaxText >> 10)};
}

/// Nothing: nothing was applied, or it was taken back.
///
/// The folder is writable for the user relinkd, which parses what the network sends, and the record
/// has what root writes into /etc. So it counts only as root's own.
Result<std::optional<SysctlRecord>> read_record() {
  const auto bad = [](const std::string& why) {
    return Error{
        fmt::format("{}: {}; remove it, and set what you want by hand", kSysctlRecordFile, why)};
  };
  const loop::Fd fd(::open(kSysctlRecordFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<SysctlRecord>();
  struct stat at {};
  if (!fd || fstat(fd.get(), &at) != 0) {
    return system_error(errno, fmt::format("cannot read {}", kSysctlRecordFile));
  }
  if (!S_ISREG(at.st_mode) || at.st_uid != 0 || (at.st_mode & 022U) != 0) {
    return bad("it is not a file that only root can write, so it is not believed");
  }
  // By the descriptor: the name may be another file's by now.
  const auto text =
      kernel::read_text(fmt::format("/proc/self/fd/{}", fd.get()), SysctlRecord::kMaxBytes + 1);
  if (!text) return text.error();
  if (text->size() > SysctlRecord::kMaxBytes) return bad("it is too large");
  auto record = decode_sysctl_record(*text);
  if (!record) return bad(record.error().message);
  return std::optional<SysctlRecord>(std::move(*record));
}

Result<void> write_record(const SysctlRecord& record, const std::string& owner) {
  if (mkdir(kSysctlRecordFolder, 0750) == 0) {
    // As systemd makes it for the service (StateDirectory=); it would hand all that is in a folder
    // of root's to its user.
    const passwd* user = getpwnam(owner.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (user != nullptr && chown(kSysctlRecordFolder, user->pw_uid, user->pw_gid) != 0) {
      return system_error(errno, fmt::format("{}: its owner cannot be set", kSysctlRecordFolder));
    }
  } else if (errno != EEXIST) {
    return system_error(errno, fmt::format("{} cannot be made", kSysctlRecordFolder));
  }
  return files::replace_file(kSysctlRecordFile, encode(record), 0600);
}

std::string file_text(const Wanted& wanted) {
  std::string text =
      "# Written by `relinkctl sysctl apply`, for [sysctl.want] of relinkd's configuration.\n"
      "# `relinkctl sysctl revert` puts back what was here before.\n";
  for (const auto& [key, value] : wanted) text += fmt::format("{} = {}\n", key, value);
  return text;
}

/// Sets all of them, or none.
Result<void> set_values(const Wanted& wanted, const std::map<std::string, std::string>& now) {
  for (auto at = wanted.begin(); at != wanted.end(); ++at) {
    const auto set = kernel::write_sysctl(at->first, std::to_string(at->second));
    if (set) continue;
    for (auto done = wanted.begin(); done != at; ++done) {
      if (const auto back = kernel::write_sysctl(done->first, now.at(done->first)); !back) {
        complain(back.error().message);
      }
    }
    return set.error();
  }
  return {};
}

Result<void> put_file(const SysctlFileState& state) {
  switch (state.kind) {
    case FileKind::Absent: return files::remove_file(kSysctlFile);
    case FileKind::Text: return files::replace_file(kSysctlFile, state.content, 0644);
    case FileKind::Link: return files::replace_by_link(kSysctlFile, state.content);
  }
  return {};
}

/// What it means that the value is another one now.
std::string effect(const SysctlLine& line, const std::string& before,
                   const std::optional<std::int64_t>& rto_max_ms) {
  if (!line.now) {
    return "  It holds for everything in this network namespace, or on the whole host if it is no "
           "key below net.\n";
  }
  std::string text = fmt::format(
      "  It affects every TCP connection in this network namespace, which is the whole host unless "
      "this is a\n  container, and open ones too: the kernel ends one whose data nobody "
      "acknowledges after\n  {}",
      in_words(*line.now));
  const auto was = parse_i64(before);
  const auto hung = was && was != line.value ? core::give_up(*was, rto_max_ms) : std::nullopt;
  if (hung) text += fmt::format(" (before: {})", in_words(*hung));
  text += ".\n";
  if (line.now->earliest < kRfc1122) {
    text += fmt::format("  RFC 1122 advises to wait {} or more.\n", to_text(kRfc1122));
  }
  return text;
}

/// Tells of each key what it is now and after a reboot.
int tell_applied(const Wanted& wanted, const std::map<std::string, std::string>& before) {
  const core::SysctlSources sources = kernel::read_sysctl_files();
  const SysctlReport report = report_sysctls(wanted, kernel::read_sysctl, &sources);
  for (const SysctlLine& line : report.lines) {
    const std::string& was = before.at(line.key);
    if (!line.value) {
      print(fmt::format("{}: {}.\n", line.key, line.error));
    } else if (was == std::to_string(line.wanted)) {
      print(fmt::format("{} was {} already.\n", line.key, was));
    } else {
      print(fmt::format("{} was {} and is {} now.\n", line.key, was, *line.value));
    }
    print(effect(line, was, report.rto_max_ms));
  }
  bool persistent = true;
  for (const SysctlLine& line : report.lines) {
    if (line.boot->unread.empty() && line.boot->value == line.wanted) continue;
    persistent = false;
    if (!line.boot->unread.empty()) {
      complain(fmt::format("{}: {}", line.key, line.error));
      continue;
    }
    complain(fmt::format(
        "{} will be {} after a reboot: {} decides, not {}. Change it there, or remove that line: "
        "relinkctl edits no file but its own",
        line.key, line.boot->value ? std::to_string(*line.boot->value) : "the kernel's default",
        line.boot->by ? in_words(*line.boot->by) : "nobody", kSysctlFile));
  }
  if (persistent) {
    print(fmt::format("It is in {}, so that it is set at each boot.\n", kSysctlFile));
  }
  print("To go back to what was before: relinkctl sysctl revert\n");
  return exit_code(report.verdict());
}

}  // namespace

int run_sysctl_apply(const GlobalOptions& global) {
  const auto config = read_config(global.config_file);
  if (!config) {
    complain("the configuration cannot be used:\n" + config.error().message);
    return kPluginUnknown;
  }
  const Wanted& wanted = config->settings.sysctl.want;
  if (geteuid() != 0) return failed("only root can set sysctls: sudo relinkctl sysctl apply");
  std::map<std::string, std::string> now;
  for (const auto& [key, value] : wanted) {
    const auto text = kernel::read_sysctl(key);
    if (!text) return failed(text.error().message + "; nothing was changed");
    now[key] = *text;
  }
  const auto kept = read_record();
  if (!kept) return failed(kept.error().message);
  const auto file = look_at_file();
  if (!file) return failed(file.error().message);

  SysctlRecord record = kept->value_or(SysctlRecord{*file, {}, {}});
  const SysctlFileState written{FileKind::Text, record.file_text};
  if (*kept && *file != record.file_before && *file != written) {
    return failed(fmt::format(
        "{} was changed by somebody since relinkctl wrote it: move it away first, so that nothing "
        "is lost",
        kSysctlFile));
  }
  record.file_text = file_text(wanted);
  for (const auto& [key, value] : wanted) {
    record.values.try_emplace(key, SysctlRecord::Value{now[key], value}).first->second.set = value;
  }
  // First, so that whatever happens next can be taken back.
  if (const auto done = write_record(record, config->settings.actuator.user); !done) {
    return failed(done.error().message + "; nothing was changed");
  }
  auto done = set_values(wanted, now);
  if (done) {
    // 0755: the folder is everybody's to read.
    (void)mkdir("/etc/sysctl.d", 0755);
    done = put_file({FileKind::Text, record.file_text});
    for (const auto& [key, value] : now) {
      if (!done) (void)kernel::write_sysctl(key, value);
    }
  }
  if (!done) {
    const auto back = *kept ? write_record(**kept, config->settings.actuator.user)
                            : files::remove_file(kSysctlRecordFile);
    if (!back) complain(back.error().message);
    return failed(done.error().message + "; nothing was changed");
  }
  return tell_applied(wanted, now);
}

int run_sysctl_revert() {
  if (geteuid() != 0) return failed("only root can set sysctls: sudo relinkctl sysctl revert");
  const auto kept = read_record();
  if (!kept) return failed(kept.error().message);
  if (!*kept) {
    print(
        "There is nothing to revert: `relinkctl sysctl apply` was not used here, or was reverted "
        "already.\n");
    return kPluginOk;
  }
  const SysctlRecord& record = **kept;
  const auto file = look_at_file();
  if (!file) return failed(file.error().message);
  int code = kPluginOk;
  for (const auto& [key, value] : record.values) {
    const auto now = kernel::read_sysctl(key);
    if (!now) return failed(now.error().message);
    if (*now == value.before) {
      print(fmt::format("{} is {} already.\n", key, *now));
    } else if (*now != std::to_string(value.set)) {
      print(fmt::format("{} is {}, which relinkctl did not set: it stays so. Before it was {}.\n",
                        key, *now, value.before));
      code = kPluginWarning;
    } else if (const auto set = kernel::write_sysctl(key, value.before); !set) {
      return failed(set.error().message);
    } else {
      print(fmt::format("{} was {} and is {} again.\n", key, *now, value.before));
    }
  }
  if (*file == SysctlFileState{FileKind::Text, record.file_text}) {
    if (const auto put = put_file(record.file_before); !put) return failed(put.error().message);
    print(record.file_before.kind == FileKind::Absent
              ? fmt::format("{} is removed.\n", kSysctlFile)
              : fmt::format("{} is what it was before.\n", kSysctlFile));
  } else if (*file != record.file_before) {
    print(
        fmt::format("{} was changed by somebody since relinkctl wrote it: it stays. Remove it if "
                    "nothing in it is needed.\n",
                    kSysctlFile));
    return kPluginWarning;
  }
  if (const auto removed = files::remove_file(kSysctlRecordFile); !removed) {
    return failed(removed.error().message);
  }
  return code;
}

}  // namespace relinkd::relinkctl
