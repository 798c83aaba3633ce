// SPDX-License-Identifier: Apache-2.0
#include "config/rules.hpp"

#include <map>
#include <string>
#include <tuple>

#include <fmt/format.h>

#include "base/address.hpp"
#include "base/text.hpp"

namespace relinkd::config {

namespace {

/// Of a valid metrics.listen: whether other hosts may reach it.
bool leaves_the_host(std::string_view listen) {
  std::string_view host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto address = Address::parse(host, 0);
  if (!address) return false;  // the port is off
  if (address->family() == Address::Family::IPv4) return address->bytes()[0] != 127;
  return address != Address::parse("::1", 0);
}

}  // namespace

void check_names(std::string_view what, const std::vector<Naming>& names, Findings& findings) {
  std::map<std::string_view, FilePlace> seen;
  for (const auto& [name, at] : names) {
    const auto [first, is_new] = seen.emplace(name, at);
    if (is_new) continue;
    findings.add(at, fmt::format("{} name '{}' is already used at {}", what, printable(name),
                                 findings.name(first->second)));
  }
}

const Mark* name_mark(const Draft& draft) {
  const Mark* name = find_mark(draft.marks, "endpoint.name");
  return name ? name : find_mark(draft.marks, "endpoint.url");
}

/// A key of [watch] or of an endpoint, its value in force, and where that was given.
struct Rules::Operand {
  std::string_view key;
  Duration value;
  const Mark* mark = nullptr;  // null: the default
  bool is_endpoints = false;   // given in the endpoint itself
};

void Rules::check_metrics(const Metrics& metrics) {
  // What is missing may be in the file that could not be read.
  if (!all_read_) return;
  const Mark* tls = find_mark(marks_, "metrics.tls");
  check_key_pair(marks_, "metrics.tls");
  if (tls && tls->is_valid && !find_mark(marks_, "metrics.tls.cert_file") &&
      !find_mark(marks_, "metrics.tls.key_file")) {
    findings_.add(tls->at, "metrics.tls: needs cert_file and key_file");
  }
  const Mark* users = find_mark(marks_, "metrics.users_file");
  const Mark* listen = find_mark(marks_, "metrics.listen");
  if (users && !tls && listen && listen->is_valid && leaves_the_host(metrics.listen)) {
    findings_.add(users->at,
                  "metrics.users_file: passwords would cross the network in clear; give "
                  "metrics.tls as well, or listen on 127.0.0.1 or [::1]");
  }
}

void Rules::check_watch(const Watch& watch) { check_orders(watch, nullptr); }

void Rules::check_endpoint(const Draft& draft) {
  check_url(draft);
  check_tls(draft);
  check_sentinel(draft);
  check_orders(draft.endpoint.watch, &draft.marks);
}

void Rules::check_names(const std::vector<Draft>& drafts) {
  std::vector<Naming> names;
  for (const Draft& draft : drafts) {
    const Mark* mark = name_mark(draft);
    if (mark && mark->is_valid) names.push_back({draft.endpoint.name, mark->at});
  }
  config::check_names("endpoint", names, findings_);
}

/// What makes sense for some URLs only.
void Rules::check_url(const Draft& draft) {
  if (!is_valid(draft.marks, "endpoint.url")) return;
  const Url::Scheme scheme = draft.endpoint.url.scheme;
  const Mark* ports = find_mark(draft.marks, "endpoint.node_ports");
  if (ports && scheme == Url::Scheme::Unix) {
    findings_.add(ports->at, "endpoint.node_ports: a unix:// URL has no ports");
  }
  const Mark* relink = find_mark(draft.marks, "endpoint.cluster_relink");
  if (relink && scheme != Url::Scheme::Cluster) {
    findings_.add(relink->at,
                  "endpoint.cluster_relink: the URL names no cluster; use redis-cluster://");
  }
}

void Rules::check_orders(const Watch& watch, const Marks* endpoint_marks) {
  const auto check = [&](std::string_view low_key, Duration low, std::string_view high_key,
                         Duration high, bool may_be_equal) {
    const Operand a = operand(low_key, low, endpoint_marks);
    const Operand b = operand(high_key, high, endpoint_marks);
    // What an endpoint inherits unchanged was checked in [watch].
    if (endpoint_marks && !a.is_endpoints && !b.is_endpoints) return;
    check_order(a, b, may_be_equal);
  };
  check("backoff.initial", watch.backoff.initial, "backoff.max", watch.backoff.max, true);
  check("slow_threshold", watch.slow_threshold, "command_timeout", watch.command_timeout, false);
}

void Rules::check_order(const Operand& low, const Operand& high, bool may_be_equal) {
  if (low.value < high.value || (may_be_equal && low.value == high.value)) return;
  const auto is_certain = [this](const Operand& operand) {
    return operand.mark ? operand.mark->is_valid : all_read_;
  };
  if (!is_certain(low) || !is_certain(high)) return;

  const auto age = [](const Operand& operand) {
    return std::tuple(operand.is_endpoints, operand.mark != nullptr,
                      operand.mark ? operand.mark->at : FilePlace{});
  };
  if (age(high) < age(low)) {
    blame(low, may_be_equal ? "at most" : "below", high);
  } else {
    blame(high, may_be_equal ? "at least" : "above", low);
  }
}

void Rules::check_tls(const Draft& draft) {
  const Mark* tls = find_mark(draft.marks, "endpoint.tls");
  if (!tls) return;
  const Mark* url = find_mark(draft.marks, "endpoint.url");
  const Url::Scheme scheme = draft.endpoint.url.scheme;
  if (url && url->is_valid && (scheme == Url::Scheme::Redis || scheme == Url::Scheme::Unix)) {
    findings_.add(tls->at, fmt::format("endpoint.tls: a {}:// URL is not encrypted; use rediss://",
                                       scheme == Url::Scheme::Unix ? "unix" : "redis"));
  }
  check_key_pair(draft.marks, "endpoint.tls");
}

void Rules::check_key_pair(const Marks& marks, std::string_view tls) {
  const Mark* cert = find_mark(marks, fmt::format("{}.cert_file", tls));
  const Mark* key = find_mark(marks, fmt::format("{}.key_file", tls));
  if (cert && !key)
    findings_.add(cert->at, fmt::format("{}.cert_file: needs key_file as well", tls));
  if (key && !cert)
    findings_.add(key->at, fmt::format("{}.key_file: needs cert_file as well", tls));
}

void Rules::check_sentinel(const Draft& draft) {
  const Mark* sentinel = find_mark(draft.marks, "endpoint.sentinel");
  if (!sentinel) return;
  const Endpoint& endpoint = draft.endpoint;
  const Mark* url = find_mark(draft.marks, "endpoint.url");
  if (!url || !url->is_valid) return;
  if (endpoint.url.scheme != Url::Scheme::Sentinel) {
    findings_.add(sentinel->at,
                  "endpoint.sentinel: the URL names no Sentinels; use redis-sentinel://");
    return;
  }
  const Mark* user = find_mark(draft.marks, "endpoint.sentinel.user");
  if (user && user->is_valid && !find_mark(draft.marks, "endpoint.sentinel.password")) {
    findings_.add(user->at, "endpoint.sentinel.user: needs password as well");
  }
  // Whoever writes it takes the connections for encrypted.
  const Mark* tls = find_mark(draft.marks, "endpoint.sentinel.tls");
  if (tls && tls->is_valid && endpoint.sentinel.tls && !endpoint.uses_tls()) {
    findings_.add(tls->at,
                  "endpoint.sentinel.tls: nothing is encrypted without a tls table in the "
                  "endpoint; tls = {} verifies with the system's certificates");
  }
}

Rules::Operand Rules::operand(std::string_view key, Duration value,
                              const Marks* endpoint_marks) const {
  if (endpoint_marks) {
    const Mark* own = find_mark(*endpoint_marks, fmt::format("endpoint.{}", key));
    if (own) return {key, value, own, true};
  }
  return {key, value, find_mark(marks_, fmt::format("watch.{}", key)), false};
}

void Rules::blame(const Operand& culprit, std::string_view relation, const Operand& other) {
  findings_.add(
      culprit.mark->at,
      fmt::format("{}.{}: {} must be {} {} ({}, {})", culprit.is_endpoints ? "endpoint" : "watch",
                  culprit.key, to_config_text(culprit.value), relation, other.key,
                  to_config_text(other.value),
                  other.mark ? findings_.name(other.mark->at) : "default"));
}

}  // namespace relinkd::config
