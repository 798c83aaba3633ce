// SPDX-License-Identifier: Apache-2.0
#include "apps/relinker.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace relinkd::apps {

namespace {

/// A socket is destroyed at once; a unit's job takes what it takes (the actuator gives up before).
constexpr Duration kPatience = 5s;
constexpr Duration kJobPatience = 120s;
/// Between questions whether an actuator that was not there is there now.
constexpr Duration kAskAgain = 10s;
/// A node is not asked for a sign of life more often, however many sockets to it are suspect.
constexpr Duration kHurry = 100ms;

/// An app that opens connections all the time must not keep the disk busy.
constexpr Duration kRemember = 2s;

bool succeeded(orders::Answer::Result result) {
  return result == orders::Answer::Result::Done || result == orders::Answer::Result::Gone;
}

orders::SocketName name_of(const kernel::TcpSocket& s) {
  orders::SocketName name;
  name.local = s.local;
  name.remote = s.remote;
  name.v6 = s.v6;
  name.interface = s.interface;
  name.cookie = s.cookie;
  return name;
}

core::RelinkAppRules rules_of(const config::App& app, config::Mode mode) {
  core::RelinkAppRules rules;
  rules.observe = mode == config::Mode::Observe;
  rules.endpoint_trigger = app.trigger == config::App::Trigger::Endpoint;
  rules.ladder.clear();
  for (const config::Action& a : app.actions) rules.ladder.push_back(a.verb);
  rules.idle_siblings = app.idle_siblings;
  rules.expect_connections = app.expect_connections;
  rules.spread = app.spread;
  rules.restart_spread = app.restart_spread;
  rules.min_interval = app.min_interval;
  rules.error_threshold = app.error_threshold;
  rules.verify_within = app.verify_within;
  rules.max_relinks_per_hour = app.max_relinks_per_hour;
  rules.endpoints = {app.endpoints.begin(), app.endpoints.end()};
  return rules;
}

core::RelinkEndpointHealth health_of(const EndpointNow& now) {
  const watch::Endpoint& endpoint = *now.endpoint;
  core::RelinkEndpointHealth health;
  health.proven = endpoint.is_proven();
  health.healthy = now.shown == core::Condition::Ok && endpoint.serves();
  health.confirmed = endpoint.confirmed();
  if (now.shown != core::Condition::LocalFault) {
    const auto add = [&](const std::vector<const watch::Node*>& nodes) {
      for (const watch::Node* node : nodes) {
        if (node->condition() != core::Condition::Ok || !node->link().address()) continue;
        health.healthy_nodes.insert(node->link().address()->to_string());
      }
    };
    add(endpoint.members());
    add(endpoint.others());
  }
  health.disturbed = now.disturbed;
  health.incident = now.incident;
  return health;
}

}  // namespace

Relinker::Relinker(loop::Loop& loop, Entropy entropy, ActuatorClient& actuator,
                   std::function<std::vector<EndpointNow>()> endpoints,
                   std::function<std::string(const core::RelinkTarget&)> new_incident,
                   Observer& observer)
    : loop_(loop),
      now_(std::move(endpoints)),
      observer_(observer),
      planner_(entropy, std::move(new_incident)),
      census_(loop, *this),
      out_of_sight_(loop, [this](const auto& counts) { observer_.on_out_of_sight(counts); }),
      actuator_(actuator),
      deadline_(loop.deadlines(), [this] { carry_out(planner_.on_deadline(loop_.now().at)); }),
      ask_again_(loop.deadlines(), [this] { ask_support(); }) {}

Relinker::~Relinker() = default;

void Relinker::restore(const Memory& memory) {
  planner_.restore(memory.plans);
  for (const auto& [target, cookies] : memory.opened_to_primary) census_.restore(target, cookies);
}

Relinker::Memory Relinker::memory() const {
  Memory m;
  m.plans = planner_.memory();
  for (const auto& [cookie, one] : census_.sockets()) {
    if (one.state.opened_to_primary()) m.opened_to_primary[one.target].push_back(cookie);
  }
  return m;
}

void Relinker::configure(const config::Settings& settings) {
  settings_ = settings;
  named_.clear();
  std::map<std::string, core::RelinkAppRules> apps;
  for (const config::App& app : settings.apps) {
    apps[app.name] = rules_of(app, settings.mode_of(app));
    named_.insert(app.endpoints.begin(), app.endpoints.end());
  }
  std::map<std::string, core::RelinkEndpointRules> endpoints;
  for (const config::Endpoint& e : settings.endpoints) {
    if (!named_.contains(e.name)) continue;
    core::RelinkEndpointRules rules;
    rules.reconnect_rate = e.reconnect_rate;
    rules.max_parallel = e.max_parallel;
    rules.wrong_node = e.url.scheme != config::Url::Scheme::Cluster || e.cluster_relink;
    endpoints[e.name] = rules;
  }
  planner_.configure(apps, endpoints);
  census_.configure(settings.apps);
  out_of_sight_.configure(settings.apps);
  const bool acts = std::any_of(apps.begin(), apps.end(),
                                [](const auto& entry) { return !entry.second.observe; });
  ask_again_.clear();
  if (acts) {
    ask_support();
  } else {
    reachable_.reset();
  }
  endpoint_changed();
}

