// SPDX-License-Identifier: Apache-2.0
#include "core/sysctl_files.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "base/text.hpp"

namespace relinkd::core {

namespace {

constexpr std::string_view kBlanks = " \t\n\r";
/// systemd's LONG_LINE_MAX: a longer line ends the reading of its file.
constexpr std::size_t kMaxLine = std::size_t{1} << 20;
/// More alternatives and pairs of braces than anybody writes; a pattern with more is taken to fit
/// nothing.
constexpr std::size_t kMaxAlternatives = 1000;
constexpr std::ptrdiff_t kMaxBraces = 100;
/// The kernel's buffer for one number (TMPBUFLEN), with the zero byte at its end.
constexpr std::size_t kMaxDigits = 20;

constexpr std::string_view kRetries2 = "net/ipv4/tcp_retries2";
constexpr std::int64_t kRetries2Most = 255;
constexpr std::int64_t kRetries2Default = 15;

bool is_glob(std::string_view key) { return key.find_first_of("*?[") != std::string_view::npos; }

/// What the braces of a pattern stand for, "{a,b}c" for ac and bc: GLOB_BRACE of glob(3), which
/// systemd-sysctl asks for. What has no end is taken to the letter.
// NOLINTNEXTLINE(misc-no-recursion): one level for each pair of braces, which kMaxBraces bounds.
void expand_braces(const std::string& pattern, std::vector<std::string>& out) {
  if (out.size() > kMaxAlternatives) return;
  const std::size_t open = pattern.find('{');
  std::vector<std::size_t> cuts{open};
  std::size_t depth = 0;
  std::size_t close = std::string::npos;
  for (std::size_t i = open; i < pattern.size() && close == std::string::npos; ++i) {
    const char c = pattern[i];
    if (c == '{') ++depth;
    if (c == ',' && depth == 1) cuts.push_back(i);
    if (c == '}' && --depth == 0) close = i;
  }
  if (close == std::string::npos) return out.push_back(pattern);
  cuts.push_back(close);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    expand_braces(pattern.substr(0, open) + pattern.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1) +
                      pattern.substr(close + 1),
                  out);
  }
}

bool glob_fits(const std::string& glob, const std::string& key) {
  if (std::count(glob.begin(), glob.end(), '{') > kMaxBraces) return false;
  std::vector<std::string> alternatives;
  expand_braces(glob, alternatives);
  if (alternatives.size() > kMaxAlternatives) return false;
  // Part by part as glob(3) does, to which a slash within brackets parts the pattern, too.
  const auto parts = split(key, '/');
  return std::any_of(alternatives.begin(), alternatives.end(), [&](const std::string& one) {
    const auto patterns = split(one, '/');
    return std::equal(patterns.begin(), patterns.end(), parts.begin(), parts.end(),
                      [](std::string_view pattern, std::string_view part) {
                        return fnmatch(std::string(pattern).c_str(), std::string(part).c_str(),
                                       FNM_PERIOD) == 0;
                      });
  });
}

/// The lines of a file as systemd reads them: \n, \r and \0 end a line, and two or three different
/// ones in a row end one.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  constexpr std::string_view kEnds("\n\r\0", 3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kEnds), text.size());
    if (end >= kMaxLine) break;
    lines.push_back(text.substr(0, end));
    std::set<char> seen;
    std::size_t next = end;
    while (next < text.size() && kEnds.find(text[next]) != std::string_view::npos &&
           !seen.contains('\0') && seen.insert(text[next]).second) {
      ++next;
    }
    text.remove_prefix(next);
  }
  return lines;
}

/// A line that concerns the key.
struct Line {
  SysctlPlace place;
  std::string key;  ///< slashed
};

/// Those lines of a file that concern `key`, in their order.
std::vector<Line> lines_about(const SysctlFile& file, const std::string& key) {
  std::vector<Line> found;
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = trim(lines[i]);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const std::size_t equals = line.find('=');
    const bool dash = line[0] == '-';
    // Without a value only "-key" means something.
    if (equals == std::string_view::npos && !dash) continue;
    Line one;
    one.place = {file.path, file.target, i + 1, {}, {}};
    if (equals != std::string_view::npos) one.place.value = trim(line.substr(equals + 1));
    line = trim(line.substr(0, equals).substr(dash ? 1 : 0));
    one.place.pattern = line;
    one.key = sysctl_slashed(line);
    if (is_glob(one.key) ? glob_fits(one.key, key) : one.key == key) {
      found.push_back(std::move(one));
    }
  }
  return found;
}

std::string name_of(const SysctlFile& file) { return file.path.substr(file.path.rfind('/') + 1); }

std::size_t folder_of(const SysctlFile& file) {
  const std::string_view folder(file.path.data(), file.path.rfind('/'));
  return static_cast<std::size_t>(std::find(kSysctlFolders.begin(), kSysctlFolders.end(), folder) -
                                  kSysctlFolders.begin());
}

