// SPDX-License-Identifier: Apache-2.0
#include "config/app_rules.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/codec.hpp"

namespace relinkd::config {

namespace {

FilePlace item_place(const AppDraft& draft, std::string_view key, std::size_t index) {
  return {draft.file, draft.node.find(key)->children[index].place};
}

/// `match` was given, and nothing in it refused.
bool match_is_certain(const AppDraft& draft) {
  const auto& marks = draft.marks;
  return marks.contains("app.match") &&
         std::all_of(marks.begin(), marks.end(), [](const auto& mark) {
           return !mark.first.starts_with("app.match") || mark.second.is_valid;
         });
}

/// It was given with --endpoint.
bool is_of_command_line(const Draft& draft) {
  const Mark* url = find_mark(draft.marks, "endpoint.url");
  return url && url->at.place.line == 0;
}

/// What an action's verb asks of `match`; nothing where that is fulfilled.
std::optional<std::string_view> missing_match(const App& app, core::RelinkVerb verb) {
  switch (verb) {
    case core::RelinkVerb::Reload:
    case core::RelinkVerb::Restart:
      if (app.match.unit.ends_with(".service")) return std::nullopt;
      return "needs match.unit to be a .service";
    case core::RelinkVerb::Signal:
      if (!app.match.unit.empty() || !app.match.cgroup.empty()) return std::nullopt;
      return "needs match.unit or match.cgroup, to know the processes";
    case core::RelinkVerb::DestroySockets:
    case core::RelinkVerb::Start: break;
  }
  return std::nullopt;
}

}  // namespace

AppRules::AppRules(const std::vector<Draft>& endpoints, bool all_read, Findings& findings)
    : all_known_(all_read), findings_(findings) {
  for (const Draft& draft : endpoints) {
    const Mark* mark = name_mark(draft);
    if (mark && !mark->is_valid) {
      all_known_ = false;
      continue;
    }
    const std::string_view name = draft.endpoint.name;
    endpoints_.emplace(name, &draft);
    if (!is_of_command_line(draft)) names_.push_back(name);
  }
}

void AppRules::check(const AppDraft& draft) {
  check_required(draft);
  check_match(draft);
  check_actions(draft);
  for (std::size_t i = 0; i < draft.app.endpoints.size(); ++i) check_endpoint(draft, i);
}

void AppRules::check_names(const std::vector<AppDraft>& drafts) {
  std::vector<Naming> names;
  for (const AppDraft& draft : drafts) {
    const Mark* mark = find_mark(draft.marks, "app.name");
    if (mark && mark->is_valid) names.push_back({draft.app.name, mark->at});
  }
  config::check_names("app", names, findings_);
}

void AppRules::check_required(const AppDraft& draft) {
  for (const std::string_view key : {"name", "match", "endpoints"}) {
    if (draft.node.find(key)) continue;
    findings_.add({draft.file, draft.node.place}, fmt::format("app: {} is missing", key));
  }
}

void AppRules::check_match(const AppDraft& draft) {
  const Mark* match = find_mark(draft.marks, "app.match");
  if (!match || !match->is_valid || !draft.node.find("match")->children.empty()) return;
  findings_.add(match->at, "app.match: at least one of unit, cgroup and user is needed");
}

void AppRules::check_actions(const AppDraft& draft) {
  const App& app = draft.app;
  const bool sockets_unseen =
      is_valid(draft.marks, "app.trigger") && app.trigger == App::Trigger::Endpoint;
  if (!find_mark(draft.marks, "app.actions")) {
    if (sockets_unseen) {
      findings_.add(find_mark(draft.marks, "app.trigger")->at,
                    "app.trigger: actions are needed with \"endpoint\", since the default, "
                    "destroy-sockets, acts on sockets that are seen");
    }
    return;
  }
  if (!is_valid(draft.marks, "app.actions")) return;
  for (std::size_t i = 0; i < app.actions.size(); ++i) {
    const core::RelinkVerb verb = app.actions[i].verb;
    const FilePlace at = item_place(draft, "actions", i);
    if (sockets_unseen && verb == core::RelinkVerb::DestroySockets) {
      findings_.add(at,
                    "app.actions: destroy-sockets acts on sockets that are seen; with trigger = "
                    "\"endpoint\" they are not");
    }
    const auto missing = missing_match(app, verb);
    if (missing && match_is_certain(draft)) {
      findings_.add(at, fmt::format("app.actions: {} {}", core::kRelinkVerbNames[verb], *missing));
    }
  }
}

void AppRules::check_endpoint(const AppDraft& draft, std::size_t index) {
  const std::string& name = draft.app.endpoints[index];
  const FilePlace at = item_place(draft, "endpoints", index);
  const auto found = endpoints_.find(name);
  if (found == endpoints_.end()) {
    if (!all_known_) return;
    const auto near = nearest(name, names_);
    findings_.add(at, fmt::format("app.endpoints: there is no endpoint {}{}", shown(name),
                                  near ? fmt::format("; did you mean {}?", shown(*near)) : ""));
    return;
  }
  const Draft& endpoint = *found->second;
  if (is_of_command_line(endpoint)) {
    findings_.add(at, fmt::format("app.endpoints: {} stands on the command line only, which "
                                  "relinkd-actuator does not know; write an [[endpoint]]",
                                  shown(name)));
  }
  const bool trigger_is_certain =
      !find_mark(draft.marks, "app.trigger") || is_valid(draft.marks, "app.trigger");
  if (is_valid(endpoint.marks, "endpoint.url") &&
      endpoint.endpoint.url.scheme == Url::Scheme::Unix && trigger_is_certain &&
      draft.app.trigger == App::Trigger::Sockets) {
    findings_.add(at,
                  fmt::format("app.endpoints: {} is a Unix socket, and connections to it cannot "
                              "be seen as those of TCP; trigger = \"endpoint\" acts on its "
                              "condition",
                              shown(name)));
  }
}

}  // namespace relinkd::config
