// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/app_socket.hpp"
#include "core/cause.hpp"
#include "core/condition.hpp"
#include "core/relink_planner.hpp"
#include "journal/catalog.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

/// Everything that has this name: some conditions are called as causes and states of sockets are.
struct Meanings {
  std::optional<journal::Event> event;
  std::optional<core::AppSocketState> state;
  std::optional<core::Cause> cause;
  std::optional<core::RelinkResult> result;
  std::optional<core::RelinkHold> hold;

  explicit Meanings(std::string_view name)
      : event(journal::kEventNames.find(name)),
        state(core::kAppSocketStateNames.find(name)),
        cause(core::kCauseNames.find(name)),
        result(core::kRelinkResultNames.find(name)),
        hold(core::kRelinkHoldNames.find(name)) {}
  [[nodiscard]] bool any() const { return event || state || cause || result || hold; }
};

struct Kind {
  const char* what;
  std::vector<std::string_view> names;
};

/// Each name once, under the first kind that it is of.
std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  std::set<std::string_view> known;
  const auto add = [&](const char* what, auto begin, auto end) {
    Kind& kind = kinds.emplace_back(Kind{what, {}});
    std::copy_if(begin, end, std::back_inserter(kind.names),
                 [&](std::string_view name) { return known.insert(name).second; });
  };
  const auto& events = journal::kEventNames.names;
  const auto conditions = static_cast<std::ptrdiff_t>(core::kConditionNames.size());
  const auto all = [&](const char* what, const auto& names) {
    add(what, names.begin(), names.end());
  };
  add("Conditions", events.begin(), events.begin() + conditions);
  all("Causes of disconnections", core::kCauseNames.names);
  all("States of an app's connection", core::kAppSocketStateNames.names);
  all("Results of making an app reconnect", core::kRelinkResultNames.names);
  all("Reasons not to", core::kRelinkHoldNames.names);
  add("Other events", events.begin() + conditions, events.end());
  return kinds;
}

std::string offered(const Screen& s) {
  std::string out;
  for (const Kind& kind : all_kinds()) {
    out += fmt::format("{}:\n", kind.what);
    for (const auto& line : wrap(fmt::format("{}", fmt::join(kind.names, " ")), s.width, 2)) {
      out += line + '\n';
    }
  }
  return out;
}

/// Shows texts, with an empty line between them.
class Shown {
 public:
  Shown(std::string name, const Screen& screen) : name_(std::move(name)), screen_(screen) {}

  void add(const char* as, std::string_view subject, const std::string& body) {
    if (!first_) print("\n");
    first_ = false;
    const auto line = fmt::format("{}{}: {}", name_, as, subject);
    print(coloured(line, Colour::Bold, screen_) + "\n\n" + body);
  }
  void add(const char* as, const journal::CatalogText& text) {
    add(as, text.subject, journal::catalog_body(text));
  }
  void add(const char* as, const journal::LabelText& text) {
    add(as, text.subject, journal::label_body(text));
  }

 private:
  std::string name_;
  Screen screen_;
  bool first_ = true;
};

}  // namespace

int run_explain(const std::string& name) {
  const Screen s = screen();
  // "half-open" and "Half_Open" are what people write.
  std::string key = lower_case(name);
  std::replace(key.begin(), key.end(), '-', '_');
  const Meanings meanings(key);
  if (!meanings.any()) {
    std::vector<std::string_view> names;
    for (const Kind& kind : all_kinds()) {
      names.insert(names.end(), kind.names.begin(), kind.names.end());
    }
    const auto near = nearest(key, names);
    complain(fmt::format(
        "nothing is called \"{}\"{}\n{}", clean(name),
        near ? fmt::format("; did you mean \"{}\"?", *near) : ". There are:", trim(offered(s))));
    return kFailed;
  }
  Shown shown(key, s);
  if (meanings.event) shown.add("", journal::catalog_text(*meanings.event));
  if (meanings.state) shown.add(", of an app's connection", journal::catalog_text(*meanings.state));
  if (meanings.cause) shown.add(", a cause", journal::label_text(*meanings.cause));
  if (meanings.result) shown.add(", a result", journal::label_text(*meanings.result));
  if (meanings.hold) shown.add(", a reason", journal::label_text(*meanings.hold));
  return kDone;
}

}  // namespace relinkd::relinkctl
