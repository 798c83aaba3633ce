// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/output.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <cwchar>
#include <numeric>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <locale.h>  // NOLINT(modernize-deprecated-headers): newlocale() is POSIX
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.hpp"
#include "base/utf8.hpp"

namespace relinkd::relinkctl {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNoteIndent = 2;
/// A last column that has to be wrapped to less reads worse than blocks.
constexpr std::size_t kNarrowestLast = 20;

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::Plain: return "";
    case Colour::Bold: return "\033[1m";
    case Colour::Dim: return "\033[2m";
    case Colour::Good: return "\033[32m";
    case Colour::Notice: return "\033[33m";
    case Colour::Bad: return "\033[1;31m";
  }
  return "";
}

/// The character that `text`, one of UTF-8, is.
char32_t code_point(std::string_view text) {
  if (text.size() == 1) return static_cast<unsigned char>(text[0]);
  // The first byte of n has n + 1 bits that say so, the others have two.
  char32_t code = static_cast<unsigned char>(text[0]) & (0xFFU >> (text.size() + 1));
  for (const char c : text.substr(1)) code = code << 6U | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

/// The locale by which wcwidth(3) knows all of Unicode; glibc has it built in from 2.35 on, and
/// distributions ship it before.
locale_t unicode() {
  static const locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return made;
}

std::size_t longest_word(std::string_view text) {
  std::size_t longest = 0;
  for (const std::string_view word : split(text, ' ')) longest = std::max(longest, width_of(word));
  return longest;
}

std::size_t sum(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), std::size_t{0});
}

}  // namespace

Screen screen() {
  Screen screen;
  if (isatty(STDOUT_FILENO) == 0) return screen;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    screen.width = size.ws_col;
    screen.height = size.ws_row;
  }
  // Nothing in relinkctl changes the environment.
  const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  const char* term = std::getenv("TERM");          // NOLINT(concurrency-mt-unsafe)
  screen.colour = wants_colour(no_color, term);
  screen.moves = wants_colour(nullptr, term);
  return screen;
}

bool wants_colour(const char* no_color, const char* term) {
  const std::string_view terminal = term == nullptr ? "" : term;
  return (no_color == nullptr || *no_color == '\0') && !terminal.empty() && terminal != "dumb";
}

Colour condition_colour(std::string_view condition) {
  if (condition == "ok") return Colour::Good;
  if (condition == "slow") return Colour::Notice;
  if (condition == "unknown") return Colour::Dim;
  return Colour::Bad;
}

Colour priority_colour(int priority) {
  if (priority <= 3) return Colour::Bad;
  if (priority == 4) return Colour::Notice;
  return Colour::Plain;
}

std::string coloured(std::string_view text, Colour colour, const Screen& screen) {
  if (!screen.colour || colour == Colour::Plain) return std::string(text);
  return fmt::format("{}{}\033[0m", code_of(colour), text);
}