void Relinker::stop() {
  census_.stop();
  out_of_sight_.stop();
  deadline_.clear();
  ask_again_.clear();
}

// --- what is seen -----------------------------------------------------------------------------

std::vector<Census::Endpoint> Relinker::endpoints() {
  std::vector<Census::Endpoint> all;
  by_name_.clear();
  for (const EndpointNow& now : now_()) {
    const std::string& name = now.endpoint->settings().name;
    by_name_[name] = now.endpoint;
    Census::Endpoint e;
    e.name = name;
    if (named_.contains(name)) e.places = now.endpoint->places();
    for (const watch::Former& f : now.endpoint->formers()) e.formers.push_back(f.address);
    if (!e.places.empty() || !e.formers.empty()) all.push_back(std::move(e));
  }
  return all;
}

void Relinker::endpoint_changed() {
  census_.look_soon();
  if (named_.empty() || std::exchange(health_is_due_, true)) return;
  // Once for all that happens in this turn.
  loop_.later([this] {
    health_is_due_ = false;
    tell_health();
  });
}

void Relinker::tell_health() {
  const MonoTime now = loop_.now().at;
  for (const EndpointNow& e : now_()) {
    const std::string& name = e.endpoint->settings().name;
    if (named_.contains(name)) carry_out(planner_.on_health(name, health_of(e), now));
  }
}

void Relinker::on_looked(bool full) {
  tell_health();
  const MonoTime now = loop_.now().at;
  std::map<core::RelinkTarget, std::vector<core::RelinkSocket>> all;
  // A target whose last socket is gone is news, too.
  for (const core::RelinkTarget& target : seen_) all[target];
  if (full) {
    for (const config::App& app : settings_.apps) {
      for (const std::string& endpoint : app.endpoints) all[{app.name, endpoint}];
    }
  }
  for (const auto& [cookie, one] : census_.sockets()) {
    core::RelinkSocket s;
    s.cookie = cookie;
    s.node = one.socket.remote.to_string();
    s.state = one.state.state();
    s.first_seen = one.state.first_seen();
    s.since = one.state.bad_since();
    s.last_ack = one.state.last_ack();
    s.looked_after = one.state.looked_after();
    all[one.target].push_back(std::move(s));
  }
  if (full) remember_openings(now);
  seen_.clear();
  for (const auto& [target, sockets] : all) {
    if (!sockets.empty()) seen_.insert(target);
    carry_out(planner_.on_census(target, sockets, full, now));
  }
  std::erase_if(hurried_, [&](const auto& entry) { return now - entry.second > kHurry; });
  observer_.on_looked(full);
}

/// Which sockets were opened to a primary is to be known after a restart, however that comes.
void Relinker::remember_openings(MonoTime now) {
  std::set<std::uint64_t> opened;
  for (const auto& [cookie, one] : census_.sockets()) {
    if (one.state.opened_to_primary()) opened.insert(cookie);
  }
  if (opened == remembered_ || now - remembered_at_ < kRemember) return;
  remembered_ = std::move(opened);
  remembered_at_ = now;
  observer_.on_memory_changed(false);
}

void Relinker::on_former_counted(const std::string& endpoint, const Address& former,
                                 std::uint64_t sockets) {
  const auto it = by_name_.find(endpoint);
  if (it != by_name_.end()) it->second->count_connections(former, sockets);
}

void Relinker::on_suspect(const std::string& endpoint, const Address& node) {
  const MonoTime now = loop_.now().at;
  const auto [it, fresh] = hurried_.try_emplace(node, now);
  if (!fresh && now - it->second < kHurry) return;
  it->second = now;
  const auto named = by_name_.find(endpoint);
  if (named != by_name_.end()) named->second->hurry(node);
}

// --- what is done -----------------------------------------------------------------------------

void Relinker::carry_out(core::RelinkPlan plan) {
  for (const core::RelinkNews& news : plan.news) observer_.on_relink(news);
  // Before the first order of a relink, so that a relinkd that is killed goes on with it; before
  // what disturbs; and when relinkd has decided to stop. To destroy a socket once more is to
  // destroy none: that waits for no disk.
  using Kind = core::RelinkNews::Kind;
  const auto any_news = [&](Kind kind) {
    return std::any_of(plan.news.begin(), plan.news.end(),
                       [kind](const auto& n) { return n.kind == kind; });
  };
  const bool disturbs = std::any_of(plan.orders.begin(), plan.orders.end(), [](const auto& o) {
    return o.verb != core::RelinkVerb::DestroySockets;
  });
  const bool begins = any_news(Kind::Decided) && !plan.orders.empty();
  if (!plan.news.empty() || !plan.orders.empty()) {
    observer_.on_memory_changed(disturbs || begins || any_news(Kind::BreakerOpened));
  }
  for (const core::RelinkOrder& order : plan.orders) {
    observer_.on_ordered(order);
    send(order);
  }
  deadline_.set(planner_.deadline());
}

