// SPDX-License-Identifier: Apache-2.0
// What relinkctl is told of apps, and what a person orders by it.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "manager/apps.hpp"
#include "manager/relink_texts.hpp"

namespace relinkd::manager {

bool Apps::paused() const { return relinker_.planner().paused(around_.loop.now().at); }

std::optional<WallTime> Apps::paused_until() const {
  const auto until = relinker_.planner().paused_until();
  if (!paused() || !until || *until == kNever) return std::nullopt;
  return loop::Loop::wall() + (*until - around_.loop.now().at);
}

control::AppEndpointView Apps::endpoint_view(const std::string& app,
                                             const std::string& endpoint) const {
  control::AppEndpointView v;
  v.endpoint = endpoint;
  const core::RelinkTarget target{app, endpoint};
  v.incident = relinker_.planner().incident(target);
  if (const auto it = last_.find(target); it != last_.end()) {
    v.last_relink = it->second.sentence;
    v.last_relink_at = it->second.at;
  }
  std::map<std::string, control::AppNodeView> nodes;
  std::vector<const apps::FollowedSocket*> listed;
  for (const auto& [cookie, one] : relinker_.census().sockets()) {
    if (one.target != target) continue;
    ++v.sockets;
    const std::string label = one.socket.remote.to_string();
    control::AppNodeView& node = nodes[label];
    node.node = label;
    ++node.sockets[std::string(core::to_string(one.state.state()))];
    const bool unprotected = tuning_.unprotected(one);
    if (unprotected) {
      ++v.unprotected;
      ++node.unprotected;
      const Duration hangs_for = tuning_.hangs_for(one, around_.numbers.tcp_give_up);
      if (one.state.waits()) {
        // Zero is for ever, and longer than any other.
        const bool ends = hangs_for > 0s && (node.waiting == 0 || node.waits_for > 0s);
        node.waits_for = ends ? std::max(node.waits_for, hangs_for) : 0s;
        ++node.waiting;
      } else {
        node.hangs_for = std::max(node.hangs_for, hangs_for);
      }
    }
    if (unprotected || is_trouble(one.state.state())) listed.push_back(&one);
  }
  for (auto& [name, node] : nodes) v.nodes.push_back(std::move(node));
  std::sort(listed.begin(), listed.end(), [](const auto* a, const auto* b) {
    const bool bad = is_trouble(a->state.state());
    if (bad != is_trouble(b->state.state())) return bad;
    return a->socket.cookie < b->socket.cookie;
  });
  if (listed.size() > control::AppEndpointView::kMostSockets) {
    listed.resize(control::AppEndpointView::kMostSockets);
  }
  for (const apps::FollowedSocket* one : listed) {
    control::AppSocketView s;
    s.local = one->socket.local.to_string();
    s.node = one->socket.remote.to_string();
    s.state = core::to_string(one->state.state());
    s.unprotected = tuning_.unprotected(*one);
    s.waiting = one->state.waits();
    if (s.unprotected) s.hangs_for = tuning_.hangs_for(*one, around_.numbers.tcp_give_up);
    s.detail = one->state.evidence();
    s.process = one->cgroup.empty() ? fmt::format("uid {}", one->socket.uid) : one->cgroup;
    v.listed.push_back(std::move(s));
  }
  return v;
}

control::AppsView Apps::view() const {
  control::AppsView v;
  v.paused = paused();
  v.paused_until = paused_until();
  v.actuator = actuator_;
  v.census = relinker_.census().looked_at().value_or(WallTime{});
  for (std::size_t i = 0; i < settings_.apps.size(); ++i) {
    const config::App& app = settings_.apps[i];
    control::AppView a;
    a.name = app.name;
    a.match = match_text(app.match);
    a.mode = config::kModeNames[settings_.mode_of(app)];
    for (const config::Action& action : app.actions) a.actions.push_back(action.to_string());
    for (const std::string& e : app.endpoints) a.endpoints.push_back(endpoint_view(app.name, e));
    a.other_netns = numbers_[i]->other_netns;
    a.breaker_open = relinker_.planner().breaker_open(app.name);
    v.apps.push_back(std::move(a));
  }
  return v;
}

control::OrderView Apps::unknown_app(const std::string& name) const {
  std::vector<std::string> names;
  for (const config::App& app : settings_.apps) names.push_back(app.name);
  return {false, {unknown_app_text(name, names)}};
}

control::OrderView Apps::relink(const std::string& app, bool dry_run) {
  if (numbers_of(app) == nullptr) return unknown_app(app);
  control::OrderView v;
  v.accepted = true;
  using Kind = core::RelinkNews::Kind;
  const auto all = relinker_.order(app, dry_run);
  for (const core::RelinkNews& news : all) {
    const auto holds = [&](const core::RelinkNews& other) {
      return other.kind == Kind::Held && other.target == news.target;
    };
    // To say what was decided would promise it.
    if (news.kind == Kind::Decided && std::any_of(all.begin(), all.end(), holds)) continue;
    if (news.kind == Kind::Held) v.accepted = false;
    v.lines.push_back(relink_text(news, action_text(news.target, news.rung, news.verb)));
  }
  if (v.lines.empty()) {
    v.lines.push_back(
        fmt::format("{} has no connection to any of its endpoints that is not being ended", app));
  }
  return v;
}

control::OrderView Apps::reset(const std::string& app) {
  if (numbers_of(app) == nullptr) return unknown_app(app);
  const bool was_open = relinker_.planner().breaker_open(app);
  relinker_.reset(app);
  return {true,
          {was_open ? fmt::format("the breaker of {} is closed; relinkd acts for it again", app)
                    : fmt::format("the breaker of {} was not open; its count begins anew", app)}};
}

control::OrderView Apps::tune(const std::string& app, bool revert) {
  control::OrderView view = tuning_.tune(app, revert, paused());
  around_.memory_changed(true);
  return view;
}

control::OrderView Apps::pause(Duration duration) {
  const MonoTime now = around_.loop.now().at;
  const bool endless = duration == Duration::zero();
  relinker_.pause(endless ? kNever : now + duration);
  const std::string text =
      endless ? "paused: nothing is done for any app until `relinkctl resume`"
              : fmt::format("paused for {}: nothing is done for any app", to_text(duration));
  report(journal::Event::Paused, journal::Priority::Warning, text);
  return {true, {text}};
}

control::OrderView Apps::resume() {
  const bool was = paused();
  relinker_.resume();
  const std::string text = was ? "resumed: relinkd acts for apps again" : "it was not paused";
  if (was) report(journal::Event::Resumed, journal::Priority::Notice, text);
  return {true, {text}};
}

std::vector<control::SubscriptionView> Apps::subscription(const std::string& cgroup, uid_t uid,
                                                          bool all) const {
  std::vector<control::SubscriptionView> views;
  const std::vector<Watched*> watched = around_.watched();
  for (std::size_t i = 0; i < settings_.apps.size(); ++i) {
    if (!all && !relinker_.matcher().fits(i, cgroup, uid)) continue;
    for (const std::string& endpoint : settings_.apps[i].endpoints) {
      const auto it = std::find_if(watched.begin(), watched.end(), [&](const Watched* w) {
        return w->numbers().endpoint == endpoint;
      });
      if (it == watched.end()) continue;
      views.push_back((*it)->subscription());
      views.back().app = settings_.apps[i].name;
    }
  }
  return views;
}

}  // namespace relinkd::manager
