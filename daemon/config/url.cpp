// SPDX-License-Identifier: Apache-2.0
#include "config/url.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/address.hpp"
#include "base/enum_names.hpp"
#include "base/text.hpp"
#include "config/load.hpp"

// No message here quotes any part of a URL but its scheme: wherever an '@' or a ':' is missing,
// what stands in the place of a host or port may be a password.

namespace relinkd::config {

namespace {

constexpr auto kSchemes =
    enum_names<Url::Scheme>("redis", "rediss", "unix", "redis-sentinel", "redis-cluster");

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;

constexpr std::size_t kMaxUrl = 1024;
constexpr std::size_t kMaxSeedsUrl = 8192;  // room for the most seeds, with long names
constexpr std::size_t kMaxPrimaryName = 255;
constexpr std::size_t kMaxHost = 253;  // RFC 1035 2.3.4, without the dot at the end
constexpr std::size_t kMaxLabel = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '-' || c == '_';
         });
}

std::optional<int> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// Not said before it is known that the URL holds no password.
Result<void> check_characters(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; })) return {};
  return Error{"a URL has no spaces, control or non-ASCII characters; write a space as %20"};
}

/// RFC 3986 2.1. What comes out is shown in log lines and status, so it must be printable ASCII.
Result<std::string> percent_decode(std::string_view text, std::string_view what) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low) {
        return Error{fmt::format("bad escape in the {}: '%' needs two hexadecimal digits", what)};
      }
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if (c < ' ' || c > '~') {
      return Error{fmt::format("the {} may hold printable ASCII characters only", what)};
    }
    out += c;
  }
  return out;
}

/// The inverse, for text that percent_decode() let through.
std::string percent_encode(std::string_view text, std::string_view also_kept = {}) {
  static constexpr std::string_view kUnreserved = "-._~";  // RFC 3986 2.3, with letters and digits
  std::string out;
  for (const char c : text) {
    const bool keep = is_letter(c) || is_digit(c) ||
                      kUnreserved.find(c) != std::string_view::npos ||
                      also_kept.find(c) != std::string_view::npos;
    out += keep ? std::string(1, c) : fmt::format("%{:02X}", static_cast<int>(c));
  }
  return out;
}

Error password_error() {
  return Error{
      "the URL holds a password; give it as password = { file = \"/path\" } or "
      "password = { credential = \"name\" } in an [[endpoint]] instead"};
}

Error start_error() {
  return Error{fmt::format("a URL starts with {}://", fmt::join(kSchemes.names, "://, "))};
}

Result<Url::Scheme> parse_scheme(std::string_view text) {
  if (const auto scheme = kSchemes.find(text)) return *scheme;
  const bool is_scheme = text.size() <= 20 && std::all_of(text.begin(), text.end(), [](char c) {
                           return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                         });
  if (!is_scheme || text.empty()) return start_error();
  if (const auto near = nearest(text, kSchemes.names)) {
    return Error{fmt::format("unknown scheme '{}'; did you mean '{}'?", text, *near)};
  }
  return Error{
      fmt::format("unknown scheme '{}'; relinkd knows {}", text, fmt::join(kSchemes.names, ", "))};
}

Result<std::string> parse_user(std::string_view text) {
  if (text.empty()) return Error{"the user before the '@' is empty"};
  if (const auto fine = check_characters(text); !fine) return fine.error();
  auto user = percent_decode(text, "user");
  if (user && user->find(' ') != std::string::npos) return Error{"a user's name has no spaces"};
  return user;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_u64(text);
  if (!port || *port < 1 || *port > 65535) {
    return Error{"the port must be a number from 1 to 65535"};
  }
  return static_cast<std::uint16_t>(*port);
}

/// "host", "host:port", "[v6]" or "[v6]:port".
Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  HostPort where{{}, default_port};
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return Error{"the ']' of the IPv6 address is missing"};
    const std::string_view literal = text.substr(1, end - 1);
    const auto address = Address::parse(literal, 0);
    if (!address || literal.find(':') == std::string_view::npos) {
      return Error{"what stands in brackets must be an IPv6 address (scope ids are not supported)"};
    }
    where.host = address->host();
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) {
      return Error{"only a port may follow the ']' of the IPv6 address"};
    }
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    if (colon != text.rfind(':')) {
      return Error{"more than one ':' in host and port; an IPv6 address is written in brackets"};
    }
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    where.host = text.substr(0, colon);
    if (where.host.empty()) return Error{"the host is missing"};
    if (!is_host(where.host)) return Error{"the host is neither a host name nor an IP address"};
  }
  if (!port) return where;
  const auto number = parse_port(*port);
  if (!number) return number.error();
  where.port = *number;
  return where;
}

