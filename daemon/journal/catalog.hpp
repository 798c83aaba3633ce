// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/app_socket.hpp"
#include "core/cause.hpp"
#include "core/relink_planner.hpp"
#include "journal/journal.hpp"

namespace relinkd::journal {

/// The stable MESSAGE_ID of an event: 32 lower-case hex digits (sd-id128(3)).
std::string_view message_id(Event event);

/// The catalog's text of an event, for the person on call. Plain text in lines of at most 80
/// characters, without a line break at the end; commands stand in backquotes.
struct CatalogText {
  std::string_view subject;   ///< one line
  std::string_view happened;  ///< what happened, from which evidence
  std::string_view means;     ///< what it means for the applications
  std::string_view action;    ///< what to do
  std::string_view look;      ///< where to look
};
const CatalogText& catalog_text(Event event);

/// The same for the states of an app's socket, which are no events and have no MESSAGE_ID. Some are
/// called as conditions are, and mean another thing.
const CatalogText& catalog_text(core::AppSocketState state);

/// The text of a label's value, for what is no event and no state either: shorter, in the same
/// form.
struct LabelText {
  std::string_view subject;  ///< one line
  std::string_view means;    ///< what it rests on
  std::string_view action;   ///< what to do
};
const LabelText& label_text(core::Cause cause);
const LabelText& label_text(core::RelinkResult result);
const LabelText& label_text(core::RelinkHold hold);
std::string label_body(const LabelText& text);

/// The four parts of the text as paragraphs with headings: what `relinkctl explain` and
/// `journalctl -x` show below the subject.
std::string catalog_body(const CatalogText& text);

/// The whole catalog in the form of systemd's message catalog files
/// (https://systemd.io/CATALOG/). It uses @FIELD@ only for fields that each entry of the event has:
/// journalctl shows a missing one by its bare name.
std::string catalog_file();

}  // namespace relinkd::journal
