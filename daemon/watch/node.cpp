// SPDX-License-Identifier: Apache-2.0
#include "watch/node.hpp"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace relinkd::watch {

namespace {

/// How soon a name that does not resolve is asked again while its last address still answers.
constexpr Duration kRetryName = 5s;

std::optional<Address> fixed_address(const config::Url& url) {
  return url.scheme == config::Url::Scheme::Unix ? std::optional(Address::unix_path(url.path))
                                                 : Address::parse(url.host, url.port);
}

}  // namespace

Node::Node(Surroundings& surroundings, const config::Endpoint& settings, Options options,
           NodeOwner& owner, std::shared_ptr<net::TlsContext> tls, Entropy entropy)
    : around_(surroundings),
      settings_(settings),
      options_(options),
      owner_(owner),
      tls_(std::move(tls)),
      fixed_(fixed_address(settings.url)),
      resolve_at_(surroundings.loop.deadlines(), [this] { resolve(); }),
      link_(surroundings.loop, surroundings.routes, settings, *this, entropy.fork(),
            options.part == Part::Sentinel ? Link::Kind::Sentinel : Link::Kind::Server) {
  // A Unix socket has no path that could forget it.
  if (options.idle_watch && settings.watch.idle_watch.mode != config::IdleWatch::Mode::Off &&
      settings.url.scheme != config::Url::Scheme::Unix) {
    idle_ = std::make_unique<IdleLink>(surroundings.loop, settings, *this, entropy.fork());
  }
}

Node::~Node() = default;

void Node::start() {
  link_.start();
  if (idle_) idle_->start();
}

void Node::stop() {
  query_.reset();
  resolve_at_.clear();
  link_.stop();
  if (idle_) idle_->stop();
}

void Node::update(const config::Endpoint& settings, std::shared_ptr<net::TlsContext> tls) {
  settings_ = settings;
  tls_ = std::move(tls);
  link_.update(settings);
}

void Node::move_to(const HostPort& where, const std::string& reason) {
  settings_.url.host = where.host;
  settings_.url.port = where.port;
  fixed_ = fixed_address(settings_.url);
  names_ = core::NameFollower();
  query_.reset();
  resolve_at_.clear();
  dial_waits_ = false;
  told_failing_ = false;
  link_.explained_by({core::Cause::Failover, reason});
  leave(reason);
}

void Node::leave(const std::string& reason) {
  link_.move(reason);
  if (idle_) idle_->move(reason);
}

std::optional<core::IdleCut> Node::idle_cut() const { return idle_ ? idle_->cut() : std::nullopt; }

std::string Node::label() const {
  if (fixed_) return fixed_->to_string();
  return link_.address() ? link_.address()->to_string() : settings_.url.host_port();
}

// --- the name ---------------------------------------------------------------------------------

void Node::on_dial_wanted() {
  if (fixed_) return link_.dial(target_for({*fixed_}), false);
  const MonoTime now = around_.loop.now().at;
  // After any failure the name is asked anew: it may have moved.
  if (now < answer_ends_ && !last_dial_failed_ && !names_.last_answer().empty()) {
    return dial_addresses();
  }
  dial_waits_ = true;
  resolve();
}

void Node::resolve() {
  if (query_) return;
  query_ = around_.resolver.resolve(settings_.url.host, settings_.url.port,
                                    [this](Result<net::Answer> a) { on_resolved(std::move(a)); });
}

