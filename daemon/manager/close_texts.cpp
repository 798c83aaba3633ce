// SPDX-License-Identifier: Apache-2.0
#include "manager/close_texts.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::manager {

namespace {

bool failed(const core::AppClose& close) {
  return close.event.kind == core::SocketEvent::Kind::ConnectFailed;
}

std::string doing(const core::AppClose& close) {
  if (core::is_up(close.around.condition)) return {};
  return fmt::format("; relinkd's own connection to the node was {}",
                     core::to_string(close.around.condition));
}

}  // namespace

std::string close_text(const core::CloseNews& news) {
  const core::AppClose& first = news.first;
  const std::string node = first.event.remote.to_string();
  const std::string_view cause = core::to_string(first.why.cause);
  if (news.count > 1) {
    return fmt::format("{}: {}: {} to {} {} within {}: {}; the first: {}{}", first.target.app,
                       first.target.endpoint,
                       plural(news.count, failed(first) ? "attempt to connect" : "connection"),
                       node, failed(first) ? "failed" : "ended", to_text(news.over), cause,
                       first.why.evidence, doing(first));
  }
  if (failed(first)) {
    return fmt::format("{}: {}: an attempt to connect to {} failed: {}; {}{}", first.target.app,
                       first.target.endpoint, node, cause, first.why.evidence, doing(first));
  }
  const std::string age =
      first.event.age ? fmt::format(", opened {} before,", to_text(*first.event.age)) : "";
  return fmt::format("{}: {}: the connection from {} to {}{} ended: {}; {}{}", first.target.app,
                     first.target.endpoint, first.event.local.to_string(), node, age, cause,
                     first.why.evidence, doing(first));
}

control::CloseView close_view(const core::AppClose& close, WallTime time) {
  const core::SocketEvent& e = close.event;
  control::CloseView v;
  v.time = time;
  v.app = close.target.app;
  v.endpoint = close.target.endpoint;
  v.local = e.local.to_string();
  v.node = e.remote.to_string();
  v.established = !failed(close);
  v.cause = core::to_string(close.why.cause);
  v.detail = close.why.evidence;
  v.usual = close.usual;
  v.age = e.age;
  if (v.established) {
    v.idle = core::idle_time(e);
    if (e.rtt > Duration::zero()) v.rtt = e.rtt;
  }
  v.sent = core::sent_bytes(e);
  v.received = core::received_bytes(e);
  v.retransmits = e.total_retrans;
  v.condition = core::to_string(close.around.condition);
  v.maintenance = close.around.maintenance;
  v.server_timeout = close.around.server_timeout;
  if (close.around.idle_cut) v.idle_cut = close.around.idle_cut->age;
  v.incident = close.around.incident;
  return v;
}

}  // namespace relinkd::manager
