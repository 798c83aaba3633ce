// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/tune_view.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::relinkctl {

namespace {

/// As the configuration writes durations: "keepalive after 5s idle, 3 probes each 1s, user timeout
/// 8s".
std::string options_text(const control::SocketOptionsView& options) {
  const std::string keepalive =
      options.keepalive
          ? fmt::format("keepalive after {} idle, {} each {}", to_config_text(options.idle),
                        plural(options.count, "probe"), to_config_text(options.interval))
          : "no keepalive";
  return options.user_timeout > Duration::zero()
             ? fmt::format("{}, user timeout {}", keepalive, to_config_text(options.user_timeout))
             : keepalive + ", no user timeout";
}

std::string change_text(const control::TuningChangeView& change) {
  const std::string after = options_text(change.after);
  const std::string before = options_text(change.before);
  const std::string sockets = plural(change.sockets, "socket");
  if (change.done) {
    return fmt::format("{} {} {}; the app's own: {}", sockets, change.sockets == 1 ? "has" : "have",
                       after, before);
  }
  return fmt::format("{} would get {}; now: {}", sockets, after, before);
}

Cell count_cell(std::uint64_t count, Colour colour) {
  return {fmt::format("{}", count), count > 0 ? colour : Colour::Plain};
}

void add_endpoint(Table& table, const control::TuningEndpointView& endpoint) {
  table.add_row({{endpoint.endpoint},
                 {fmt::format("{}", endpoint.sockets)},
                 count_cell(endpoint.strict, Colour::Good),
                 count_cell(endpoint.tuned, Colour::Good),
                 count_cell(endpoint.loose, Colour::Notice),
                 {fmt::format("{}", endpoint.unseen)},
                 {endpoint.wanted ? options_text(*endpoint.wanted) : "nothing: protect = false"}});
  for (const auto& change : endpoint.changes) table.add_note(change_text(change));
}

std::string app_line(const control::TuningAppView& app, const Screen& screen) {
  std::string text = fmt::format("{}: mode {}", clean(app.name), clean(app.mode));
  if (app.reverted) {
    text += fmt::format(", protection taken back (relinkctl tune apply {})", clean(app.name));
  }
  return coloured(trim(paragraph(text, screen)), app.reverted ? Colour::Notice : Colour::Bold,
                  screen) +
         '\n';
}

}  // namespace

std::string render_tuning(const control::TuningView& tuning, const Screen& screen) {
  std::string out;
  if (tuning.paused) {
    out += paragraph("relinkd is paused: nothing is made stricter until relinkctl resume", screen);
  }
  if (!tuning.unsupported.empty()) {
    out += paragraph(
        "the options of live sockets cannot be looked at: " + clean(tuning.unsupported), screen);
  }
  if (tuning.apps.empty()) return out + "No app is configured ([[app]]).\n";
  for (const auto& app : tuning.apps) {
    if (!out.empty()) out += '\n';
    out += app_line(app, screen);
    Table table({"ENDPOINT", "SOCKETS", "STRICT", "TUNED", "LOOSE", "UNSEEN", "WANTED"});
    for (const auto& endpoint : app.endpoints) add_endpoint(table, endpoint);
    out += table.render(screen);
  }
  return out + '\n' +
         paragraph(
             "Strict: by the app's own doing as strict as is wanted. Tuned: made so by relinkd. "
             "Loose: not so. Unseen: nobody has looked at its options.",
             screen);
}

}  // namespace relinkd::relinkctl
