// SPDX-License-Identifier: Apache-2.0
#include "watch/endpoint.hpp"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace relinkd::watch {

namespace {

/// How soon a name that does not resolve is asked again while its last address still answers.
constexpr Duration kRetryName = 5s;

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::make(Surroundings& surroundings,
                                                 const config::Endpoint& settings,
                                                 Observer& observer, Entropy& entropy) {
  std::shared_ptr<net::TlsContext> tls;
  if (settings.url.scheme == config::Url::Scheme::Rediss) {
    auto made = surroundings.contexts.get(settings.tls);
    if (!made) return made.error();
    tls = std::move(*made);
  }
  return std::unique_ptr<Endpoint>(
      new Endpoint(surroundings, settings, observer, std::move(tls), entropy));
}

Endpoint::Endpoint(Surroundings& surroundings, const config::Endpoint& settings, Observer& observer,
                   std::shared_ptr<net::TlsContext> tls, Entropy& entropy)
    : around_(surroundings),
      settings_(settings),
      observer_(observer),
      tls_(std::move(tls)),
      fixed_(settings.url.scheme == config::Url::Scheme::Unix
                 ? std::optional(Address::unix_path(settings.url.path))
                 : Address::parse(settings.url.host, settings.url.port)),
      resolve_at_(surroundings.loop.deadlines(), [this] { resolve(); }),
      link_(surroundings.loop, surroundings.routes, settings, *this, entropy.fork()) {
  // A Unix socket has no path that could forget it.
  if (settings.watch.idle_watch.mode != config::IdleWatch::Mode::Off &&
      settings.url.scheme != config::Url::Scheme::Unix) {
    idle_ = std::make_unique<IdleLink>(surroundings.loop, settings, *this, entropy.fork());
  }
}

Endpoint::~Endpoint() = default;

void Endpoint::start() {
  link_.start();
  if (idle_) idle_->start();
}

void Endpoint::stop() {
  query_.reset();
  resolve_at_.clear();
  link_.stop();
  if (idle_) idle_->stop();
}

bool Endpoint::can_update(const config::Endpoint& s) const {
  return s.url == settings_.url && s.password == settings_.password && s.tls == settings_.tls &&
         s.watch.keepalive == settings_.watch.keepalive &&
         s.watch.idle_watch == settings_.watch.idle_watch;
}

void Endpoint::update(const config::Endpoint& settings) {
  settings_ = settings;
  link_.update(settings);
  // Renewed certificates serve from the next connection on; what cannot be read now was already
  // reported when the configuration was checked, and the old ones stay.
  if (tls_) {
    if (auto renewed = around_.contexts.get(settings.tls)) tls_ = std::move(*renewed);
  }
}

std::optional<core::IdleCut> Endpoint::idle_cut() const {
  return idle_ ? idle_->cut() : std::nullopt;
}

std::string Endpoint::node_name() const {
  if (fixed_) return fixed_->to_string();
  return link_.address() ? link_.address()->to_string() : settings_.url.host_port();
}

// --- the name ---------------------------------------------------------------------------------

void Endpoint::on_dial_wanted() {
  if (fixed_) return link_.dial(target_for({*fixed_}), false);
  const MonoTime now = around_.loop.now().at;
  // After any failure the name is asked anew: it may have moved.
  if (now < answer_ends_ && !last_dial_failed_ && !names_.last_answer().empty()) {
    return dial_addresses();
  }
  dial_waits_ = true;
  resolve();
}

void Endpoint::resolve() {
  if (query_) return;
  query_ = around_.resolver.resolve(settings_.url.host, settings_.url.port,
                                    [this](Result<net::Answer> a) { on_resolved(std::move(a)); });
}

void Endpoint::on_resolved(Result<net::Answer> answer) {
  const std::shared_ptr<net::Resolver::Query> done = std::move(query_);
  const MonoTime now = around_.loop.now().at;
  const bool dial = std::exchange(dial_waits_, false);
  if (!answer) {
    names_.on_failure();
    resolve_at_.set(now + kRetryName);
    if (!std::exchange(told_failing_, true)) {
      observer_.on_dns_failing(*this, answer.error().message);
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
  if (change.changed) observer_.on_dns_changed(*this, before, answer->addresses, change.move);
  if (change.move) {
    const std::string reason =
        fmt::format("{} resolves to {} now", settings_.url.host, answer->addresses.front().host());
    link_.move(reason);
    if (idle_) idle_->move(reason);
  } else if (dial) {
    dial_addresses();
  }
}

void Endpoint::dial_addresses() {
  link_.dial(target_for(names_.candidates(link_.address())), names_.failing());
}

net::DialTarget Endpoint::target_for(std::vector<Address> addresses) const {
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

void Endpoint::on_transition(const core::Transition& t) { observer_.on_transition(*this, t); }

void Endpoint::on_disconnected(const Address& address, const core::Attribution& why) {
  observer_.on_disconnected(*this, address, why);
  if (idle_) idle_->node_explained(why);
}

void Endpoint::on_connect_result(core::ConnectResult result, std::optional<Duration> outage) {
  last_dial_failed_ = result != core::ConnectResult::Ok;
  observer_.on_connect_result(*this, result, outage);
}

void Endpoint::on_rtt(Duration rtt) { observer_.on_rtt(*this, rtt); }

void Endpoint::on_proof(MonoTime sent) {
  if (idle_) {
    idle_->node_proven(sent, link_.machine().required_transmissions(around_.loop.now().at));
  }
}

void Endpoint::on_answered() { observer_.on_answered(*this); }

void Endpoint::on_disturbed() {
  if (idle_) idle_->node_disturbed();
}

void Endpoint::on_clients_killed() {
  if (idle_) {
    idle_->node_explained({core::Cause::Killed, "the server's CLIENT KILL calls rose"});
  }
}

void Endpoint::on_restarted(Duration outage) { observer_.on_restarted(*this, outage); }

void Endpoint::on_certificate(WallTime expiry) { observer_.on_certificate(*this, expiry); }

std::optional<net::DialTarget> Endpoint::idle_target() {
  if (!link_.connected() || !link_.address()) return std::nullopt;
  return target_for({*link_.address()});
}

void Endpoint::on_idle_disconnected(const Address& address, const core::Attribution& why) {
  observer_.on_disconnected(*this, address, why);
}

void Endpoint::on_idle_cut(const std::optional<core::IdleCut>& cut) {
  observer_.on_idle_cut(*this, cut);
}

void Endpoint::on_ask_node() { link_.probe_now(); }

}  // namespace relinkd::watch