/// Takes the user off the front of `rest`.
Result<void> take_user(std::string_view& rest, Url& url) {
  // The last '@', wherever it is: a password may hold any character.
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    if (rest.substr(0, at).find(':') != std::string_view::npos) return password_error();
    auto user = parse_user(rest.substr(0, at));
    if (!user) return user.error();
    url.user = std::move(*user);
    rest.remove_prefix(at + 1);
  }
  return check_characters(rest);
}

/// None of the characters `parts` may stand in `text`; `end` says how it ends instead.
Result<void> check_tail(std::string_view text, std::string_view parts, std::string_view end) {
  static constexpr std::array<std::string_view, 3> kParts{"path", "query", "fragment"};
  const std::size_t at = text.find_first_of(parts);
  if (at == std::string_view::npos) return {};
  return Error{
      fmt::format("the URL has a {} ('{}' and what follows); relinkd selects no database, so {}",
                  kParts[std::string_view("/?#").find(text[at])], text[at], end)};
}

Result<Url> parse_tcp(Url::Scheme scheme, std::string_view rest) {
  Url url;
  url.scheme = scheme;
  if (const auto fine = take_user(rest, url); !fine) return fine.error();
  if (const auto fine = check_tail(rest, "/?#", "it ends with the port"); !fine) {
    return fine.error();
  }
  auto where = parse_host_port(rest, kRedisPort);
  if (!where) return where.error();
  url.host = std::move(where->host);
  url.port = where->port;
  return url;
}

/// Names that differ in case only lead to the same host.
bool same_server(const HostPort& a, const HostPort& b) {
  return a.port == b.port && lower_case(a.host) == lower_case(b.host);
}

Result<std::vector<HostPort>> parse_seeds(std::string_view text, std::uint16_t default_port) {
  const auto pieces = split(text, ',');
  if (pieces.size() > kMaxSeeds) {
    return Error{
        fmt::format("the URL has {} hosts; at most {} are possible", pieces.size(), kMaxSeeds)};
  }
  std::vector<HostPort> seeds;
  for (const std::string_view piece : pieces) {
    auto where = parse_host_port(piece, default_port);
    if (!where) {
      if (pieces.size() == 1) return where.error();
      return Error{
          fmt::format("host {} of {}: {}", seeds.size() + 1, pieces.size(), where.error().message)};
    }
    const auto first = std::find_if(seeds.begin(), seeds.end(), [&](const HostPort& seed) {
      return same_server(seed, *where);
    });
    if (first != seeds.end()) {
      return Error{fmt::format("host {} of {} is the same as host {}", seeds.size() + 1,
                               pieces.size(), first - seeds.begin() + 1)};
    }
    seeds.push_back(std::move(*where));
  }
  return seeds;
}

Result<std::string> parse_primary_name(std::string_view text) {
  auto name = percent_decode(text, "primary's name");
  if (name &&
      (name->empty() || name->size() > kMaxPrimaryName || name->find(' ') != std::string::npos)) {
    return Error{
        fmt::format("the primary's name has 1 to {} characters and no spaces", kMaxPrimaryName)};
  }
  return name;
}

Result<Url> parse_sentinel(std::string_view rest) {
  Url url;
  url.scheme = Url::Scheme::Sentinel;
  url.port = 0;
  if (const auto fine = take_user(rest, url); !fine) return fine.error();
  const std::size_t hash = rest.find('#');
  const std::string_view hosts = rest.substr(0, hash);
  const auto tail = check_tail(hosts, "/?", "only '#' and the primary's name follow the hosts");
  if (!tail) return tail.error();
  if (hash == std::string_view::npos) {
    return Error{
        "the primary's name is missing; it follows the hosts: redis-sentinel://HOSTS#NAME"};
  }
  auto name = parse_primary_name(rest.substr(hash + 1));
  if (!name) return name.error();
  url.primary_name = std::move(*name);
  auto seeds = parse_seeds(hosts, kSentinelPort);
  if (!seeds) return seeds.error();
  url.seeds = std::move(*seeds);
  return url;
}

Result<Url> parse_cluster(std::string_view rest) {
  Url url;
  url.scheme = Url::Scheme::Cluster;
  url.port = 0;
  if (const auto fine = take_user(rest, url); !fine) return fine.error();
  if (const auto fine = check_tail(rest, "/?#", "it ends with the port"); !fine) {
    return fine.error();
  }
  auto seeds = parse_seeds(rest, kRedisPort);
  if (!seeds) return seeds.error();
  url.seeds = std::move(*seeds);
  return url;
}

