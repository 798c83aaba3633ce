// SPDX-License-Identifier: Apache-2.0
#include "config/app_values.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"
#include "config/codec.hpp"

namespace relinkd::config {

namespace {

using Names = std::span<const std::string_view>;

constexpr std::size_t kMaxUnit = 255;          // systemd: UNIT_NAME_MAX without the NUL
constexpr std::size_t kMaxUser = 255;          // LOGIN_NAME_MAX without the NUL
constexpr std::uint64_t kMaxUid = 4294967294;  // (uid_t)-1 is nobody's: chown(2)
constexpr std::size_t kMaxEndpoints = 256;
constexpr std::size_t kMaxActions = 8;

// Of the types of systemd.unit(5), those that have processes, and those that do something at start.
constexpr std::array<std::string_view, 3> kWithProcesses{".service", ".scope", ".slice"};
constexpr std::array<std::string_view, 4> kStartable{".service", ".socket", ".target", ".timer"};
constexpr std::array<std::string_view, 11> kUnitTypes{
    ".service", ".socket",    ".target", ".timer", ".scope", ".slice",
    ".device",  ".automount", ".mount",  ".path",  ".swap"};

bool ends_in(std::string_view name, Names suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(), [name](std::string_view suffix) {
    return name.ends_with(suffix) && name.size() > suffix.size();
  });
}

/// The name of a unit that can run, as systemd has it (systemd.unit(5)): "a.service",
/// "a@b.service", but not the template "a@.service".
Result<std::string> read_unit(std::string_view name, Names suffixes) {
  const std::size_t dot = name.rfind('.');
  if (name.empty() || name.size() > kMaxUnit || !only(name, ":-_.\\@") || name.front() == '@' ||
      dot == 0) {
    return Error{fmt::format("{} is not a unit's name: 1 to {} of A-Z a-z 0-9 : - _ . \\ @",
                             shown(name), kMaxUnit)};
  }
  if (!ends_in(name, kUnitTypes)) {
    const auto near =
        dot == std::string_view::npos ? std::nullopt : nearest(name.substr(dot), kUnitTypes);
    const std::string whole =
        near ? fmt::format("{}{}", name.substr(0, dot), *near) : fmt::format("{}.service", name);
    return Error{
        fmt::format("{} has no suffix of a unit; did you mean {}?", shown(name), shown(whole))};
  }
  if (!ends_in(name, suffixes)) {
    return Error{fmt::format("{} is a unit of the wrong type: here it ends in {}", shown(name),
                             fmt::join(suffixes, ", "))};
  }
  if (name.find('@') == dot - 1) {
    return Error{fmt::format("{} is a template; name one of its instances", shown(name))};
  }
  return std::string(name);
}

Result<std::string> read_cgroup_glob(const Node& node) {
  auto glob = read_text(node, "a cgroup's path, such as \"/batch/*\"");
  if (!glob || *glob == "/") return glob;
  if (!glob->starts_with('/') || glob->ends_with('/') || glob->find("//") != std::string::npos) {
    return Error{fmt::format(
        "{} is not a cgroup's path below the mount, such as \"/batch/*\": it starts with '/' and "
        "has a name behind each",
        shown(*glob))};
  }
  if (glob->size() > kMaxPath) {
    return Error{
        fmt::format("a path of {} bytes is out of range: at most {}", glob->size(), kMaxPath)};
  }
  return glob;
}

Result<std::string> read_system_user(const Node& node) {
  auto user = read_text(node, "a user's name or uid");
  if (!user) return user;
  const bool is_number = user->find_first_not_of("0123456789") == std::string::npos;
  const auto number = parse_u64(*user);
  // passwd(5): the fields are separated by colons. A name becomes a folder's, and an argument.
  const bool is_name = !is_number && user->size() <= kMaxUser && user->front() != '-' &&
                       std::all_of(user->begin(), user->end(), [](char c) {
                         return c > ' ' && c <= '~' && c != ':' && c != '/';
                       });
  if (is_name || (is_number && number && *number <= kMaxUid)) return user;
  return Error{
      fmt::format("{} is neither a user's name nor a uid (0 to {})", shown(*user), kMaxUid)};
}

/// "signal:usr1" is most likely "signal:SIGUSR1".
Error unknown_signal(std::string_view name) {
  std::string upper(name.substr(0, 64));
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (!upper.starts_with("SIG")) upper.insert(0, "SIG");
  if (const auto near = nearest(upper, kSignalNames)) {
    return Error{fmt::format("unknown signal {}; did you mean '{}'?", shown(name), *near)};
  }
  return Error{fmt::format("unknown signal {}; relinkd sends {}", shown(name),
                           fmt::join(kSignalNames, ", "))};
}

Result<Action> read_action(const Node& node) {
  static constexpr std::string_view kWhat =
      R"("destroy-sockets", "reload", "signal:NAME", "start:UNIT" or "restart")";
  const auto text = read_text(node, kWhat);
  if (!text) return text.error();
  const std::size_t colon = text->find(':');
  const std::string_view word = std::string_view(*text).substr(0, colon);
  const auto verb = core::kRelinkVerbNames.find(word);
  if (!verb) {
    const auto near = nearest(word, core::kRelinkVerbNames.names);
    return Error{fmt::format("expected {}, found {}{}", kWhat, shown(*text),
                             near ? fmt::format("; did you mean '{}'?", *near) : "")};
  }
  const bool has_argument = colon != std::string::npos;
  const std::string_view argument =
      has_argument ? std::string_view(*text).substr(colon + 1) : std::string_view();
  switch (*verb) {
    case core::RelinkVerb::Signal:
      if (!has_argument) return Error{"signal needs a name: \"signal:SIGUSR1\""};
      if (std::find(kSignalNames.begin(), kSignalNames.end(), argument) == kSignalNames.end()) {
        return unknown_signal(argument);
      }
      break;
    case core::RelinkVerb::Start: {
      if (!has_argument) return Error{"start needs a unit: \"start:reconnect.service\""};
      if (const auto unit = read_unit(argument, kStartable); !unit) return unit.error();
      break;
    }
    case core::RelinkVerb::DestroySockets:
    case core::RelinkVerb::Reload:
    case core::RelinkVerb::Restart:
      if (has_argument) return Error{fmt::format("{} takes nothing behind it", word)};
      break;
  }
  return Action{*verb, std::string(argument)};
}

/// A key of `protect`, and the codec that reads it into `value`.
template <typename T, typename Make>
void read_optional(const Node& node, std::optional<T>& value, Make make, Problems& problems) {
  T read{};
  for (Problem& problem : make(read).read(node)) {
    problems.push_back({problem.place, fmt::format("{}: {}", node.key, problem.message)});
  }
  value = read;
}

Problems read_protection(const Node& node, Protect& value) {
  static constexpr std::string_view kWhat =
      "true or false, or { idle, interval, count, user_timeout }";
  static constexpr std::array<std::string_view, 4> kKeys{"idle", "interval", "count",
                                                         "user_timeout"};
  if (node.type == Node::Type::Boolean) {
    value = {.wanted = node.boolean};
    return {};
  }
  if (node.type != Node::Type::Table) return {{node.place, type_error(kWhat, node)}};
  const auto seconds = [](Duration& d) { return whole_seconds(d, 1s, kMaxKeepalive); };
  Problems problems;
  Protect read;
  for (const Node& child : node.children) {
    if (child.key == "idle") {
      read_optional(child, read.idle, seconds, problems);
    } else if (child.key == "interval") {
      read_optional(child, read.interval, seconds, problems);
    } else if (child.key == "count") {
      read_optional(
          child, read.count, [](int& i) { return integer(i, 1, kMaxKeepaliveCount); }, problems);
    } else if (child.key == "user_timeout") {
      read_optional(
          child, read.user_timeout, [](Duration& d) { return duration(d, 1s, 24h); }, problems);
    } else {
      problems.push_back({child.key_place, unknown_key(child.key, kKeys, "protect")});
    }
  }
  if (problems.empty()) value = read;
  return problems;
}

std::string show_protection(const Protect& value) {
  std::vector<std::string> given;
  const auto add = [&given](std::string_view key, const std::optional<Duration>& d) {
    if (d) given.push_back(fmt::format("{} = {}", key, quote(to_config_text(*d))));
  };
  add("idle", value.idle);
  add("interval", value.interval);
  if (value.count) given.push_back(fmt::format("count = {}", *value.count));
  add("user_timeout", value.user_timeout);
  if (given.empty()) return value.wanted ? "true" : "false";
  return fmt::format("{{ {} }}", fmt::join(given, ", "));
}

}  // namespace

