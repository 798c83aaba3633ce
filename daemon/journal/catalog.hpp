// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "journal/journal.hpp"

namespace relinkd::journal {

/// The stable MESSAGE_ID of an event: 32 lower-case hex digits (sd-id128(3)).
std::string_view message_id(Event event);

/// The catalog's text of an event: what happened, what it means for the applications, what to do,
/// where to look. Several lines; what `relinkctl explain` and `journalctl -x` show.
struct CatalogText {
  std::string_view subject;  ///< one line
  std::string_view happened;
  std::string_view means;
  std::string_view action;
};
const CatalogText& catalog_text(Event event);

/// The whole catalog in the form of systemd's message catalog files
/// (https://www.freedesktop.org/wiki/Software/systemd/catalog/).
std::string catalog_file();

}  // namespace relinkd::journal
