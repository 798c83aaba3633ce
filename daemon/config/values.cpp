// SPDX-License-Identifier: Apache-2.0
#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/address.hpp"
#include "base/enum_names.hpp"
#include "base/text.hpp"
#include "config/codec.hpp"
#include "config/load.hpp"
#include "config/url.hpp"

namespace relinkd::config {

namespace {

constexpr std::size_t kMaxAges = 16;
constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxGroup = 255;
constexpr std::size_t kMaxUser = 255;
constexpr std::uint16_t kMaxPort = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t kMaxSysctlKey = 255;
constexpr std::size_t kMaxCredential = 255;  // systemd: a file name

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string duration_range(Duration min, Duration max) {
  return fmt::format("{} to {}", to_config_text(min), to_config_text(max));
}

Result<Duration> read_duration(const Node& node, Duration min, Duration max) {
  const auto text = read_text(node, "a duration such as \"1s\"");
  if (!text) return text.error();
  const auto value = parse_duration(*text);
  if (!value) {
    return Error{fmt::format(
        "{} is not a duration from {}: one whole number and one unit of us, ms, s, m, h, d",
        shown(*text), duration_range(min, max))};
  }
  if (*value < min || *value > max) {
    return Error{fmt::format("{} is out of range: {}", shown(*text), duration_range(min, max))};
  }
  return *value;
}

Result<int> read_integer(const Node& node, int min, int max) {
  if (node.type != Node::Type::Integer) return Error{type_error("an integer", node)};
  if (node.integer < min || node.integer > max) {
    return Error{fmt::format("{} is out of range: {} to {}", node.integer, min, max)};
  }
  return static_cast<int>(node.integer);
}

Result<std::string> read_absolute_path(const Node& node, std::size_t max) {
  auto path = read_text(node, "an absolute path");
  if (!path) return path;
  if (!path->starts_with('/') || path->ends_with('/')) {
    return Error{"expected an absolute path of a file, starting with '/'"};
  }
  if (path->size() > max) {
    return Error{fmt::format("a path of {} bytes is out of range: at most {}", path->size(), max)};
  }
  return path;
}

Result<std::string> read_credential_name(const Node& node) {
  auto name = read_text(node, "a credential's name");
  if (!name) return name;
  if (name->empty() || name->size() > kMaxCredential || *name == "." || *name == ".." ||
      name->find('/') != std::string::npos) {
    return Error{fmt::format("a credential's name has 1 to {} bytes and no '/'", kMaxCredential)};
  }
  return name;
}

bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  // Port 0 lets the system choose a free one.
  const auto port = parse_u64(text.substr(colon + 1));
  return in_brackets == is_ipv6 && port && *port <= kMaxPort && Address::parse(host, 0).has_value();
}

Result<std::string> read_listen_address(const Node& node) {
  auto text = read_text(node, "an IP address and port");
  if (!text || text->empty() || is_listen_address(*text)) return text;
  return Error{
      fmt::format("{} is not an IP address and port (0 to 65535), such as \"127.0.0.1:10121\" or "
                  "\"[::1]:10121\"; \"\" turns it off",
                  shown(*text))};
}

Result<std::string> read_group_name(const Node& node) {
  auto name = read_text(node, "a group's name");
  if (!name) return name;
  // group(5): the fields are separated by colons, members by commas.
  if (name->empty() || name->size() > kMaxGroup || name->find_first_of(":,") != std::string::npos) {
    return Error{fmt::format("a group's name has 1 to {} bytes, no ':' and no ','", kMaxGroup)};
  }
  return name;
}

Problems read_ages(const Node& node, std::vector<Duration>& value) {
  if (node.type != Node::Type::Array) {
    return {{node.place, type_error("an array of durations", node)}};
  }
  Problems problems = check_count(node, {"ages", 1, kMaxAges});
  if (!problems.empty()) return problems;
  std::vector<Duration> ages;
  for (const Node& item : node.children) {
    const auto age = read_duration(item, 1s, 24h);
    if (!age) {
      problems.push_back({item.place, age.error().message});
      continue;
    }
    if (!ages.empty() && *age <= ages.back()) {
      problems.push_back(
          {item.place, fmt::format("ages must rise: {} follows {}", to_config_text(*age),
                                   to_config_text(ages.back()))});
    }
    ages.push_back(*age);
  }
  if (problems.empty()) value = std::move(ages);
  return problems;
}

Problems read_idle_watch(const Node& node, IdleWatch& value) {
  static constexpr std::string_view kWhat = R"({ ages = […] }, "keepalive" or "off")";
  static constexpr std::array<std::string_view, 1> kKeys{"ages"};
  if (node.type == Node::Type::String) {
    if (node.text != "off" && node.text != "keepalive") {
      return {{node.place, fmt::format("expected {}, found {}", kWhat, shown(node.text))}};
    }
    value = {node.text == "off" ? IdleWatch::Mode::Off : IdleWatch::Mode::Keepalive, {}};
    return {};
  }
  if (node.type != Node::Type::Table) return {{node.place, type_error(kWhat, node)}};
  Problems problems;
  for (const Node& child : node.children) {
    if (child.key == "ages") continue;
    problems.push_back({child.key_place, unknown_key(child.key, kKeys, "idle_watch")});
  }
  const Node* ages = node.find("ages");
  if (!ages) {
    problems.push_back({node.place, fmt::format("expected {}, found no ages", kWhat)});
    return problems;
  }
  IdleWatch read{IdleWatch::Mode::Ages, {}};
  for (Problem& problem : read_ages(*ages, read.ages)) problems.push_back(std::move(problem));
  if (problems.empty()) value = std::move(read);
  return problems;
}

std::string show_idle_watch(const IdleWatch& value) {
  switch (value.mode) {
    case IdleWatch::Mode::Off: return quote("off");
    case IdleWatch::Mode::Keepalive: return quote("keepalive");
    case IdleWatch::Mode::Ages: break;
  }
  std::vector<std::string> ages;
  for (const Duration age : value.ages) ages.push_back(quote(to_config_text(age)));
  return fmt::format("{{ ages = {} }}", toml_array(ages));
}

constexpr auto kSecretKinds = enum_names<SecretSource::Kind>("file", "credential");

Problems read_secret_source(const Node& node, std::optional<SecretSource>& value) {
  static constexpr std::string_view kWhat = R"({ file = "/path" } or { credential = "name" })";
  if (node.type != Node::Type::Table) return {{node.place, type_error(kWhat, node)}};
  Problems problems;
  std::optional<SecretSource> source;
  for (const Node& child : node.children) {
    const auto kind = kSecretKinds.find(child.key);
    if (!kind) {
      problems.push_back({child.key_place, unknown_key(child.key, kSecretKinds.names, "password")});
      continue;
    }
    if (source) {
      problems.push_back({child.key_place, "file and credential cannot be used together"});
      continue;
    }
    auto name = *kind == SecretSource::Kind::File ? read_absolute_path(child, kMaxPath)
                                                  : read_credential_name(child);
    if (!name) problems.push_back({child.place, name.error().message});
    source = SecretSource{*kind, name ? std::move(*name) : ""};
  }
  if (problems.empty() && !source) {
    problems.push_back({node.place, fmt::format("expected {}, found an empty table", kWhat)});
  }
  if (problems.empty()) value = std::move(source);
  return problems;
}

std::string show_secret_source(const std::optional<SecretSource>& value) {
  if (!value) return {};
  return fmt::format("{{ {} = {} }}", kSecretKinds[value->kind], quote(value->name));
}

}  // namespace

