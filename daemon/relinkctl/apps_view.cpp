// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/apps_view.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/app_socket.hpp"

namespace relinkd::relinkctl {

namespace {

/// So many unprotected sockets to a node are named one by one; more are counted.
constexpr std::size_t kFew = 3;
/// Of those in trouble. A pool that died at once is one story, and --json has the rest.
constexpr std::size_t kMostTroubled = 10;

bool in_trouble(std::string_view state) {
  const auto known = core::kAppSocketStateNames.find(state);
  return known && core::is_trouble(*known);
}

Colour state_colour(std::string_view state) {
  if (in_trouble(state)) return Colour::Bad;
  return state == core::to_string(core::AppSocketState::Ok) ? Colour::Good : Colour::Plain;
}

/// "17 ok, 2 wrong_node", coloured as the worst of them.
Cell states_cell(const control::AppNodeView& node) {
  Cell cell;
  for (const auto& [state, count] : node.sockets) {
    cell.text += fmt::format("{}{} {}", cell.text.empty() ? "" : ", ", count, state);
    cell.colour = std::max(cell.colour, state_colour(state));
  }
  if (node.sockets.size() > 1 && cell.colour == Colour::Good) cell.colour = Colour::Plain;
  return cell;
}

std::uint64_t total(const control::AppNodeView& node) {
  std::uint64_t sum = 0;
  for (const auto& [state, count] : node.sockets) sum += count;
  return sum;
}

/// What becomes of `count` sockets if the path dies, `waiting` of which wait for a reply.
/// `waits_for`: 0 is for ever.
std::string hang_text(std::uint64_t count, std::uint64_t waiting, Duration hangs_for,
                      Duration waits_for) {
  std::string out;
  if (waiting < count && hangs_for > Duration::zero()) {
    out += fmt::format(": the next command on {} would hang for {}",
                       count - waiting == 1 ? "it" : "each", to_text(hangs_for));
  }
  if (waiting == 0) return out;
  out += out.empty() ? ": " : "; ";
  const std::string wait = waits_for > Duration::zero() ? "for " + to_text(waits_for) : "for ever";
  if (count == 1) return out + "it waits for a reply, and would wait " + wait;
  return out + fmt::format("{} for a reply, and would wait {}",
                           waiting == 1 ? "1 waits" : fmt::format("{} wait", waiting), wait);
}

void note_unprotected(Table& table, const control::AppEndpointView& endpoint,
                      const control::AppNodeView& node) {
  if (node.unprotected == 0) return;
  std::vector<const control::AppSocketView*> sockets;
  for (const auto& socket : endpoint.listed) {
    if (socket.unprotected && socket.node == node.node) sockets.push_back(&socket);
  }
  if (node.unprotected > kFew || sockets.size() != node.unprotected) {
    table.add_note(
        fmt::format("{} to {} unprotected{}", plural(node.unprotected, "socket"), node.node,
                    hang_text(node.unprotected, node.waiting, node.hangs_for, node.waits_for)));
    return;
  }
  for (const auto* socket : sockets) {
    table.add_note(
        fmt::format("{} to {} unprotected ({}){}", socket->local, socket->node, socket->process,
                    hang_text(1, socket->waiting ? 1 : 0, socket->hangs_for, socket->hangs_for)));
  }
}

void note_troubled(Table& table, const control::AppEndpointView& endpoint) {
  std::uint64_t all = 0;
  for (const auto& node : endpoint.nodes) {
    for (const auto& [state, count] : node.sockets) all += in_trouble(state) ? count : 0;
  }
  std::size_t told = 0;
  for (const auto& socket : endpoint.listed) {
    if (!in_trouble(socket.state) || told == kMostTroubled) continue;
    table.add_note(fmt::format("{} to {} {} ({}){}{}", socket.local, socket.node, socket.state,
                               socket.process, socket.detail.empty() ? "" : ": ", socket.detail));
    ++told;
  }
  if (all > told) {
    table.add_note(fmt::format("{} more in trouble; --json lists the first {}", all - told,
                               control::AppEndpointView::kMostSockets));
  }
}

void add_endpoint(Table& table, const control::AppEndpointView& endpoint, WallTime now) {
  for (const auto& node : endpoint.nodes) {
    table.add_row(
        {{endpoint.endpoint}, {node.node}, {fmt::format("{}", total(node))}, states_cell(node)});
  }
  if (endpoint.nodes.empty()) table.add_row({{endpoint.endpoint}, {"-"}, {"0"}, {"-"}});
  for (const auto& node : endpoint.nodes) note_unprotected(table, endpoint, node);
  note_troubled(table, endpoint);
  if (!endpoint.incident.empty()) {
    table.add_note(fmt::format("a relink is under way, incident {}", endpoint.incident));
  }
  if (!endpoint.last_relink.empty() && endpoint.last_relink_at) {
    table.add_note(fmt::format("last relink {} ago: {}", age(*endpoint.last_relink_at, now),
                               endpoint.last_relink));
  }
}

std::string app_line(const control::AppView& app, const Screen& screen) {
  std::string text =
      fmt::format("{}: {}, mode {}, breaker {}, actions:", clean(app.name), clean(app.match),
                  clean(app.mode), app.breaker_open ? "open" : "closed");
  for (const auto& action : app.actions) text += ' ' + clean(action);
  return coloured(trim(paragraph(text, screen)), app.breaker_open ? Colour::Bad : Colour::Bold,
                  screen) +
         '\n';
}

void note_app(Table& table, const control::AppView& app) {
  if (app.other_netns > 0) {
    table.add_note(fmt::format(
        "out of sight: {} of it in other network namespaces; their sockets cannot be seen from "
        "here, trigger = \"endpoint\" acts on the endpoint's condition instead",
        app.other_netns == 1 ? "1 process" : fmt::format("{} processes", app.other_netns)));
  }
  if (app.breaker_open) {
    table.add_note(fmt::format(
        "the breaker is open{}{}; nothing is done for this app, relinkctl reset {} closes it",
        app.breaker_detail.empty() ? "" : ": ", app.breaker_detail, app.name));
  }
}

std::string head(const control::AppsView& apps, WallTime now, const Screen& screen) {
  std::string out;
  if (apps.paused) out += paused_line(apps.paused_until, now, screen);
  if (!apps.actuator.empty()) out += paragraph("actuator: " + clean(apps.actuator), screen);
  if (apps.census == WallTime{}) return out + "the sockets have not been looked at yet\n";
  return out + fmt::format("sockets as of {} ago\n",
                           to_text(std::max(now - apps.census, Duration::zero())));
}

}  // namespace

std::string render_apps(const control::AppsView& apps, WallTime now, const Screen& screen) {
  std::string out = head(apps, now, screen);
  if (apps.apps.empty()) {
    return out + "\nNo app is configured ([[app]]), so relinkd makes none reconnect.\n";
  }
  bool unprotected = false;
  for (const auto& app : apps.apps) {
    out += '\n' + app_line(app, screen);
    Table table({"ENDPOINT", "NODE", "SOCKETS", "BY STATE"});
    for (const auto& endpoint : app.endpoints) {
      add_endpoint(table, endpoint, now);
      unprotected = unprotected || endpoint.unprotected > 0;
    }
    note_app(table, app);
    out += table.render(screen);
  }
  if (!unprotected) return out;
  return out + '\n' +
         paragraph(
             "Unprotected: nothing tells the app within a minute that the path of an idle socket "
             "died. It finds out only when its next command hangs; and what only waits, for the "
             "reply to a blocking command or for what is published, mostly never finds out. Turn "
             "on TCP keepalive in the app's Redis client, or see relinkctl tune show.",
             screen);
}

}  // namespace relinkd::relinkctl