Result<Url> parse_unix(std::string_view rest) {
  Url url;
  url.scheme = Url::Scheme::Unix;
  url.port = 0;
  if (!rest.starts_with('/')) {
    const std::size_t at = rest.find("@/");
    const std::string_view before = rest.substr(0, at);
    if (before.find(':') != std::string_view::npos) return password_error();
    if (at == std::string_view::npos) {
      return Error{"unix:// takes an absolute path and no host: unix:///path or unix://user@/path"};
    }
    auto user = parse_user(before);
    if (!user) return user.error();
    url.user = std::move(*user);
    rest.remove_prefix(at + 1);
  }
  if (const auto fine = check_characters(rest); !fine) return fine.error();
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return Error{
        "the URL has a query or fragment; in a socket's path write '?' as %3F, '#' as %23"};
  }
  auto path = percent_decode(rest, "path");
  if (!path) return path.error();
  if (path->ends_with('/')) return Error{"the path names a directory, not a socket"};
  if (path->size() > kMaxSocketPath) {
    return Error{fmt::format("the socket's path has {} bytes; at most {} are possible",
                             path->size(), kMaxSocketPath)};
  }
  url.path = std::move(*path);
  return url;
}

}  // namespace

bool is_host(std::string_view text) {
  const bool is_absolute = text.ends_with('.');
  if (is_absolute) text.remove_suffix(1);
  if (text.size() > kMaxHost) return false;
  const auto labels = split(text, '.');
  if (!std::all_of(labels.begin(), labels.end(), is_label)) return false;
  const std::string_view last = labels.back();
  const bool is_number = std::all_of(last.begin(), last.end(), is_digit);
  return !is_number || (!is_absolute && Address::parse(text, 0).has_value());
}

bool announces_maintenance(const Url& url) {
  static constexpr std::array<std::string_view, 3> kDomains{".redis.cache.windows.net",
                                                            ".redis.cache.chinacloudapi.cn",
                                                            ".redis.cache.usgovcloudapi.net"};
  const auto is_of_azure = [](std::string host) {
    host = lower_case(host);
    if (host.ends_with('.')) host.pop_back();
    return std::any_of(kDomains.begin(), kDomains.end(),
                       [&](std::string_view domain) { return host.ends_with(domain); });
  };
  return is_of_azure(url.host) ||
         std::any_of(url.seeds.begin(), url.seeds.end(),
                     [&](const HostPort& s) { return is_of_azure(s.host); });
}

std::vector<std::uint16_t> default_node_ports(const Url& url) {
  switch (url.scheme) {
    case Url::Scheme::Redis:
    case Url::Scheme::Rediss: return {url.port};
    case Url::Scheme::Unix: return {};
    case Url::Scheme::Sentinel: return {kRedisPort};
    case Url::Scheme::Cluster: break;
  }
  std::vector<std::uint16_t> ports;
  for (const HostPort& seed : url.seeds) {
    if (std::find(ports.begin(), ports.end(), seed.port) == ports.end()) ports.push_back(seed.port);
  }
  return ports;
}

Result<Url> parse_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return start_error();
  const auto scheme = parse_scheme(text.substr(0, colon));
  if (!scheme) return scheme.error();
  const bool has_seeds = *scheme == Url::Scheme::Sentinel || *scheme == Url::Scheme::Cluster;
  const std::size_t max = has_seeds ? kMaxSeedsUrl : kMaxUrl;
  if (text.size() > max) {
    return Error{fmt::format("the URL has {} bytes; at most {} are possible", text.size(), max)};
  }
  const std::string_view rest = text.substr(colon + 3);
  switch (*scheme) {
    case Url::Scheme::Unix: return parse_unix(rest);
    case Url::Scheme::Sentinel: return parse_sentinel(rest);
    case Url::Scheme::Cluster: return parse_cluster(rest);
    case Url::Scheme::Redis:
    case Url::Scheme::Rediss: break;
  }
  return parse_tcp(*scheme, rest);
}

std::string Url::to_string() const {
  std::string out = fmt::format("{}://", kSchemes[scheme]);
  if (!user.empty()) out += percent_encode(user) + "@";
  if (scheme == Scheme::Unix) return out + percent_encode(path, "/@:+=,");
  if (!has_seeds()) return out + host_port();
  for (std::size_t i = 0; i < seeds.size(); ++i) out += (i == 0 ? "" : ",") + seeds[i].to_string();
  if (scheme == Scheme::Sentinel) out += "#" + percent_encode(primary_name, "/:+=,");
  return out;
}

std::string Url::host_port() const {
  switch (scheme) {
    case Scheme::Unix: return path;
    case Scheme::Sentinel: return fmt::format("{}#{}", seeds.front().to_string(), primary_name);
    case Scheme::Cluster: return seeds.front().to_string();
    case Scheme::Redis:
    case Scheme::Rediss: break;
  }
  return HostPort{host, port}.to_string();
}

}  // namespace relinkd::config
