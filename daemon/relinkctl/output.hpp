// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace relinkd::relinkctl {

/// What standard output is.
struct Screen {
  std::size_t width = 0;   ///< columns; 0: not a terminal, so nothing is wrapped or cut
  std::size_t height = 0;  ///< lines; 0: unknown
  bool colour = false;     ///< as wants_colour() says
  bool moves = false;      ///< the cursor can be moved: a terminal, and not a dumb one
};
Screen screen();
/// On a terminal: unless NO_COLOR is set and not empty (https://no-color.org), or TERM says that
/// the terminal knows no escape sequences ("dumb", or nothing). Null: not set.
bool wants_colour(const char* no_color, const char* term);

enum class Colour : std::uint8_t { Plain, Bold, Dim, Good, Notice, Bad };
/// How a condition is shown.
Colour condition_colour(std::string_view condition);
/// How a syslog priority is shown.
Colour priority_colour(int priority);
std::string coloured(std::string_view text, Colour colour, const Screen& screen);

/// Text from elsewhere made fit for a terminal: control characters, which could move the cursor or
/// worse, and bytes that are no UTF-8 become '.'.
std::string clean(std::string_view text);

/// How long ago that was, in whole seconds: "2 h 11 min".
std::string age(WallTime since, WallTime now);
/// The line about a pause, which lasts until then or until it is ended.
std::string paused_line(const std::optional<WallTime>& until, WallTime now, const Screen& screen);
/// In the reader's own time zone, to the second: "2026-11-22 10:15:00".
std::string local_time(WallTime time);

/// How many columns `text` takes on a terminal, as the C library's Unicode tables have it: two for
/// a wide character, none for one that is put over another.
std::size_t width_of(std::string_view text);

/// Words put into lines of at most `width` columns, each begun with `indent` spaces. A longer word
/// has a line of its own: an address or path that is broken cannot be copied. 0: one line.
std::vector<std::string> wrap(std::string_view text, std::size_t width, std::size_t indent);

/// The same with the ends of the lines, at the edge of the screen.
std::string paragraph(std::string_view text, const Screen& screen);

struct Cell {
  std::string text;
  Colour colour = Colour::Plain;
};

/// Rows under headings, each column as wide as its widest cell. On a terminal the last column is
/// wrapped at its edge between words; where even that does not fit, each row becomes a block of
/// lines "HEADING  cell". Cells and notes are cleaned; none is cut.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

  /// As many cells as there are headings.
  void add_row(std::vector<Cell> cells);
  /// A sentence under the row before it, indented, over the whole width.
  void add_note(std::string_view text);

  /// It needs no blocks.
  [[nodiscard]] bool fits(const Screen& screen) const;
  [[nodiscard]] std::string render(const Screen& screen) const;

 private:
  using Widths = std::vector<std::size_t>;
  struct Row {
    std::vector<Cell> cells;  ///< empty: a note
    std::string note;
  };
  /// Of each column.
  [[nodiscard]] Widths widths() const;
  [[nodiscard]] std::string render_rows(const Widths& widths, const Screen& screen) const;
  [[nodiscard]] std::string render_blocks(const Screen& screen) const;

  std::vector<std::string> headings_;
  std::vector<Row> rows_;
};

/// Whether standard output is a pipe or socket that nobody reads any more. Who writes to it only
/// now and then would notice late.
bool reader_gone();
/// Writes to standard output. An error there shows in main()'s last look at it; that nobody reads
/// any more ends the program, as it ends any other in a pipe (SIGPIPE).
void print(std::string_view text);
/// "relinkctl: text" on standard error.
void complain(std::string_view text);

}  // namespace relinkd::relinkctl
