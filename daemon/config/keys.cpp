// SPDX-License-Identifier: Apache-2.0
#include "config/keys.hpp"

#include "config/url.hpp"

namespace relinkd::config {

namespace {

// The kernel's, in net/tcp.h: MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL; MAX_TCP_KEEPCNT.
constexpr Duration kMaxKeepalive = 32767s;
constexpr int kMaxKeepaliveCount = 127;
// The floor of the adaptive probe deadline, as TCP_RTO_MIN of Linux.
constexpr Duration kMinCommandTimeout = 200ms;

void visit_tls(KeyVisitor& visitor, Endpoint& endpoint) {
  Tls& tls = endpoint.tls;
  visitor.key("ca_file", absolute_path(tls.ca_file, kMaxPath));
  visitor.key("cert_file", absolute_path(tls.cert_file, kMaxPath));
  visitor.key("key_file", absolute_path(tls.key_file, kMaxPath));
  visitor.key("server_name", server_name(tls.server_name));
  Codec verify = boolean(tls.verify);
  if (!endpoint.uses_tls()) verify.show = [] { return std::string(); };
  visitor.key("verify", verify);
}

void visit_sentinel(KeyVisitor& visitor, Endpoint& endpoint) {
  Sentinel& sentinel = endpoint.sentinel;
  visitor.key("user", user_name(sentinel.user));
  visitor.key("password", secret_source(sentinel.password));
  Codec tls = boolean(sentinel.tls);
  const bool concerned = endpoint.url.scheme == Url::Scheme::Sentinel && endpoint.uses_tls();
  if (!concerned) tls.show = [] { return std::string(); };
  visitor.key("tls", tls);
}

}  // namespace

void visit_metrics(KeyVisitor& visitor, Metrics& metrics) {
  visitor.key("listen", listen_address(metrics.listen));
  visitor.not_supported("tls");
  visitor.not_supported("users_file");
}

void visit_control(KeyVisitor& visitor, Control& control) {
  visitor.key("socket", absolute_path(control.socket, kMaxSocketPath));
  visitor.key("operators", group_names(control.operators));
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
  visitor.key("name", endpoint_name(endpoint.name));
  visitor.key("url", endpoint_url(endpoint.url));
  visitor.key("expect", expected_role(endpoint.expect));
  visitor.key("password", secret_source(endpoint.password));
  visitor.table("tls", [&endpoint](KeyVisitor& keys) { visit_tls(keys, endpoint); });
  visitor.table("sentinel", [&endpoint](KeyVisitor& keys) { visit_sentinel(keys, endpoint); });
  visitor.key("announcements", boolean(endpoint.announcements));
  visit_watch(visitor, endpoint.watch);
  visitor.not_supported("node_ports");
  visitor.not_supported("reconnect_rate");
  visitor.not_supported("max_parallel");
  visitor.not_supported("cluster_relink");
}

void visit_sysctl(KeyVisitor& visitor, Sysctl& sysctl) {
  visitor.key("check_interval", duration(sysctl.check_interval, 1s, 24h));
  visitor.sysctls("want", sysctl.want);
  visitor.not_supported("enforce");
}

}  // namespace relinkd::config
