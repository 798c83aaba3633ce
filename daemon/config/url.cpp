// SPDX-License-Identifier: Apache-2.0
#include "config/url.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/address.hpp"
#include "base/enum_names.hpp"
#include "base/text.hpp"
#include "config/load.hpp"

// No message here quotes any part of a URL but its scheme: wherever an '@' or a ':' is missing,
// what stands in the place of a host or port may be a password.

namespace relinkd::config {

namespace {

constexpr auto kSchemes = enum_names<Url::Scheme>("redis", "rediss", "unix");

constexpr std::size_t kMaxUrl = 1024;
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

Result<Url::Scheme> parse_scheme(std::string_view text) {
  if (const auto scheme = kSchemes.find(text)) return *scheme;
  if (text == "redis-sentinel" || text == "redis-cluster") {
    return Error{fmt::format("{}:// URLs are not supported by this version of relinkd", text)};
  }
  const bool is_scheme = text.size() <= 20 && std::all_of(text.begin(), text.end(), [](char c) {
                           return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                         });
  if (!is_scheme || text.empty()) return Error{"a URL starts with redis://, rediss:// or unix://"};
  if (const auto near = nearest(text, kSchemes.names)) {
    return Error{fmt::format("unknown scheme '{}'; did you mean '{}'?", text, *near)};
  }
  return Error{fmt::format("unknown scheme '{}'; relinkd knows redis, rediss and unix", text)};
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

/// "host", "host:port", "[v6]" or "[v6]:port" into host and port of `url`.
Result<void> parse_host_port(std::string_view text, Url& url) {
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return Error{"the ']' of the IPv6 address is missing"};
    const std::string_view literal = text.substr(1, end - 1);
    const auto address = Address::parse(literal, 0);
    if (!address || literal.find(':') == std::string_view::npos) {
      return Error{"what stands in brackets must be an IPv6 address (scope ids are not supported)"};
    }
    url.host = address->host();
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
    url.host = text.substr(0, colon);
    if (url.host.empty()) return Error{"the URL has no host"};
    if (!is_host(url.host)) return Error{"the host is neither a host name nor an IP address"};
  }
  if (!port) return {};
  const auto number = parse_port(*port);
  if (!number) return number.error();
  url.port = *number;
  return {};
}

Result<Url> parse_tcp(Url::Scheme scheme, std::string_view rest) {
  Url url;
  url.scheme = scheme;
  // The last '@', wherever it is: a password may hold any character.
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    if (rest.substr(0, at).find(':') != std::string_view::npos) return password_error();
    auto user = parse_user(rest.substr(0, at));
    if (!user) return user.error();
    url.user = std::move(*user);
    rest.remove_prefix(at + 1);
  }
  if (const auto fine = check_characters(rest); !fine) return fine.error();
  const std::size_t end = rest.find_first_of("/?#");
  if (end != std::string_view::npos) {
    static constexpr std::array<std::string_view, 3> kParts{"path", "query", "fragment"};
    const std::string_view part = kParts[std::string_view("/?#").find(rest[end])];
    return Error{fmt::format(
        "the URL has a {} ('{}' and what follows); relinkd selects no database, so it ends with "
        "the port",
        part, rest[end])};
  }
  if (const auto done = parse_host_port(rest, url); !done) return done.error();
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

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrl) {
    return Error{
        fmt::format("the URL has {} bytes; at most {} are possible", text.size(), kMaxUrl)};
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return Error{"a URL starts with redis://, rediss:// or unix://"};
  }
  const auto scheme = parse_scheme(text.substr(0, colon));
  if (!scheme) return scheme.error();
  const std::string_view rest = text.substr(colon + 3);
  auto url = *scheme == Url::Scheme::Unix ? parse_unix(rest) : parse_tcp(*scheme, rest);
  return url;
}

std::string Url::to_string() const {
  const std::string who = user.empty() ? "" : percent_encode(user) + "@";
  const std::string where = scheme == Scheme::Unix ? percent_encode(path, "/@:+=,") : host_port();
  return fmt::format("{}://{}{}", kSchemes[scheme], who, where);
}

std::string Url::host_port() const {
  if (scheme == Scheme::Unix) return path;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace relinkd::config
