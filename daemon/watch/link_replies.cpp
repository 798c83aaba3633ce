// SPDX-License-Identifier: Apache-2.0
// What a link asks the server, and what it makes of the answers.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "watch/link.hpp"
#include "watch/server_facts.hpp"

namespace relinkd::watch {

namespace {

/// How often the counters that explain a close are read: the finer, the surer the explanation, and
/// INFO commandstats costs a server some 100 µs.
constexpr Duration kFactsInterval = 30s;

}  // namespace

void Link::send_probe(const core::LinkOrders::Probe& probe) {
  const MonoTime now = loop_.now().at;
  if (probe.greeting) {
    if (const auto sent = authenticate(*connection_, settings_); !sent) {
      connection_->close(false);
      return end({core::Ending::How::Auth, sent.error().message});
    }
    ask(*connection_, {Ask::SetName}, refused_);
  }
  // Everything else goes before the PING, so that its reply stands for all of them.
  if (kind_ == Kind::Server) ask_server(probe, now);
  ask(*connection_, owner_.questions(probe.greeting, probe.topology), refused_);
  ping_sent_ = now;
  ask(*connection_, {Ask::Ping}, Refused{});
  machine_.probe_sent(connection_->sample());
}

void Link::ask_server(const core::LinkOrders::Probe& probe, MonoTime now) {
  if (probe.greeting) ask(*connection_, {Ask::InfoServer, Ask::InfoReplication}, refused_);
  if (probe.topology) ask(*connection_, {Ask::Role}, refused_);
  if (probe.topology && !probe.greeting && refused_.contains(Ask::Role)) {
    ask(*connection_, {Ask::InfoReplication}, refused_);
  }
  if (probe.greeting || now >= next_facts_) {
    next_facts_ = now + (inquired_ ? std::min(kFactsInterval, settings_.watch.topology_interval)
                                   : kFactsInterval);
    ask(*connection_, {Ask::InfoStats, Ask::InfoCommandstats}, refused_);
  }
  if (inquiries_.empty()) return;
  ask(*connection_, {Ask::ConfigTimeout}, refused_);
  for (Inquiry& i : inquiries_) i.asked = true;
}

void Link::on_reply(Connection&, Ask ask, resp::Reply reply) {
  owner_.on_answered();
  if (reply.is_error()) {
    const auto kind = resp::error_kind(reply.text);
    last_error_ = printable(reply.text);
    if (kind == resp::ErrorKind::MaxClients) max_clients_ = true;
    if (ask != Ask::Ping) return take_error(ask, kind, reply);
  }
  switch (ask) {
    case Ask::SentinelMyId:
    case Ask::SentinelMaster:
    case Ask::SentinelSentinels:
    case Ask::ClusterInfo:
    case Ask::ClusterNodes:
    case Ask::ClusterShards:
    case Ask::ClusterSlots: return owner_.on_topology(ask, reply);
    case Ask::Ping: return take_ping(reply);
    case Ask::Role: {
      const auto role = resp::parse_role(reply);
      if (!role) return end({core::Ending::How::Protocol, role.error().message});
      return take_role(*role);
    }
    case Ask::InfoServer:
    case Ask::InfoStats:
    case Ask::InfoCommandstats: return take_info(reply);
    case Ask::InfoReplication: take_info(reply); return identity_is_known();
    case Ask::ConfigTimeout:
      if (const auto s = resp::parse_setting(reply)) server_timeout_ = std::chrono::seconds(*s);
      return;
    case Ask::Auth:
    case Ask::SetName:
    case Ask::Push: return;
  }
}

void Link::take_error(Ask ask, resp::ErrorKind kind, const resp::Reply& reply) {
  if (ask == Ask::Auth) {
    // While it loads or is full a server may refuse anything: that says nothing of the password.
    if (kind == resp::ErrorKind::MaxClients || kind == resp::ErrorKind::Loading) return;
    connection_->close(false);
    return end(
        {core::Ending::How::Auth, fmt::format("AUTH is refused: \"{}\"", printable(reply.text))});
  }
  if (kind == resp::ErrorKind::NoPerm || kind == resp::ErrorKind::Unknown) refused_.add(ask);
  if (ask == Ask::InfoReplication) return identity_is_known();
  owner_.on_topology(ask, reply);
}

void Link::identity_is_known() {
  if (std::exchange(identity_is_old_, false)) owner_.on_evidence();
}

void Link::take_ping(const resp::Reply& reply) {
  core::event::Replied e;
  if (reply.is_error()) {
    e.kind = core_reply_kind(resp::error_kind(reply.text));
    e.detail = fmt::format("the server answers \"{}\" to PING", printable(reply.text));
    if (e.kind == core::ReplyKind::NoAuth && !settings_.password) {
      e.detail += "; no password is configured for this endpoint";
    } else if (e.kind == core::ReplyKind::NoPerm) {
      e.detail += fmt::format("; grant +ping to user {}",
                              settings_.url.user.empty() ? "default" : settings_.url.user);
    }
  } else if (reply.type != resp::Reply::Type::Status || reply.text != "PONG") {
    connection_->close(true);
    return end({core::Ending::How::Protocol,
                fmt::format("the reply to PING is \"{}\"", printable(reply.text, 40))});
  }
  const bool first = !answered_ && !max_clients_;
  if (first) first_answer();
  counters_.add(loop_.now().at, counters_of(facts_));
  answer_inquiries(core::Afterwards{counters_of(facts_), std::nullopt}, false);
  owner_.on_proof(ping_sent_);
  feed(e);
  if (const auto rtt = machine_.last_rtt()) owner_.on_rtt(*rtt);
  owner_.on_evidence();
  // The PING was under way when they came.
  if (!inquiries_.empty() && connection_) probe_now();
}

void Link::first_answer() {
  answered_ = true;
  const MonoTime now = loop_.now().at;
  // Another server's counters explain nothing.
  const bool same = unexplained_address_ == address_;
  explain(same ? core::Afterwards{counters_of(facts_), std::nullopt} : core::Afterwards{});
  if (earlier_.run_id && facts_.run_id && *earlier_.run_id != *facts_.run_id &&
      earlier_address_ == address_) {
    const Duration outage = now - earlier_proof_.value_or(now);
    owner_.on_restarted(outage, core::compare(identity_of(earlier_), identity(), outage));
  }
  earlier_address_ = address_;
  owner_.on_connect_result(core::ConnectResult::Ok,
                           lost_at_ ? std::optional(now - *lost_at_) : std::nullopt);
  lost_at_.reset();
}

void Link::take_role(const resp::RoleFact& role) {
  // A promotion begins a history of its own, and so does a primary's first replica: what INFO said
  // before is out of date.
  const bool promoted = role_ && role_->role != role.role;
  const bool joined = role_ && role_->replicas != role.replicas;
  if ((promoted || joined) && !refused_.contains(Ask::Role)) {
    identity_is_old_ = promoted && !refused_.contains(Ask::InfoReplication);
    ask(*connection_, {Ask::InfoReplication}, refused_);
  }
  role_ = role;
  core::event::RoleSaid e;
  e.replica = role.role == resp::Role::Replica;
  if (e.replica) {
    e.primary = fmt::format("{}:{}", printable(role.primary_host), role.primary_port);
  }
  feed(e);
}

void Link::take_info(const resp::Reply& reply) {
  const auto info = resp::parse_info(reply);
  // A server that answers INFO with something else is watched without it.
  if (!info) return owner_.on_malformed(info.error().message);
  const auto kills = facts_.client_kill_calls;
  resp::merge(facts_, *info);
  identity_ = identity_of(facts_);
  if (kills && facts_.client_kill_calls && *facts_.client_kill_calls > *kills) {
    owner_.on_clients_killed();
  }
  if (info->role && refused_.contains(Ask::Role)) take_role(*info->role);
}

}  // namespace relinkd::watch
