// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

#include "control/client.hpp"
#include "control/views.hpp"
#include "journal/journal.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

constexpr std::size_t kTimeWidth = std::string_view("2026-11-22 10:15:00").size();
constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowestMessage = 20;
/// How often to see whether anybody still reads.
constexpr Duration kLookAround = 500ms;

/// A line of the stream. The columns are as wide as the widest event's name, since what will come
/// is not known.
std::string line_of(const control::EventView& event, const Screen& s) {
  std::size_t name_width = 0;
  for (const auto name : journal::kEventNames.names) name_width = std::max(name_width, name.size());
  const std::size_t before = kTimeWidth + kGap + name_width + kGap;
  const std::string name = clean(event.event);
  std::string out = local_time(event.time) + std::string(kGap, ' ');
  out += coloured(name, priority_colour(event.priority), s);
  out.append(name_width - std::min(name_width, width_of(name)) + kGap, ' ');
  const bool wraps = s.width >= before + kNarrowestMessage;
  const std::size_t indent = wraps ? before : 0;
  const auto lines = wrap(clean(event.message), wraps ? s.width : 0, indent);
  for (const auto& line : lines) {
    out += (&line == &lines.front() ? line.substr(indent) : line) + '\n';
  }
  return out;
}

/// Prints the events of one reply.
Result<void> print_events(const std::string& json, bool as_json) {
  const auto events = control::decode_events(json);
  if (!events) return events.error();
  const Screen s = screen();
  for (const auto& event : *events) {
    print(as_json ? control::encode_event(event) + '\n' : line_of(event, s));
  }
  return {};
}

/// Until relinkd ends the stream, or nobody reads any more.
Result<void> follow(const std::string& socket, bool as_json) {
  auto client = control::Client::connect(socket);
  if (!client) return client.error();
  if (const auto sent = client->send("io.relinkd.GetEvents", "{}", /*more=*/true); !sent) {
    return sent.error();
  }
  while (!reader_gone()) {
    const auto reply = client->receive(kLookAround);
    if (!reply) return reply.error();
    if (!*reply) continue;
    if (const auto printed = print_events(**reply, as_json); !printed) return printed.error();
    if (!client->continues()) return {};
  }
  return {};
}

}  // namespace

int run_events(const GlobalOptions& global, const EventsOptions& options) {
  const std::string socket = find_socket(global);
  Result<void> result;
  if (options.follow) {
    result = follow(socket, options.json);
  } else {
    const auto json = control::call(socket, "io.relinkd.GetEvents", "{}", kAnswerTimeout);
    result = json ? print_events(*json, options.json) : Result<void>(json.error());
  }
  return result ? kDone : not_answered(result.error());
}

}  // namespace relinkd::relinkctl
