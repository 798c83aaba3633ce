// SPDX-License-Identifier: Apache-2.0
#include "watch/link.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/condition_of.hpp"

namespace relinkd::watch {

namespace {

/// How often the counters that explain a close are read: the finer, the surer the explanation, and
/// INFO commandstats costs a server some 100 µs.
constexpr Duration kFactsInterval = 30s;
/// A failed attempt to connect that is no older than this answers an inquiry.
constexpr Duration kFreshFailure = 1s;
/// How often a port that closes plain connections without a word is asked whether it speaks TLS,
/// and how long that may take.
constexpr Duration kTlsCheckInterval = 1min;
constexpr Duration kTlsCheckLimit = 1s;

core::ServerCounters counters_of(const resp::InfoFacts& facts) {
  return {facts.run_id, facts.uptime_seconds, facts.client_kill_calls,
          facts.output_buffer_disconnections};
}

core::ServerIdentity identity_of(const resp::InfoFacts& facts) {
  return {facts.run_id.value_or(""), facts.master_replid.value_or(""),
          facts.master_replid2.value_or(""), facts.uptime_seconds};
}

core::ConnectResult result_of(const core::Ending& ending) {
  using How = core::Ending::How;
  switch (ending.how) {
    case How::Fin:
    case How::Rst: return core::ConnectResult::Closed;
    case How::TimedOut: return core::ConnectResult::Timeout;
    case How::Unreachable: return core::ConnectResult::Unreachable;
    case How::LocalError: return core::ConnectResult::LocalFault;
    case How::Tls:
    case How::NotTls: return core::ConnectResult::Tls;
    case How::Protocol: return core::ConnectResult::Protocol;
    case How::Auth: return core::ConnectResult::Auth;
  }
  return core::ConnectResult::Closed;
}

}  // namespace

core::LinkLimits link_limits(const config::Endpoint& settings) {
  core::LinkLimits l;
  l.ping_interval = settings.watch.ping_interval;
  l.command_timeout = settings.watch.command_timeout;
  l.slow_threshold = settings.watch.slow_threshold;
  l.topology_interval = settings.watch.topology_interval;
  l.backoff_initial = settings.watch.backoff.initial;
  l.backoff_max = settings.watch.backoff.max;
  l.expect_primary = settings.expect == config::Expect::Primary;
  return l;
}

Link::Link(loop::Loop& loop, kernel::RouteProbe& routes, const config::Endpoint& settings,
           Owner& owner, Entropy entropy, Kind kind)
    : loop_(loop),
      routes_(routes),
      settings_(settings),
      owner_(owner),
      kind_(kind),
      machine_(link_limits(settings), entropy),
      deadline_(loop.deadlines(), [this] { on_deadline(); }) {}

Link::~Link() = default;

void Link::start() { feed(core::event::Start{}); }

void Link::stop() {
  stopped_ = true;
  deadline_.clear();
  if (dial_) dial_->cancel();
  if (tls_check_) tls_check_->cancel();
  close_witness();
  if (!connection_) return;
  connection_->close(false);
  owner_.on_disconnected(connection_->address(), {core::Cause::LocalClose, "relinkd closes it"});
}

void Link::update(const config::Endpoint& settings) {
  settings_ = settings;
  refused_ = Refused{};
  machine_.set_limits(link_limits(settings));
}

void Link::move(std::string reason) {
  refused_ = Refused{};
  if (dial_) {
    dial_->cancel();
    loop_.retire(std::move(dial_));
  }
  if (tls_check_) {
    tls_check_->cancel();
    loop_.retire(std::move(tls_check_));
  }
  feed(core::event::Moved{std::move(reason)});
}

void Link::probe_now() {
  next_facts_ = loop_.now().at;
  feed(core::event::ProbeNow{});
}

void Link::ask_now() { feed(core::event::ProbeNow{}); }

void Link::inquire(std::function<void(const core::Inquired&)> then) {
  inquired_ = true;
  const MonoTime now = loop_.now().at;
  if (!connection_ && last_failure_ && now - failed_at_ <= kFreshFailure) {
    const core::Inquired told{counters_.before(now), {std::nullopt, last_failure_}};
    return loop_.later([told, then = std::move(then)] { then(told); });
  }
  inquiries_.push_back({now, false, std::move(then)});
  // While it dials, its next result is the answer.
  if (connection_) probe_now();
}

void Link::answer_inquiries(const core::Afterwards& after, bool all) {
  const auto open = std::stable_partition(inquiries_.begin(), inquiries_.end(),
                                          [&](const Inquiry& i) { return !all && !i.asked; });
  std::vector<Inquiry> answered(std::make_move_iterator(open),
                                std::make_move_iterator(inquiries_.end()));
  inquiries_.erase(open, inquiries_.end());
  for (const Inquiry& i : answered) i.then({counters_.before(i.at), after});
}

bool Link::is_proven_primary() const {
  return answered_ && connection_ && core::is_up(machine_.condition()) && !identity_is_old_ &&
         role_ && role_->role == resp::Role::Primary;
}

void Link::feed(const core::LinkEvent& event) { carry_out(machine_.on(event, loop_.now())); }

void Link::on_deadline() {
  core::event::Deadline e;
  if (connection_) {
    // What has arrived by now is heard before silence counts; while nothing is awaited, that would
    // be one more system call for each PING.
    if (machine_.awaits_reply()) connection_->pump();
    if (stopped_) return;
    const MonoTime now = loop_.now().at;
    if (connection_ && machine_.wants_sample(now)) e.sample = connection_->sample();
    if (connection_ && machine_.wants_local_path(now)) {
      e.local = routes_.local_path(connection_->address());
    }
  }
  feed(e);
}

void Link::carry_out(const core::LinkOrders& orders) {
  if (orders.hangup && connection_) hang_up(*orders.hangup);
  if (orders.close_witness) close_witness();
  if (orders.transition) owner_.on_transition(*orders.transition);
  // After the transition, which opens the incident that this belongs to.
  if (orders.hangup) {
    owner_.on_disconnected(*address_, {orders.hangup->cause, orders.hangup->evidence});
  }
  deadline_.set(orders.deadline);
  if (orders.open_witness) open_witness(*orders.open_witness);
  // Each of these two leads to further events: nothing of this step may come after them.
  if (orders.dial) return owner_.on_dial_wanted();
  if (orders.probe) send_probe(*orders.probe);
}

void Link::hang_up(const core::LinkOrders::Hangup& hangup) {
  const bool moved = hangup.cause == core::Cause::Moved;
  connection_->close(!moved);
  loop_.retire(std::move(connection_));
  lost_at_ = loop_.now().at;
  if (!answered_ && !moved) owner_.on_connect_result(core::ConnectResult::Timeout, std::nullopt);
  owner_.on_disturbed();
}

// --- connecting -------------------------------------------------------------------------------

void Link::dial(net::DialTarget target, bool name_failing) {
  name_failing_ = name_failing;
  target_ = target;
  if (!address_) address_ = target.addresses.front();
  dial_ = std::make_unique<net::Dial>(loop_, std::move(target), *this);
}

void Link::on_dialed(net::Dial::Success success) {
  loop_.retire(std::move(dial_));
  owner_.on_answered();
  // What another server refused says nothing of this one.
  if (*address_ != success.address) refused_ = Refused{};
  if (success.passed_over && *address_ != success.address) {
    owner_.on_passed_over(*address_, core::condition_of(*success.passed_over));
  }
  if (*address_ != success.address) counters_ = core::CounterHistory();
  for (Inquiry& i : inquiries_) i.asked = false;
  last_failure_.reset();
  address_ = success.address;
  target_.addresses = {success.address};
  if (success.stream.tls() != nullptr) {
    if (const auto expiry = success.stream.tls()->certificate_expiry()) {
      owner_.on_certificate(*expiry);
    }
  }
  connection_ = std::make_unique<Connection>(loop_, std::move(success.stream),
                                             std::move(success.address), *this);
  answered_ = false;
  max_clients_ = false;
  last_error_.clear();
  earlier_ = std::exchange(facts_, resp::InfoFacts{});
  identity_ = core::ServerIdentity{};
  earlier_proof_ = machine_.last_proof();
  role_.reset();
  identity_is_old_ = false;
  feed(core::event::Dialed{success.rtt});
}

void Link::on_dial_failed(core::DialFailure failure) {
  loop_.retire(std::move(dial_));
  if (failure.result == core::ConnectResult::Refused || failure.tcp_established) {
    owner_.on_answered();
  }
  failure.name_failing = name_failing_;
  if (target_.addresses.size() == 1) {
    const auto local = routes_.local_path(target_.addresses.front());
    if (failure.result == core::ConnectResult::Unreachable && local != core::LocalPath::Usable) {
      failure.result = core::ConnectResult::LocalFault;
    }
    address_ = target_.addresses.front();
  }
  failure.detail = fmt::format("cannot connect: {}", failure.detail);
  dial_failed(std::move(failure));
}

void Link::dial_failed(core::DialFailure failure) {
  owner_.on_connect_result(failure.result, std::nullopt);
  explain(core::Afterwards{std::nullopt, failure.result});
  last_failure_ = failure.result;
  failed_at_ = loop_.now().at;
  answer_inquiries(core::Afterwards{std::nullopt, failure.result}, true);
  feed(core::event::DialFailed{std::move(failure)});
}

void Link::on_dial_unanswered(const Address& address) {
  feed(core::event::DialUnanswered{routes_.local_path(address)});
}

// --- asking and answers -----------------------------------------------------------------------

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

// --- the end ----------------------------------------------------------------------------------

void Link::on_ended(Connection&, core::Ending ending) {
  if (!check_for_tls(ending)) end(std::move(ending));
}

bool Link::check_for_tls(const core::Ending& ending) {
  const MonoTime now = loop_.now().at;
  const bool closed = ending.how == core::Ending::How::Fin || ending.how == core::Ending::How::Rst;
  if (!closed || answered_ || max_clients_ || target_.tls || address_->is_unix()) return false;
  const auto conclude = [this](const core::Ending& e) {
    end(port_speaks_tls_ ? core::Ending{core::Ending::How::NotTls, kPortSpeaksTls} : e);
  };
  if (now < next_tls_check_) {
    conclude(ending);
    return true;
  }
  next_tls_check_ = now + kTlsCheckInterval;
  tls_check_ = std::make_unique<TlsCheck>(loop_, *address_, kTlsCheckLimit,
                                          [this, ending, conclude](bool speaks_tls) {
                                            port_speaks_tls_ = speaks_tls;
                                            loop_.retire(std::move(tls_check_));
                                            conclude(ending);
                                          });
  return true;
}

void Link::end(core::Ending ending) {
  const MonoTime now = loop_.now().at;
  // Protected mode, for one, is said in an error and followed by a FIN.
  using How = core::Ending::How;
  const bool closed = ending.how == How::Fin || ending.how == How::Rst;
  const bool silent = ending.how == How::TimedOut || ending.how == How::Unreachable;
  if (silent) {
    // Nobody could answer while this host had no way out.
    const auto local = routes_.local_path(connection_->address());
    if (local != core::LocalPath::Usable) {
      ending = {How::LocalError, std::string(core::describe(local))};
    }
  }
  if (closed && !answered_ && !last_error_.empty()) {
    ending.detail += fmt::format(" after it answered \"{}\"", last_error_);
  }
  connection_->close(ending.how == core::Ending::How::Protocol);
  core::EndedConnection ended;
  ended.ending = ending;
  ended.age = now - connection_->established();
  ended.silent = now - connection_->last_byte();
  ended.unacked = machine_.wants_sample(now);
  ended.max_clients = max_clients_;
  ended.user_timeout = settings_.watch.keepalive.user_timeout();
  ended.before = counters_of(facts_);
  loop_.retire(std::move(connection_));
  if (answered_) lost_at_ = now;
  if (!answered_) owner_.on_connect_result(result_of(ending), std::nullopt);
  owner_.on_disturbed();
  // One that ended before and is still unexplained stays so.
  explain(core::Afterwards{});
  feed(core::event::Ended{std::move(ending)});
  unexplained_ = std::move(ended);
  unexplained_address_ = *address_;
  if (core::is_final(*unexplained_)) explain(core::Afterwards{});
}

void Link::explain(const core::Afterwards& after) {
  if (unexplained_) explained_by(core::attribute(*unexplained_, after));
}

void Link::explained_by(const core::Attribution& why) {
  if (!unexplained_) return;
  unexplained_.reset();
  owner_.on_disconnected(unexplained_address_, why);
}

// --- the witness ------------------------------------------------------------------------------

void Link::open_witness(bool full) {
  witness_ =
      std::make_unique<Witness>(loop_, target_, full, settings_, [this](core::event::Witnessed e) {
        if (e.result == core::WitnessResult::Connected ||
            e.result == core::WitnessResult::Answered || e.result == core::WitnessResult::Refused) {
          owner_.on_answered();
        }
        feed(e);
      });
}

void Link::close_witness() {
  if (!witness_) return;
  witness_->cancel();
  loop_.retire(std::move(witness_));
}

}  // namespace relinkd::watch