std::string Action::to_string() const {
  std::string out(core::kRelinkVerbNames[verb]);
  if (!argument.empty()) out += ":" + argument;
  return out;
}

Codec matched_unit(std::string& value) {
  return codec(
      value,
      [](const Node& node) -> Result<std::string> {
        const auto name = read_text(node, "a unit's name");
        return name ? read_unit(*name, kWithProcesses) : name;
      },
      show_text);
}

Codec cgroup_glob(std::string& value) { return codec(value, read_cgroup_glob, show_text); }

Codec system_user(std::string& value) { return codec(value, read_system_user, show_text); }

Codec endpoint_names(std::vector<std::string>& value) {
  return array_codec(
      value, {"names of endpoints", 1, kMaxEndpoints},
      [](const Node& item, const std::vector<std::string>& before) -> Result<std::string> {
        auto name = read_text(item, "an endpoint's name");
        if (name && std::find(before.begin(), before.end(), *name) != before.end()) {
          return Error{fmt::format("{} is given twice", shown(*name))};
        }
        return name;
      },
      quote);
}

Codec actions(std::vector<Action>& value) {
  return array_codec(
      value, {"actions", 1, kMaxActions},
      [](const Node& item, const std::vector<Action>& before) -> Result<Action> {
        auto action = read_action(item);
        if (action && std::find(before.begin(), before.end(), *action) != before.end()) {
          return Error{fmt::format("{} is given twice", shown(action->to_string()))};
        }
        return action;
      },
      [](const Action& action) { return quote(action.to_string()); });
}

Codec protection(Protect& value) {
  return {[&value](const Node& node) { return read_protection(node, value); },
          [&value] { return show_protection(value); }};
}

}  // namespace relinkd::config
