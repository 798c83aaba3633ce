// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/closes_view.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/condition.hpp"

namespace relinkd::relinkctl {

namespace {

/// "opened 2 h 11 min before, idle for 12 s, 1,204 bytes sent and 8,812 received, …".
std::string figures(const control::CloseView& close) {
  std::string out = "from " + close.local;
  const auto add = [&](const std::string& figure) { out += ", " + figure; };
  if (!close.established) {
    add("never opened");
  } else {
    add(close.age ? fmt::format("opened {} before", to_text(*close.age))
                  : std::string("opened before relinkd looked"));
    if (close.idle) add(fmt::format("idle for {}", to_text(*close.idle)));
    add(fmt::format("{} sent and {} received", plural(close.sent, "byte"), close.received));
    if (close.rtt) add(fmt::format("RTT {}", to_text(*close.rtt)));
  }
  if (close.retransmits > 0) add(plural(close.retransmits, "retransmission"));
  const auto condition = core::kConditionNames.find(close.condition);
  if (condition && *condition != core::Condition::Unknown) {
    add(fmt::format("the node was {}", close.condition));
  }
  if (close.maintenance) add("maintenance was announced");
  if (close.server_timeout && *close.server_timeout > Duration::zero()) {
    add(fmt::format("the server's timeout is {}", to_text(*close.server_timeout)));
  }
  if (close.idle_cut) {
    add(fmt::format("idle connections are cut after {} on this path", to_text(*close.idle_cut)));
  }
  if (!close.incident.empty()) add("incident " + close.incident);
  return out;
}

}  // namespace

std::string render_closes(const std::vector<control::CloseView>& closes, bool all,
                          const Screen& screen) {
  Table table({"TIME", "APP", "ENDPOINT", "NODE", "CAUSE"});
  std::uint64_t usual = 0;
  std::uint64_t shown = 0;
  for (const control::CloseView& close : closes) {
    if (close.usual && !all) {
      ++usual;
      continue;
    }
    ++shown;
    table.add_row({{local_time(close.time)},
                   {close.app},
                   {close.endpoint},
                   {close.node},
                   {close.cause, close.usual ? Colour::Plain : Colour::Bad}});
    table.add_note(close.detail);
    table.add_note(figures(close));
  }
  std::string out = shown > 0   ? table.render(screen)
                    : usual > 0 ? std::string("No connection ended unusually.\n")
                                : std::string("No connection of an app has been seen to end.\n");
  if (usual > 0) {
    out += paragraph(
        fmt::format("{} more ended as connections do every day; --all shows them.", usual), screen);
  }
  return out;
}

}  // namespace relinkd::relinkctl