std::string clean(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = utf8_character(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool ascii_control = size == 1 && (first < 0x20 || first == 0x7f);
    // U+0080 to U+009F: some terminals take them for escape sequences.
    const bool c1_control =
        size == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (size == 0 || ascii_control || c1_control) {
      out += '.';
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::string paused_line(const std::optional<WallTime>& until, WallTime now, const Screen& screen) {
  const std::string text =
      until ? fmt::format("paused for another {}: nothing is done for any app", age(now, *until))
            : "paused: nothing is done for any app until relinkctl resume";
  return coloured(trim(paragraph(text, screen)), Colour::Notice, screen) + '\n';
}

std::string age(WallTime since, WallTime now) {
  const auto whole = std::max(std::chrono::floor<std::chrono::seconds>(now - since), 0s);
  return whole < 1min ? fmt::format("{} s", whole.count()) : to_text(whole);
}

std::string local_time(WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
}

std::size_t width_of(std::string_view text) {
  const locale_t before = unicode() != nullptr ? uselocale(unicode()) : nullptr;
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(utf8_character(text), 1);
    // -1: not known, or not printable.
    const int columns =
        size == 1 ? 1 : wcwidth(static_cast<wchar_t>(code_point(text.substr(0, size))));
    width += columns < 0 ? 1 : static_cast<std::size_t>(columns);
    text.remove_prefix(size);
  }
  if (before != nullptr) uselocale(before);
  return width;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t indent) {
  const std::string margin(indent, ' ');
  if (width == 0) return {margin + std::string(text)};
  std::vector<std::string> lines;
  std::string line = margin;
  std::size_t used = indent;
  for (const std::string_view word : split(text, ' ')) {
    const std::size_t size = width_of(word);
    const std::size_t gap = used > indent ? 1 : 0;
    if (gap > 0 && used + gap + size > width) {
      lines.push_back(std::exchange(line, margin));
      used = indent;
    }
    if (used > indent) {
      line += ' ';
      ++used;
    }
    line += word;
    used += size;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string paragraph(std::string_view text, const Screen& screen) {
  return fmt::format("{}\n", fmt::join(wrap(text, screen.width, 0), "\n"));
}

void Table::add_row(std::vector<Cell> cells) {
  for (Cell& cell : cells) cell.text = clean(cell.text);
  rows_.push_back({std::move(cells), {}});
}

void Table::add_note(std::string_view text) { rows_.push_back({{}, clean(text)}); }

Table::Widths Table::widths() const {
  Widths widths;
  for (const auto& heading : headings_) widths.push_back(width_of(heading));
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row.cells[i].text));
    }
  }
  return widths;
}

bool Table::fits(const Screen& screen) const {
  const Widths natural = widths();
  const std::size_t gaps = (natural.size() - 1) * kGap;
  if (screen.width == 0 || sum(natural) + gaps <= screen.width) return true;
  std::size_t last = kNarrowestLast;
  for (const Row& row : rows_) {
    if (!row.cells.empty()) last = std::max(last, longest_word(row.cells.back().text));
  }
  return sum(natural) - natural.back() + gaps + last <= screen.width;
}

std::string Table::render(const Screen& screen) const {
  return fits(screen) ? render_rows(widths(), screen) : render_blocks(screen);
}

std::string Table::render_rows(const Widths& widths, const Screen& screen) const {
  const std::size_t last = headings_.size() - 1;
  const std::size_t before_last = sum(widths) - widths.back() + last * kGap;
  std::string out;
  const auto add = [&](const std::vector<Cell>& cells) {
    for (std::size_t i = 0; i < last; ++i) {
      out += coloured(cells[i].text, cells[i].colour, screen);
      out.append(widths[i] - width_of(cells[i].text) + kGap, ' ');
    }
    const auto lines =
        wrap(cells[last].text, screen.width == 0 ? 0 : screen.width - before_last, 0);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) out.append(before_last, ' ');
      out += coloured(lines[i], cells[last].colour, screen) + '\n';
    }
  };
  std::vector<Cell> headings;
  for (const auto& heading : headings_) headings.push_back({heading, Colour::Bold});
  add(headings);
  for (const Row& row : rows_) {
    if (!row.cells.empty()) {
      add(row.cells);
      continue;
    }
    for (const auto& line : wrap(row.note, screen.width, kNoteIndent)) out += line + '\n';
  }
  return out;
}

std::string Table::render_blocks(const Screen& screen) const {
  std::size_t column = 0;
  for (const auto& heading : headings_) column = std::max(column, width_of(heading) + kGap);
  std::string out;
  for (const Row& row : rows_) {
    if (row.cells.empty()) {
      for (const auto& line : wrap(row.note, screen.width, kNoteIndent)) out += line + '\n';
      continue;
    }
    if (!out.empty()) out += '\n';
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      out += coloured(headings_[i], Colour::Bold, screen);
      out.append(column - width_of(headings_[i]), ' ');
      const std::size_t left = screen.width > column ? screen.width - column : 1;
      const auto lines = wrap(row.cells[i].text, left, 0);
      for (std::size_t n = 0; n < lines.size(); ++n) {
        if (n > 0) out.append(column, ' ');
        out += coloured(lines[n], row.cells[i].colour, screen) + '\n';
      }
    }
  }
  return out;
}

bool reader_gone() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

void print(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
  (void)std::fflush(stdout);
}

void complain(std::string_view text) {
  (void)std::fprintf(stderr, "relinkctl: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace relinkd::relinkctl
