// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/output.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.hpp"
#include "base/utf8.hpp"

namespace relinkd::relinkctl {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNoteIndent = 2;
/// A last column narrower than this reads worse than one that the terminal itself breaks.
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
  screen.colour = no_color == nullptr || *no_color == '\0';
  return screen;
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

std::string plural(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string age(WallTime since, WallTime now) {
  return to_text(std::max(std::chrono::floor<std::chrono::seconds>(now - since), 0s));
}

std::string local_time(WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;  // not a continuation byte
  }));
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

void Table::add_row(std::vector<Cell> cells) {
  for (Cell& cell : cells) cell.text = clean(cell.text);
  rows_.push_back({std::move(cells), {}});
}

void Table::add_note(std::string_view text) { rows_.push_back({{}, clean(text)}); }

std::string Table::render(const Screen& screen) const {
  std::vector<std::size_t> widths;
  for (const auto& heading : headings_) widths.push_back(width_of(heading));
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row.cells[i].text));
    }
  }
  const std::size_t last = headings_.size() - 1;
  std::size_t before_last = 0;
  for (std::size_t i = 0; i < last; ++i) before_last += widths[i] + kGap;
  const bool wraps = screen.width >= before_last + kNarrowestLast;

  std::string out;
  const auto add = [&](const std::vector<Cell>& cells) {
    for (std::size_t i = 0; i < last; ++i) {
      out += coloured(cells[i].text, cells[i].colour, screen);
      out.append(widths[i] - width_of(cells[i].text) + kGap, ' ');
    }
    const auto lines = wrap(cells[last].text, wraps ? screen.width - before_last : 0, 0);
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

void print(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
  (void)std::fflush(stdout);
}

void complain(std::string_view text) {
  (void)std::fprintf(stderr, "relinkctl: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace relinkd::relinkctl
