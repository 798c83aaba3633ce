// SPDX-License-Identifier: Apache-2.0
#include "watch/link.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/condition_of.hpp"
#include "watch/server_facts.hpp"

namespace relinkd::watch {

namespace {

/// A failed attempt to connect that is no older than this answers an inquiry.
constexpr Duration kFreshFailure = 1s;
/// How often a port that closes plain connections without a word is asked whether it speaks TLS,
/// and how long that may take.
constexpr Duration kTlsCheckInterval = 1min;
constexpr Duration kTlsCheckLimit = 1s;

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
