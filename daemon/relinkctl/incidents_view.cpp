// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/incidents_view.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>

#include <fmt/format.h>

#include "base/text.hpp"
#include "control/json_writer.hpp"
#include "core/condition.hpp"
#include "journal/catalog.hpp"

namespace relinkd::relinkctl {

namespace {

/// In the year 2255, before a WallTime ends.
constexpr std::time_t kLatest = 9'000'000'000;

enum class Says : std::uint8_t { Over, Wrong, Neither };

/// The kind of event with this MESSAGE_ID.
std::optional<journal::Event> event_of(std::string_view message_id) {
  for (std::size_t i = 0; i < journal::kEventNames.size(); ++i) {
    const auto event = static_cast<journal::Event>(i);
    if (journal::message_id(event) == message_id) return event;
  }
  return std::nullopt;
}

Says what_it_says(std::string_view message_id) {
  const auto event = event_of(message_id);
  if (!event) return Says::Neither;
  if (*event == journal::Event::RelinkRecovered) return Says::Over;
  if (*event == journal::Event::RelinkFailed) return Says::Wrong;
  if (*event > journal::Event::ConditionOk) return Says::Neither;
  // relinkd ends an endpoint's incident with both: what is unknown is not known to be wrong.
  const auto condition = static_cast<core::Condition>(*event);
  return core::is_up(condition) || condition == core::Condition::Unknown ? Says::Over : Says::Wrong;
}

std::string_view event_name(const IncidentLine& line) {
  const auto event = event_of(line.message_id);
  return event ? journal::kEventNames[*event] : std::string_view();
}

/// "10:15:00.123", in the reader's own time zone.
std::string time_of_day(WallTime time) {
  const auto ms =
      std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  return fmt::format("{}.{:03d}", local_time(time).substr(std::string_view("2026-11-22 ").size()),
                     ms);
}

Duration span(WallTime from, WallTime to) { return std::max(to - from, Duration::zero()); }

/// "+70.0 ms": ids and the journal's stamps are of the same moment to a millisecond or so.
std::string after(WallTime begin, WallTime time) {
  const Duration d = span(begin, time);
  return d < 1ms ? "0 s" : "+" + to_text(d);
}

std::string heading(const Incident& one, WallTime since, WallTime now, const Screen& screen) {
  std::string apps;
  for (const auto& app : one.apps) apps += ' ' + clean(app);
  const std::string whom =
      fmt::format("{}{}{}", one.endpoint.empty() ? "" : "endpoint " + clean(one.endpoint),
                  one.endpoint.empty() || apps.empty() ? "" : ", ",
                  apps.empty() ? "" : (one.apps.size() == 1 ? "app" : "apps") + apps);
  std::string out = coloured(clean(one.id), Colour::Bold, screen);
  if (!whom.empty()) out += ": " + whom;
  out += fmt::format("\n  began {}, ", local_time(one.begin));
  out += one.end ? fmt::format("over after {}", to_text(span(one.begin, *one.end)))
                 : coloured(fmt::format("not over for {}", age(one.begin, now)), Colour::Notice,
                            screen);
  if (one.begin < since) out += "; it began before --since, so its first lines are not shown";
  return out + '\n';
}

void add_line(Table& table, const Incident& one, const IncidentLine& line) {
  table.add_row({{"  " + time_of_day(line.time)},
                 {after(one.begin, line.time)},
                 {std::string(event_name(line)), priority_colour(line.priority)},
                 {line.message}});
}

std::string timeline(const Incident& one, const Screen& screen) {
  Table table({"  TIME", "AFTER", "EVENT", "WHAT"});
  std::size_t told = 0;
  for (const IncidentLine& line : one.timeline) {
    if (told++ == Incident::kMostOfEach && one.left_out() > 0) {
      table.add_note(fmt::format("… {} left out here; journalctl RELINKD_INCIDENT={} has them",
                                 plural(one.left_out(), "line"), one.id));
    }
    add_line(table, one, line);
  }
  return table.render(screen);
}

}  // namespace

std::optional<WallTime> begin_by_id(std::string_view id) {
  const std::size_t dash = id.rfind('-');
  const std::size_t dot = id.rfind('.');
  if (dash == std::string_view::npos || dot == std::string_view::npos || dot < dash) return {};
  const std::string time(id.substr(dash + 1, dot - dash - 1));
  const auto ms = parse_u64(id.substr(dot + 1));
  std::tm utc{};
  const char* end = strptime(time.c_str(), "%Y%m%dT%H%M%S", &utc);
  if (end == nullptr || *end != '\0' || !ms || *ms > 999) return std::nullopt;
  const std::time_t seconds = timegm(&utc);
  if (seconds < 0 || seconds > kLatest) return std::nullopt;
  return WallTime(std::chrono::seconds(seconds) + std::chrono::milliseconds(*ms));
}

void Incidents::add(const IncidentLine& line) {
  auto it = incidents_.find(line.incident);
  if (it == incidents_.end()) {
    if (incidents_.size() == kMost) {
      more_ = true;
      return;
    }
    it = incidents_.try_emplace(line.incident).first;
    it->second.incident.id = line.incident;
  }
  Gathered& gathered = it->second;
  Incident& incident = gathered.incident;
  incident.begin = line.time;
  ++incident.lines;
  if (gathered.last.size() < Incident::kMostOfEach) {
    gathered.last.push_back(line);
  } else {
    gathered.first.push_back(line);
    if (gathered.first.size() > Incident::kMostOfEach) gathered.first.pop_front();
  }
  if (incident.endpoint.empty()) incident.endpoint = line.endpoint;
  auto& apps = incident.apps;
  if (!line.app.empty() && apps.size() < Incident::kMostApps &&
      std::find(apps.begin(), apps.end(), line.app) == apps.end()) {
    apps.push_back(line.app);
  }
  if (gathered.settled) return;
  const Says says = what_it_says(line.message_id);
  gathered.settled = says != Says::Neither;
  if (says == Says::Over) incident.end = line.time;
}

std::vector<Incident> Incidents::all() const {
  std::vector<Incident> all;
  all.reserve(incidents_.size());
  for (const auto& [id, gathered] : incidents_) {
    Incident& one = all.emplace_back(gathered.incident);
    one.timeline.assign(gathered.first.rbegin(), gathered.first.rend());
    one.timeline.insert(one.timeline.end(), gathered.last.rbegin(), gathered.last.rend());
    const auto begin = begin_by_id(id);
    if (begin) one.begin = std::min(one.begin, *begin);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Incident& a, const Incident& b) { return a.begin < b.begin; });
  return all;
}