void Relinker::send(const core::RelinkOrder& order) {
  UnderWay under_way{order, 0, 0, false, {}};
  const auto app = std::find_if(settings_.apps.begin(), settings_.apps.end(),
                                [&](const config::App& a) { return a.name == order.target.app; });
  orders::Order message;
  message.kind = orders::Order::Kind::Relink;
  message.verb = order.verb;
  message.app = order.target.app;
  message.endpoint = order.target.endpoint;
  message.incident = order.incident;
  std::vector<orders::Order> messages;
  if (order.verb == core::RelinkVerb::DestroySockets) {
    for (const std::uint64_t cookie : order.cookies) {
      const FollowedSocket* one = census_.find(cookie);
      // Gone since the decision: nothing is left to be done about it.
      if (one == nullptr) continue;
      message.socket = name_of(one->socket);
      messages.push_back(message);
    }
  } else if (app != settings_.apps.end() && order.rung < app->actions.size()) {
    message.action = app->actions[order.rung].to_string();
    messages.push_back(message);
  }
  under_way.left = messages.size();
  under_way_.emplace(order.id, std::move(under_way));
  for (orders::Order& m : messages) {
    const Duration patience = m.verb == core::RelinkVerb::DestroySockets ? kPatience : kJobPatience;
    actuator_.order(std::move(m), patience,
                    [this, id = order.id](const auto& reply) { on_answer(id, reply); });
  }
  // Not from within the planner's own call.
  if (messages.empty()) loop_.later([this, id = order.id] { finish(id); });
}

void Relinker::on_answer(std::uint64_t order, const Result<ActuatorClient::Reply>& reply) {
  if (!reply) {
    set_reachable(false, reply.error().message);
    return settle(order, false, true, reply.error().message);
  }
  // It is back; what it can do now is another question.
  if (reachable_ != true) ask_support();
  const orders::Answer& answer = reply->answer;
  settle(order, succeeded(answer.result), false,
         fmt::format("{}: {}", orders::kResultNames[answer.result], answer.detail));
}

void Relinker::settle(std::uint64_t order, bool done, bool lost, const std::string& detail) {
  const auto it = under_way_.find(order);
  if (it == under_way_.end()) return;
  UnderWay& under_way = it->second;
  --under_way.left;
  if (done) ++under_way.done;
  if (lost) under_way.lost = true;
  if (!done && under_way.detail.empty()) under_way.detail = detail;
  if (under_way.left == 0) finish(order);
}

void Relinker::finish(std::uint64_t id) {
  const auto node = under_way_.extract(id);
  if (node.empty()) return;
  const UnderWay& under_way = node.mapped();
  core::RelinkOutcome outcome = core::RelinkOutcome::Done;
  // Of many sockets, those that could not be destroyed stay bad, which the next look tells.
  if (under_way.done == 0 && !under_way.detail.empty()) {
    outcome = under_way.lost ? core::RelinkOutcome::NoActuator : core::RelinkOutcome::Failed;
  }
  observer_.on_acted(under_way.order, outcome, under_way.detail);
  carry_out(planner_.on_result(id, outcome, under_way.detail, loop_.now().at));
  if (outcome == core::RelinkOutcome::Done) census_.look_soon();
}

// --- the actuator -----------------------------------------------------------------------------

void Relinker::ask_support() {
  if (std::exchange(asking_, true)) return;
  orders::Order question;
  question.kind = orders::Order::Kind::Support;
  actuator_.order(std::move(question), kPatience, [this](const auto& reply) {
    asking_ = false;
    set_reachable(reply.has_value(), reply ? reply->answer.detail : reply.error().message);
  });
}

void Relinker::set_reachable(bool reachable, const std::string& detail) {
  if (reachable) {
    ask_again_.clear();
  } else {
    ask_again_.set(loop_.now().at + kAskAgain);
  }
  if (reachable_ == reachable && detail == reachable_detail_) return;
  const bool news = reachable_ != reachable || reachable;
  reachable_ = reachable;
  reachable_detail_ = detail;
  if (news) observer_.on_actuator(reachable, detail);
}

// --- a person's orders ------------------------------------------------------------------------

std::vector<core::RelinkNews> Relinker::order(const std::string& app, bool dry_run) {
  core::RelinkPlan plan = planner_.order(app, dry_run, loop_.now().at);
  std::vector<core::RelinkNews> news = plan.news;
  if (!dry_run) carry_out(std::move(plan));
  return news;
}

void Relinker::reset(const std::string& app) { carry_out(planner_.reset(app, loop_.now().at)); }

void Relinker::pause(MonoTime until) {
  carry_out(planner_.pause(until, loop_.now().at));
  observer_.on_memory_changed(true);
}

void Relinker::resume() {
  carry_out(planner_.resume(loop_.now().at));
  observer_.on_memory_changed(true);
}

}  // namespace relinkd::apps
