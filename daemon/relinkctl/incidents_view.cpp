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

enum class Says : std::uint8_t { Over, Wrong, Neither };

Says what_it_says(std::string_view message_id) {
  for (std::size_t i = 0; i < journal::kEventNames.size(); ++i) {
    const auto event = static_cast<journal::Event>(i);
    if (journal::message_id(event) != message_id) continue;
    if (event == journal::Event::RelinkRecovered) return Says::Over;
    if (event == journal::Event::RelinkFailed) return Says::Wrong;
    if (event > journal::Event::ConditionOk) return Says::Neither;
    // relinkd ends an endpoint's incident with both: what is unknown is not known to be wrong.
    const auto condition = static_cast<core::Condition>(i);
    return core::is_up(condition) || condition == core::Condition::Unknown ? Says::Over
                                                                           : Says::Wrong;
  }
  return Says::Neither;
}

}  // namespace

void Incidents::add(const IncidentLine& line) {
  auto it = incidents_.find(line.incident);
  if (it == incidents_.end()) {
    if (incidents_.size() == kMost) {
      more_ = true;
      return;
    }
    it = incidents_.try_emplace(line.incident).first;
    it->second.incident.id = line.incident;
    it->second.incident.last = line.message;
  }
  Gathered& gathered = it->second;
  Incident& incident = gathered.incident;
  incident.begin = line.time;
  incident.first = line.message;
  ++incident.lines;
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
  for (const auto& [id, gathered] : incidents_) all.push_back(gathered.incident);
  std::stable_sort(all.begin(), all.end(),
                   [](const Incident& a, const Incident& b) { return a.begin < b.begin; });
  return all;
}

std::string render_incidents(const Incidents& incidents, WallTime since, const Screen& screen) {
  const auto all = incidents.all();
  if (all.empty()) return fmt::format("No incident since {}.\n", local_time(since));
  Table table({"BEGIN", "LASTED", "ENDPOINT", "APPS", "INCIDENT"});
  for (const Incident& one : all) {
    std::string apps;
    for (const auto& app : one.apps) apps += (apps.empty() ? "" : " ") + app;
    table.add_row({{local_time(one.begin)},
                   one.end ? Cell{to_text(std::max(*one.end - one.begin, Duration::zero()))}
                           : Cell{"not over", Colour::Notice},
                   {one.endpoint.empty() ? "-" : one.endpoint},
                   {apps.empty() ? "-" : apps},
                   {one.id}});
    table.add_note(one.first);
    if (one.lines > 1) table.add_note(one.last);
  }
  std::string out = table.render(screen);
  if (incidents.more()) {
    out += fmt::format("These are the last {}; there were more.\n", Incidents::kMost);
  }
  return out;
}

std::string incidents_json(const Incidents& incidents) {
  control::JsonWriter json;
  json.open_object().key("incidents").open_array();
  for (const Incident& one : incidents.all()) {
    json.open_object();
    json.key("incident").string(one.id);
    json.key("begin").time(one.begin);
    json.key("end");
    if (one.end) {
      json.time(*one.end);
    } else {
      json.null();
    }
    json.key("endpoint").string(one.endpoint);
    json.key("apps").open_array();
    for (const auto& app : one.apps) json.string(app);
    json.close_array();
    json.key("lines").count(one.lines);
    json.key("first").string(one.first);
    json.key("last").string(one.last);
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
    if (seconds < 0 || seconds > 9'000'000'000) return std::nullopt;
    return WallTime(std::chrono::seconds(seconds));
  }
  return std::nullopt;
}

}  // namespace relinkd::relinkctl