std::string render_incidents(const Incidents& incidents, WallTime since, WallTime now,
                             const Screen& screen) {
  const auto all = incidents.all();
  if (all.empty()) return fmt::format("No incident since {}.\n", local_time(since));
  std::string out;
  if (incidents.more()) {
    out += fmt::format("These are the last {}; there were more.\n\n", Incidents::kMost);
  }
  for (const Incident& one : all) {
    if (&one != &all.front()) out += '\n';
    out += heading(one, since, now, screen) + timeline(one, screen);
  }
  return out;
}

std::string incidents_json(const Incidents& incidents, WallTime since) {
  control::JsonWriter json;
  json.open_object().key("incidents").open_array();
  for (const Incident& one : incidents.all()) {
    json.open_object();
    json.key("incident").string(one.id);
    json.key("begin").time(one.begin);
    json.key("began_before_since").boolean(one.begin < since);
    json.key("end").optional(one.end, &control::JsonWriter::time);
    json.key("endpoint").string(one.endpoint);
    json.key("apps").open_array();
    for (const auto& app : one.apps) json.string(app);
    json.close_array();
    json.key("lines").count(one.lines);
    json.key("first").string(one.timeline.front().message);
    json.key("last").string(one.timeline.back().message);
    json.key("left_out").count(one.left_out());
    json.key("timeline").open_array();
    for (const IncidentLine& line : one.timeline) {
      json.open_object();
      json.key("time").time(line.time);
      json.key("event").string(event_name(line));
      json.key("priority").count(static_cast<std::uint64_t>(line.priority));
      json.key("app").string(line.app);
      json.key("message").string(line.message);
      json.close_object();
    }
    json.close_array();
    json.close_object();
  }
  json.close_array();
  json.key("more").boolean(incidents.more());
  return json.close_object().take();
}

std::optional<WallTime> parse_since(const std::string& text, WallTime now) {
  if (const auto ago = parse_duration(text)) {
    return std::max(now - std::min(*ago, now.time_since_epoch()), WallTime{});
  }
  for (const char* format : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm local{};
    const char* end = strptime(text.c_str(), format, &local);
    if (end == nullptr || *end != '\0') continue;
    local.tm_isdst = -1;  // whatever held then
    const std::time_t seconds = std::mktime(&local);
    // Beyond what a WallTime can hold, or what mktime() cannot express.
    if (seconds < 0 || seconds > kLatest) return std::nullopt;
    return WallTime(std::chrono::seconds(seconds));
  }
  return std::nullopt;
}

}  // namespace relinkd::relinkctl