std::string shown(std::string_view text) { return "'" + printable(text, 60) + "'"; }

bool only(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [also](char c) {
    return is_alphanumeric(c) || also.find(c) != std::string_view::npos;
  });
}

std::string toml_array(const std::vector<std::string>& items) {
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string show_text(const std::string& value) { return value.empty() ? "" : quote(value); }

Result<std::string> read_text(const Node& node, std::string_view what) {
  if (node.type != Node::Type::String) return Error{type_error(what, node)};
  // No name, path or address has them, and C's strings end at a NUL.
  if (std::any_of(node.text.begin(), node.text.end(), is_control)) {
    return Error{fmt::format("expected {}, found control characters", what)};
  }
  return node.text;
}

Problems check_count(const Node& node, const ArrayOf& shape) {
  if (node.type != Node::Type::Array) {
    return {{node.place, type_error(fmt::format("an array of {}", shape.items), node)}};
  }
  const std::size_t count = node.children.size();
  if (count >= shape.min && count <= shape.max) return {};
  return {{node.place, fmt::format("{} {} are out of range: {} to {}", count, shape.items,
                                   shape.min, shape.max)}};
}

Codec duration(Duration& value, Duration min, Duration max) {
  return codec(
      value, [min, max](const Node& node) { return read_duration(node, min, max); },
      [](Duration d) { return quote(to_config_text(d)); });
}

Codec whole_seconds(Duration& value, Duration min, Duration max) {
  return codec(
      value,
      [min, max](const Node& node) -> Result<Duration> {
        auto read = read_duration(node, min, max);
        if (read && *read % 1s != 0s) {
          return Error{fmt::format("{} is not a whole number of seconds", shown(node.text))};
        }
        return read;
      },
      [](Duration d) { return quote(to_config_text(d)); });
}

Codec integer(int& value, int min, int max) {
  return codec(
      value, [min, max](const Node& node) { return read_integer(node, min, max); },
      [](int i) { return std::to_string(i); });
}

Codec boolean(bool& value) {
  return codec(
      value,
      [](const Node& node) -> Result<bool> {
        if (node.type != Node::Type::Boolean) return Error{type_error("true or false", node)};
        return node.boolean;
      },
      [](bool b) { return b ? "true" : "false"; });
}

Codec absolute_path(std::string& value, std::size_t max) {
  return codec(
      value, [max](const Node& node) { return read_absolute_path(node, max); }, show_text);
}

Codec listen_address(std::string& value) { return codec(value, read_listen_address, quote); }

Codec group_names(std::vector<std::string>& value) {
  return array_codec(
      value, {"group names"}, [](const Node& item, const auto&) { return read_group_name(item); },
      quote);
}

Codec ports(std::vector<std::uint16_t>& value, std::size_t max) {
  Codec out = array_codec(
      value, {"ports", 1, max},
      [](const Node& item, const auto&) -> Result<std::uint16_t> {
        const auto port = read_integer(item, 1, kMaxPort);
        if (!port) return port.error();
        return static_cast<std::uint16_t>(*port);
      },
      [](std::uint16_t port) { return std::to_string(port); });
  // Not set rather than "[]".
  return {out.read, [&value, show = out.show] { return value.empty() ? "" : show(); }};
}

Codec idle_watch(IdleWatch& value) {
  return {[&value](const Node& node) { return read_idle_watch(node, value); },
          [&value] { return show_idle_watch(value); }};
}

Codec name(std::string& value) {
  return codec(
      value,
      [](const Node& node) -> Result<std::string> {
        auto name = read_text(node, "a name");
        if (!name) return name;
        if (name->empty() || name->size() > kMaxName || !only(*name, "_.:-")) {
          return Error{fmt::format("{} is not a name: 1 to {} of A-Z a-z 0-9 _ . : -", shown(*name),
                                   kMaxName)};
        }
        return name;
      },
      quote);
}

Codec endpoint_url(Url& value) {
  return codec(
      value,
      [](const Node& node) -> Result<Url> {
        if (node.type != Node::Type::String) return Error{type_error("a URL", node)};
        return parse_url(node.text);
      },
      [](const Url& url) { return quote(url.to_string()); });
}

Result<std::size_t> read_choice(const Node& node, std::span<const std::string_view> names) {
  const std::string what = fmt::format("\"{}\"", fmt::join(names, "\", \""));
  const auto text = read_text(node, what);
  if (!text) return text.error();
  const auto it = std::find(names.begin(), names.end(), *text);
  if (it != names.end()) return static_cast<std::size_t>(it - names.begin());
  const auto near = nearest(*text, names);
  return Error{fmt::format("expected one of {}, found {}{}", what, shown(*text),
                           near ? fmt::format("; did you mean '{}'?", *near) : "")};
}

Codec secret_source(std::optional<SecretSource>& value) {
  return {[&value](const Node& node) { return read_secret_source(node, value); },
          [&value] { return show_secret_source(value); }};
}

Codec server_name(std::string& value) {
  return codec(
      value,
      [](const Node& node) -> Result<std::string> {
        auto name = read_text(node, "a host name");
        if (!name || is_host(*name) || Address::parse(*name, 0)) return name;
        return Error{fmt::format("{} is neither a host name nor an IP address", shown(*name))};
      },
      show_text);
}

Codec user_name(std::string& value) {
  return codec(
      value,
      [](const Node& node) -> Result<std::string> {
        auto name = read_text(node, "a user's name");
        if (!name) return name;
        const bool printable =
            std::all_of(name->begin(), name->end(), [](char c) { return c > ' ' && c <= '~'; });
        if (name->empty() || name->size() > kMaxUser || !printable) {
          return Error{fmt::format(
              "a user's name has 1 to {} printable ASCII characters and no spaces", kMaxUser)};
        }
        return name;
      },
      show_text);
}

Result<std::int64_t> read_sysctl_value(const Node& node) {
  if (node.type != Node::Type::Integer) return Error{type_error("an integer", node)};
  if (node.integer < 0) {
    return Error{fmt::format("{} is out of range: 0 to {}", node.integer,
                             std::numeric_limits<std::int64_t>::max())};
  }
  return node.integer;
}

Result<std::string> dotted_sysctl_key(std::string_view key) {
  std::string dotted(key.substr(0, kMaxSysctlKey + 1));
  const std::size_t first = dotted.find_first_of("./");
  if (first != std::string::npos && dotted[first] == '/') {
    for (char& c : dotted) c = c == '/' ? '.' : c == '.' ? '/' : c;
  }
  // No part may be "." or ".." as a file's name below /proc/sys, where '/' stands for a dot.
  const auto parts = split(dotted, '.');
  const bool fine = parts.size() > 1 && dotted.size() <= kMaxSysctlKey && only(dotted, "_-:@./") &&
                    std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
                      return part.empty() || part == "/" || part == "//";
                    });
  if (!fine) {
    return Error{
        fmt::format("{} is not a sysctl's key, such as \"net.ipv4.tcp_retries2\"", shown(key))};
  }
  return dotted;
}

std::string type_error(std::string_view what, const Node& found) {
  return fmt::format("expected {}, found {}", what, describe_type(found));
}

std::string unknown_key(std::string_view key, std::span<const std::string_view> known,
                        std::string_view table) {
  if (const auto near = nearest(key, known)) {
    return fmt::format("unknown key {}; did you mean '{}'?", shown(key), *near);
  }
  return fmt::format("unknown key {} in {}", shown(key), table);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace relinkd::config