/// The value of `key` on the kernel's command line, "sysctl.net.ipv4.tcp_retries2=5": all dots are
/// slashes there (process_sysctl_arg() in fs/proc/proc_sysctl.c), the last one holds.
std::optional<SysctlPlace> on_command_line(std::string_view text, const std::string& key) {
  std::optional<SysctlPlace> found;
  while (!(text = trim(text)).empty()) {
    // Blanks within quotes do not part arguments, and quotes around all or the value are dropped:
    // next_arg() in lib/cmdline.c.
    std::size_t end = 0;
    for (bool quoted = false; end < text.size(); ++end) {
      if (text[end] == '"') quoted = !quoted;
      if (!quoted && kBlanks.find(text[end]) != std::string_view::npos) break;
    }
    std::string_view argument = text.substr(0, end);
    text.remove_prefix(end);
    if (argument == "--") break;  // what follows is for init
    const auto unquoted = [](std::string_view part) {
      if (part.starts_with('"')) part.remove_prefix(1);
      if (part.ends_with('"')) part.remove_suffix(1);
      return part;
    };
    argument = unquoted(argument);
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos || !argument.starts_with("sysctl")) continue;
    std::string name(argument.substr(0, equals).substr(std::string_view("sysctl").size()));
    const std::string_view value = unquoted(argument.substr(equals + 1));
    if (name.empty() || (name[0] != '.' && name[0] != '/') || value.empty()) continue;
    std::replace(name.begin(), name.end(), '.', '/');
    if (sysctl_slashed(name) != key) continue;
    found = SysctlPlace{{}, {}, 0, std::string(argument.substr(0, equals)), std::string(value)};
  }
  return found;
}

/// What is applied, in order, and what became of the rest.
class Decider {
 public:
  Decider(std::string key, std::vector<std::string> unread) : key_(std::move(key)) {
    decision_.unread = std::move(unread);
  }

  void read(const SysctlFile& file) {
    if (!file.error.empty()) return decision_.unread.push_back(file.error);
    for (Line& line : lines_about(file, key_)) {
      const auto same = std::find_if(options_.begin(), options_.end(),
                                     [&](const Line& o) { return o.key == line.key; });
      if (same != options_.end()) {
        // The same once more changes nothing, not even the order.
        if (same->place.value == line.place.value) continue;
        lose(same->place, SysctlLoss::Later);
        options_.erase(same);
      }
      options_.push_back(std::move(line));
    }
  }

  void lose_all(const SysctlFile& file, SysctlLoss why) {
    for (const Line& line : lines_about(file, key_)) lose(line.place, why);
  }

  SysctlDecision decide(const std::optional<SysctlPlace>& command_line) {
    if (command_line) try_to_set(*command_line);
    const auto exact = std::find_if(options_.begin(), options_.end(),
                                    [this](const Line& o) { return o.key == key_; });
    for (const Line& option : options_) {
      if (exact != options_.end() && option.key != key_) {
        lose(option.place, SysctlLoss::Exact);
      } else if (option.place.value) {
        try_to_set(option.place);
      } else if (option.key == key_ && !decision_.by) {
        decision_.by = option.place;
      }
    }
    if (!decision_.value && key_ == kRetries2) decision_.value = kRetries2Default;
    std::erase_if(decision_.losers, [this](const auto& loser) {
      return loser.why != SysctlLoss::Refused && number(loser.place) == decision_.value;
    });
    return std::move(decision_);
  }

 private:
  std::optional<std::int64_t> number(const SysctlPlace& place) const {
    return sysctl_number(key_, place.value.value_or(""));
  }
  void try_to_set(const SysctlPlace& place) {
    const auto value = number(place);
    if (!value) return lose(place, SysctlLoss::Refused);
    if (const auto& before = decision_.by) {
      lose(*before, before->line == 0 ? SysctlLoss::FilesLast : SysctlLoss::Later);
    }
    decision_.by = place;
    decision_.value = value;
  }
  void lose(const SysctlPlace& place, SysctlLoss why) {
    if (place.value) decision_.losers.push_back({place, why});
  }

  std::string key_;
  std::vector<Line> options_;
  SysctlDecision decision_;
};

}  // namespace

std::string sysctl_slashed(std::string_view key) {
  std::string path(key);
  const std::size_t separator = path.find_first_of("./");
  if (separator != std::string::npos && path[separator] == '.') {
    for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  std::string out;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

std::optional<std::int64_t> sysctl_number(std::string_view slashed_key, std::string_view text) {
  text = trim(text);
  text = text.substr(0, std::min(text.find_first_of(kBlanks), text.size()));
  if (text.size() > kMaxDigits) return std::nullopt;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  if (text[0] == '-') return std::nullopt;
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value, base);
  if (code != std::errc{} || stop != end) return std::nullopt;
  if (slashed_key == kRetries2 && (negative || value > kRetries2Most)) return std::nullopt;
  return negative ? -value : value;
}

SysctlDecision decide_sysctl(const SysctlSources& sources, std::string_view key) {
  // By name: in byte order, whatever the folder; of one name the first folder's.
  std::map<std::string, std::vector<const SysctlFile*>> by_name;
  const SysctlFile* conf = nullptr;
  for (const SysctlFile& file : sources.files) {
    if (file.path == kSysctlConf) {
      conf = &file;
      continue;
    }
    const std::string name = name_of(file);
    if (folder_of(file) == kSysctlFolders.size() || name.starts_with('.') ||
        !name.ends_with(".conf")) {
      continue;
    }
    by_name[name].push_back(&file);
  }
  Decider decider(sysctl_slashed(key), sources.unread);
  bool conf_is_linked = false;
  for (auto& [name, files] : by_name) {
    std::stable_sort(files.begin(), files.end(),
                     [](const auto* a, const auto* b) { return folder_of(*a) < folder_of(*b); });
    for (const SysctlFile* file : files) {
      if (file != files.front()) {
        decider.lose_all(*file, SysctlLoss::Masked);
        continue;
      }
      conf_is_linked = conf_is_linked || file->target == kSysctlConf;
      decider.read(*file);
    }
  }
  if (conf != nullptr && !conf_is_linked) decider.lose_all(*conf, SysctlLoss::Unlinked);
  return decider.decide(on_command_line(sources.command_line, sysctl_slashed(key)));
}

}  // namespace relinkd::core