void Node::on_resolved(Result<net::Answer> answer) {
  const std::shared_ptr<net::Resolver::Query> done = std::move(query_);
  const MonoTime now = around_.loop.now().at;
  const bool dial = std::exchange(dial_waits_, false);
  if (!answer) {
    names_.on_failure();
    resolve_at_.set(now + kRetryName);
    if (!std::exchange(told_failing_, true)) {
      owner_.on_dns_failing(*this, answer.error().message);
    }
    if (!dial) return;
    if (!names_.last_answer().empty()) return dial_addresses();
    core::DialFailure f;
    f.result = answer.error().code == EMFILE || answer.error().code == ENFILE
                   ? core::ConnectResult::LocalFault
                   : core::ConnectResult::Dns;
    f.detail = fmt::format("cannot resolve {}: {}", settings_.url.host, answer.error().message);
    f.name_failing = true;
    return link_.dial_failed(std::move(f));
  }
  told_failing_ = false;
  answer_ends_ = now + answer->ttl;
  resolve_at_.set(answer_ends_);
  const std::vector<Address> before = names_.last_answer();
  const auto in_use = link_.connected() ? link_.address() : std::nullopt;
  const auto change = names_.on_answer(now, answer->addresses, answer->ttl, in_use);
  if (change.changed) owner_.on_dns_changed(*this, before, answer->addresses, change.move);
  if (change.move) {
    const std::string reason =
        fmt::format("{} resolves to {} now", settings_.url.host, answer->addresses.front().host());
    leave(reason);
  } else if (dial) {
    dial_addresses();
  }
}

void Node::dial_addresses() {
  link_.dial(target_for(names_.candidates(link_.address())), names_.failing());
}

net::DialTarget Node::target_for(std::vector<Address> addresses) const {
  net::DialTarget t;
  t.addresses = std::move(addresses);
  t.connect_timeout = settings_.watch.connect_timeout;
  t.keepalive = settings_.watch.keepalive;
  t.tls = tls_;
  t.server_name =
      settings_.tls.server_name.empty() ? settings_.url.host : settings_.tls.server_name;
  return t;
}

// --- what the links tell ----------------------------------------------------------------------

void Node::on_transition(const core::Transition& t) { owner_.on_transition(*this, t); }

void Node::on_disconnected(const Address& address, const core::Attribution& why) {
  owner_.on_disconnected(*this, address, why);
  if (idle_) idle_->node_explained(why);
}

void Node::on_connect_result(core::ConnectResult result, std::optional<Duration> outage) {
  last_dial_failed_ = result != core::ConnectResult::Ok;
  owner_.on_connect_result(*this, result, outage);
}

void Node::on_rtt(Duration rtt) { owner_.on_rtt(*this, rtt); }

void Node::on_proof(MonoTime sent) {
  if (idle_) {
    idle_->node_proven(sent, link_.machine().required_transmissions(around_.loop.now().at));
  }
}

void Node::on_answered() { owner_.on_answered(*this); }

void Node::on_disturbed() {
  if (idle_) idle_->node_disturbed();
}

void Node::on_clients_killed() {
  if (idle_) {
    idle_->node_explained({core::Cause::Killed, "the server's CLIENT KILL calls rose"});
  }
}

void Node::on_malformed(const std::string& why) {
  if (std::exchange(told_malformed_, why) != why) owner_.on_malformed(*this, why);
}

void Node::on_passed_over(const Address& address, core::Condition condition) {
  owner_.on_passed_over(*this, address, condition);
}

void Node::on_evidence() { owner_.on_evidence(*this); }

std::vector<Question> Node::questions(bool greeting, bool topology) {
  return owner_.questions(*this, greeting, topology);
}

void Node::on_topology(Ask ask, const resp::Reply& reply) { owner_.on_topology(*this, ask, reply); }

void Node::on_restarted(Duration outage, const core::Replacement& what) {
  owner_.on_restarted(*this, outage, what);
}

void Node::on_certificate(WallTime expiry) { owner_.on_certificate(*this, expiry); }

std::optional<net::DialTarget> Node::target_in_use() const {
  if (!link_.connected() || !link_.address()) return std::nullopt;
  return target_for({*link_.address()});
}

void Node::on_idle_disconnected(const Address& address, const core::Attribution& why) {
  owner_.on_disconnected(*this, address, why);
}

void Node::on_idle_cut(const std::optional<core::IdleCut>& cut) { owner_.on_idle_cut(*this, cut); }

void Node::on_ask_node() { link_.probe_now(); }

}  // namespace relinkd::watch
