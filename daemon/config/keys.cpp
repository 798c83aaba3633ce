// SPDX-License-Identifier: Apache-2.0
#include "config/keys.hpp"

#include "config/app_values.hpp"
#include "config/url.hpp"

namespace relinkd::config {

namespace {

// The floor of the adaptive probe deadline, as TCP_RTO_MIN of Linux.
constexpr Duration kMinCommandTimeout = 200ms;

/// A key that concerns only some endpoints is not shown with the others.
Codec shown_if(bool concerned, Codec codec) {
  if (!concerned) codec.show = [] { return std::string(); };
  return codec;
}

void visit_tls(KeyVisitor& visitor, Endpoint& endpoint) {
  Tls& tls = endpoint.tls;
  visitor.key("ca_file", absolute_path(tls.ca_file, kMaxPath));
  visitor.key("cert_file", absolute_path(tls.cert_file, kMaxPath));
  visitor.key("key_file", absolute_path(tls.key_file, kMaxPath));
  visitor.key("server_name", server_name(tls.server_name));
  visitor.key("verify", shown_if(endpoint.uses_tls(), boolean(tls.verify)));
}

void visit_sentinel(KeyVisitor& visitor, Endpoint& endpoint) {
  Sentinel& sentinel = endpoint.sentinel;
  visitor.key("user", user_name(sentinel.user));
  visitor.key("password", secret_source(sentinel.password));
  const bool concerned = endpoint.url.scheme == Url::Scheme::Sentinel && endpoint.uses_tls();
  visitor.key("tls", shown_if(concerned, boolean(sentinel.tls)));
}

}  // namespace

void visit_top(KeyVisitor& visitor, Settings& settings) {
  visitor.key("mode", choice(settings.mode, kModeNames));
}

void visit_metrics(KeyVisitor& visitor, Metrics& metrics) {
  visitor.key("listen", listen_address(metrics.listen));
  visitor.table("tls", [&tls = metrics.tls](KeyVisitor& keys) {
    keys.key("cert_file", absolute_path(tls.cert_file, kMaxPath));
    keys.key("key_file", absolute_path(tls.key_file, kMaxPath));
    keys.key("client_ca_file", absolute_path(tls.client_ca_file, kMaxPath));
  });
  visitor.key("users_file", absolute_path(metrics.users_file, kMaxPath));
}

void visit_control(KeyVisitor& visitor, Control& control) {
  visitor.key("socket", absolute_path(control.socket, kMaxSocketPath));
  visitor.key("operators", group_names(control.operators));
}

void visit_actuator(KeyVisitor& visitor, Actuator& actuator) {
  visitor.key("socket", absolute_path(actuator.socket, kMaxSocketPath));
  visitor.key("user", system_user(actuator.user));
  visitor.key("max_orders_per_minute", integer(actuator.max_orders_per_minute, 1, 100'000));
}

void visit_watch(KeyVisitor& visitor, Watch& watch) {
  visitor.key("ping_interval", duration(watch.ping_interval, 50ms, 1h));
  visitor.key("command_timeout", duration(watch.command_timeout, kMinCommandTimeout, 1min));
  visitor.key("connect_timeout", duration(watch.connect_timeout, 100ms, 5min));
  visitor.key("slow_threshold", duration(watch.slow_threshold, 1ms, 1min));
  visitor.key("topology_interval", duration(watch.topology_interval, 1s, 1h));
  visitor.table("keepalive", [&keepalive = watch.keepalive](KeyVisitor& keys) {
    keys.key("idle", whole_seconds(keepalive.idle, 1s, kMaxKeepalive));
    keys.key("interval", whole_seconds(keepalive.interval, 1s, kMaxKeepalive));
    keys.key("count", integer(keepalive.count, 1, kMaxKeepaliveCount));
  });
  visitor.table("backoff", [&backoff = watch.backoff](KeyVisitor& keys) {
    keys.key("initial", duration(backoff.initial, 10ms, 1h));
    keys.key("max", duration(backoff.max, 10ms, 1h));
  });
  visitor.key("idle_watch", idle_watch(watch.idle_watch));
  visitor.key("watch_replicas", boolean(watch.watch_replicas));
}

void visit_endpoint(KeyVisitor& visitor, Endpoint& endpoint) {
  visitor.key("name", name(endpoint.name));
  visitor.key("url", endpoint_url(endpoint.url));
  visitor.key("expect", choice(endpoint.expect, kExpectNames));
  visitor.key("password", secret_source(endpoint.password));
  visitor.table("tls", [&endpoint](KeyVisitor& keys) { visit_tls(keys, endpoint); });
  visitor.table("sentinel", [&endpoint](KeyVisitor& keys) { visit_sentinel(keys, endpoint); });
  visitor.key("announcements", boolean(endpoint.announcements));
  visitor.key("node_ports", ports(endpoint.node_ports, kMaxSeeds));
  visitor.key("reconnect_rate", integer(endpoint.reconnect_rate, 1, 10'000));
  visitor.key("max_parallel", integer(endpoint.max_parallel, 1, 1'000));
  visitor.key("cluster_relink", shown_if(endpoint.url.scheme == Url::Scheme::Cluster,
                                         boolean(endpoint.cluster_relink)));
  visit_watch(visitor, endpoint.watch);
}

void visit_app(KeyVisitor& visitor, App& app) {
  visitor.key("name", name(app.name));
  visitor.table("match", [&match = app.match](KeyVisitor& keys) {
    keys.key("unit", matched_unit(match.unit));
    keys.key("cgroup", cgroup_glob(match.cgroup));
    keys.key("user", system_user(match.user));
  });
  visitor.key("endpoints", endpoint_names(app.endpoints));
  visitor.key("trigger", choice(app.trigger, kTriggerNames));
  visitor.key("actions", actions(app.actions));
  visitor.key("idle_siblings", boolean(app.idle_siblings));
  visitor.key("expect_connections", boolean(app.expect_connections));
  visitor.key("protect", protection(app.protect));
  visitor.key("spread", duration(app.spread, 0s, 1h));
  visitor.key("restart_spread", duration(app.restart_spread, 0s, 1h));
  visitor.key("min_interval", duration(app.min_interval, 1s, 24h));
  visitor.key("error_threshold", duration(app.error_threshold, 0s, 1h));
  visitor.key("verify_within", duration(app.verify_within, 1s, 1h));
  visitor.key("max_relinks_per_hour", integer(app.max_relinks_per_hour, 1, 1'000));
  visitor.key("mode", choice(app.mode, kModeNames));
}

void visit_sysctl(KeyVisitor& visitor, Sysctl& sysctl) {
  visitor.key("check_interval", duration(sysctl.check_interval, 1s, 24h));
  visitor.sysctls("want", sysctl.want);
  visitor.key("enforce", boolean(sysctl.enforce));
}

}  // namespace relinkd::config
