// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "config/load.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/output.hpp"
#include "watch/one_shot.hpp"

namespace relinkd::relinkctl {

namespace {

/// Middleboxes that cut idle connections, with the age at which they do by default.
constexpr const char* kIdleLimits =
    "AWS NLB, NAT gateway and Network Firewall after 350 s, Azure load balancers after 4 min, "
    "Google Cloud after 10 min";

Result<config::Endpoint> endpoint_of(const CheckOptions& options) {
  auto url = config::parse_url(options.url);
  if (!url) return url.error();
  if (url->has_seeds()) {
    return Error{
        "check looks at one server: give the redis://, rediss:// or unix:// URL of a node; "
        "`relinkctl status` shows what a running relinkd has learnt from Sentinels and clusters"};
  }
  config::Endpoint e;
  e.url = std::move(*url);
  e.name = e.url.host_port();
  if (options.expect == "replica") e.expect = config::Expect::Replica;
  if (options.expect == "any") e.expect = config::Expect::Any;
  if (!options.password_file.empty()) {
    e.password = config::SecretSource{config::SecretSource::Kind::File, options.password_file};
  }
  e.tls.ca_file = options.ca_file;
  e.tls.cert_file = options.cert_file;
  e.tls.key_file = options.key_file;
  e.tls.server_name = options.server_name;
  e.tls.verify = options.verify;
  return e;
}

std::string role_text(const watch::OneShot& look) {
  if (!look.role) return "not told (ROLE and INFO are refused)";
  switch (look.role->role) {
    case resp::Role::Primary: return "primary";
    case resp::Role::Replica:
      return fmt::format("replica of {}:{}{}", look.role->primary_host, look.role->primary_port,
                         look.role->link_up ? "" : ", the link to it is down");
    case resp::Role::Sentinel: return "sentinel";
  }
  return {};
}

/// What the person at the keyboard should know or do.
std::vector<std::string> advice(const config::Endpoint& e, const watch::OneShot& look) {
  std::vector<std::string> lines;
  if (look.server_timeout && *look.server_timeout > Duration::zero()) {
    lines.push_back(fmt::format(
        "the server closes clients that are idle for {} (its `timeout`): pools must retire "
        "connections before that age, or retry once on a closed one",
        to_text(*look.server_timeout)));
  } else if (core::is_up(look.condition) && e.url.scheme != config::Url::Scheme::Unix) {
    lines.push_back(fmt::format("the server itself closes no idle clients{}; on the way, {} may",
                                look.server_timeout ? "" : ", as far as it lets itself be asked",
                                kIdleLimits));
  }
  if (look.certificate_expiry) {
    lines.push_back(
        fmt::format("the certificate ends at {}", to_iso8601(*look.certificate_expiry)));
  }
  if (!e.tls.verify && e.uses_tls()) {
    lines.emplace_back("the certificate was not verified (--no-verify)");
  }
  if (!core::is_up(look.condition)) {
    lines.push_back(fmt::format("relinkctl explain {} says what this means and what to do",
                                core::to_string(look.condition)));
  }
  return lines;
}

nlohmann::json seconds(const std::optional<Duration>& d) {
  return d ? nlohmann::json(to_seconds(*d)) : nlohmann::json();
}

void print_json(const config::Endpoint& e, const watch::OneShot& look) {
  nlohmann::json j;
  j["url"] = e.url.to_string();
  j["condition"] = core::to_string(look.condition);
  j["detail"] = look.detail;
  j["address"] = look.address ? nlohmann::json(look.address->to_string()) : nlohmann::json();
  j["addresses"] = nlohmann::json::array();
  for (const Address& a : look.addresses) j["addresses"].push_back(a.to_string());
  j["role"] = !look.role                               ? "unknown"
              : look.role->role == resp::Role::Replica ? "replica"
              : look.role->role == resp::Role::Primary ? "primary"
                                                       : "sentinel";
  j["server_version"] = look.facts.version.value_or("");
  j["connect_seconds"] = seconds(look.connect_time);
  j["ping_seconds"] = seconds(look.ping_time);
  j["server_timeout_seconds"] = seconds(look.server_timeout);
  j["certificate_expiry"] = look.certificate_expiry
                                ? nlohmann::json(to_iso8601(*look.certificate_expiry))
                                : nlohmann::json();
  j["advice"] = advice(e, look);
  // Text of the server may hold any bytes.
  std::printf("%s\n", j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void print_text(const config::Endpoint& e, const watch::OneShot& look) {
  const Screen s = screen();
  const auto line = [](const char* what, const std::string& text) {
    std::printf("%-12s %s\n", what, clean(text).c_str());
  };
  const std::string condition(core::to_string(look.condition));
  std::printf("%s %s: %s\n", e.url.to_string().c_str(),
              coloured(condition, condition_colour(condition), s).c_str(),
              clean(look.detail).c_str());
  if (look.address) line("address", look.address->to_string());
  if (look.connect_time) line("connected in", to_text(*look.connect_time));
  if (look.ping_time) line("role", role_text(look));
  if (look.facts.version) line("version", *look.facts.version);
  for (const std::string& a : advice(e, look)) {
    bool first = true;
    for (const std::string& part : wrap(a, s.width == 0 ? 0 : s.width - 13, 0)) {
      line(std::exchange(first, false) ? "note" : "", part);
    }
  }
}

}  // namespace

int run_check(const CheckOptions& options) {
  const auto endpoint = endpoint_of(options);
  if (!endpoint) {
    complain(endpoint.error().message);
    return kPluginUnknown;
  }
  const auto look = watch::look_once(*endpoint, options.timeout);
  if (!look) {
    complain(look.error().message);
    return kPluginUnknown;
  }
  if (options.json) {
    print_json(*endpoint, *look);
  } else {
    print_text(*endpoint, *look);
  }
  if (look->condition == core::Condition::Ok) return kPluginOk;
  return look->condition == core::Condition::Slow ? kPluginWarning : kPluginCritical;
}

}  // namespace relinkd::relinkctl
