// SPDX-License-Identifier: Apache-2.0
#include "manager/apps.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "manager/incident.hpp"
#include "manager/relink_texts.hpp"

namespace relinkd::manager {

namespace {

std::vector<apps::EndpointNow> endpoints_now(const std::vector<Watched*>& watched) {
  std::vector<apps::EndpointNow> all;
  all.reserve(watched.size());
  for (Watched* w : watched) {
    apps::EndpointNow now;
    now.endpoint = &w->endpoint();
    now.shown = w->condition();
    now.incident = w->recent_incident();
    if (w->disturbance()) now.disturbed = w->disturbance()->at;
    all.push_back(std::move(now));
  }
  return all;
}

}  // namespace

Apps::Apps(Surroundings surroundings, Entropy entropy)
    : around_(std::move(surroundings)),
      actuator_("not asked yet"),
      closes_({around_.loop, around_.reporter, around_.watched,
               [this](const core::RelinkTarget& target) { return numbers_of(target); }}),
      relinker_(
          around_.loop, entropy, around_.actuator,
          [this] { return endpoints_now(around_.watched()); },
          [](const core::RelinkTarget& target) { return new_incident_id(target.app); }, *this),
      tracer_(around_.loop, around_.actuator, relinker_.census(), *this),
      tuning_(around_.loop, around_.actuator, around_.reporter) {}

Apps::~Apps() = default;

void Apps::configure(const config::Settings& settings) {
  settings_ = settings;
  std::vector<std::unique_ptr<metrics::AppNumbers>> before = std::move(numbers_);
  numbers_.clear();
  around_.numbers.apps.clear();
  for (const config::App& app : settings.apps) {
    const auto it = std::find_if(before.begin(), before.end(),
                                 [&](const auto& n) { return n && n->app == app.name; });
    numbers_.push_back(it != before.end() ? std::move(*it)
                                          : std::make_unique<metrics::AppNumbers>());
    metrics::AppNumbers& n = *numbers_.back();
    n.app = app.name;
    // What is counted of an endpoint goes on where the app keeps it.
    const std::vector<metrics::AppEndpointNumbers> known = std::move(n.endpoints);
    n.endpoints.clear();
    for (const std::string& endpoint : app.endpoints) {
      const auto same = std::find_if(known.begin(), known.end(),
                                     [&](const auto& e) { return e.endpoint == endpoint; });
      n.endpoints.push_back(same != known.end() ? *same : metrics::AppEndpointNumbers{});
      n.endpoints.back().endpoint = endpoint;
    }
    around_.numbers.apps.push_back(&n);
  }
  relinker_.configure(settings);
  tracer_.configure(settings);
  if (!tracer_.active()) around_.numbers.trace_active = false;
  tuning_.configure(settings);
  // It may have been open before a restart.
  for (const auto& n : numbers_) n->breaker_open = relinker_.planner().breaker_open(n->app);
  for (const std::string& app : relinker_.matcher().unresolved()) {
    report(journal::Event::Degraded, journal::Priority::Warning,
           fmt::format(
               "{}: its match names a user that this host does not have; it matches nothing", app));
  }
}

void Apps::stop() {
  tracer_.stop();
  relinker_.stop();
  closes_.stop();
}

metrics::AppNumbers* Apps::numbers_of(const std::string& app) {
  const auto it =
      std::find_if(numbers_.begin(), numbers_.end(), [&](const auto& n) { return n->app == app; });
  return it == numbers_.end() ? nullptr : it->get();
}

metrics::AppEndpointNumbers* Apps::numbers_of(const core::RelinkTarget& target) {
  metrics::AppNumbers* app = numbers_of(target.app);
  if (app == nullptr) return nullptr;
  const auto it = std::find_if(app->endpoints.begin(), app->endpoints.end(),
                               [&](const auto& e) { return e.endpoint == target.endpoint; });
  return it == app->endpoints.end() ? nullptr : &*it;
}

// --- the door ---------------------------------------------------------------------------------

void Apps::report(journal::Event event, journal::Priority priority, std::string message,
                  const core::RelinkNews* news) {
  journal::Entry e;
  e.event = event;
  e.priority = priority;
  e.message = std::move(message);
  if (news != nullptr) {
    e.app = news->target.app;
    e.endpoint = news->target.endpoint;
    e.node = news->node;
    e.incident = news->incident;
    // What was found or closed concerns no action.
    if (news->result || news->kind == core::RelinkNews::Kind::Decided) {
      e.action = core::kRelinkVerbNames[news->verb];
    }
    if (news->result) e.result = core::kRelinkResultNames[*news->result];
    if (news->kind == core::RelinkNews::Kind::Recovered) {
      e.result = core::kRelinkResultNames[core::RelinkResult::Recovered];
    }
  }
  around_.reporter.report(std::move(e));
}

std::string Apps::action_text(const core::RelinkTarget& target, std::size_t rung,
                              core::RelinkVerb verb) const {
  for (const config::App& app : settings_.apps) {
    if (app.name == target.app && rung < app.actions.size()) return app.actions[rung].to_string();
  }
  return std::string(core::kRelinkVerbNames[verb]);
}

void Apps::on_relink(const core::RelinkNews& news) {
  using Kind = core::RelinkNews::Kind;
  using journal::Event;
  using journal::Priority;
  metrics::AppNumbers* numbers = numbers_of(news.target.app);
  if (numbers == nullptr) return;
  const std::string action = action_text(news.target, news.rung, news.verb);
  std::string text = relink_text(news, action);
  switch (news.kind) {
    case Kind::Decided: report(Event::RelinkDecided, Priority::Notice, text, &news); break;
    case Kind::Held:
      ++numbers->suppressed_total[static_cast<std::size_t>(*news.hold)];
      report(Event::RelinkHeld, Priority::Warning, text, &news);
      break;
    case Kind::Ended: {
      const core::RelinkResult result = *news.result;
      ++numbers
            ->relinks_total[static_cast<std::size_t>(news.verb)][static_cast<std::size_t>(result)];
      // What helped is told with the recovery.
      if (result == core::RelinkResult::Recovered) return;
      const bool would = result == core::RelinkResult::Would;
      report(would ? Event::RelinkActed : Event::RelinkFailed,
             would ? Priority::Notice : Priority::Warning, text, &news);
      break;
    }
    case Kind::Recovered:
      numbers->relink_seconds.observe(news.lasted);
      report(Event::RelinkRecovered, Priority::Notice, text, &news);
      break;
    case Kind::GaveUp: report(Event::RelinkFailed, Priority::Error, text, &news); break;
    case Kind::BreakerOpened:
      numbers->breaker_open = true;
      report(Event::BreakerOpened, Priority::Error, text, &news);
      break;
    case Kind::BreakerClosed:
      numbers->breaker_open = false;
      report(Event::BreakerClosed, Priority::Notice, text, &news);
      break;
  }
  if (!news.target.endpoint.empty()) {
    last_[news.target] = {std::move(text), loop::Loop::wall()};
  }
}

void Apps::on_acted(const core::RelinkOrder& order, core::RelinkOutcome outcome,
                    const std::string& detail) {
  // What failed, or found no actuator, is told with the action's result.
  if (outcome != core::RelinkOutcome::Done) return;
  journal::Entry e;
  e.event = journal::Event::RelinkActed;
  e.priority = journal::Priority::Notice;
  const std::string action = action_text(order.target, order.rung, order.verb);
  e.message = order.verb == core::RelinkVerb::DestroySockets
                  ? fmt::format("{}: {} of its connections to {} {} ended", order.target.app,
                                order.cookies.size(), order.target.endpoint,
                                order.cookies.size() == 1 ? "was" : "were")
                  : fmt::format("{}: {} was carried out for {}", order.target.app, action,
                                order.target.endpoint);
  if (!detail.empty()) e.message += "; " + detail;
  e.app = order.target.app;
  e.endpoint = order.target.endpoint;
  e.incident = order.incident;
  e.action = core::kRelinkVerbNames[order.verb];
  around_.reporter.report(std::move(e));
}

void Apps::on_looked(bool full) {
  tracer_.on_looked(full);
  if (full) tuning_.looked(relinker_.census(), paused());
  for (const auto& n : numbers_) {
    for (metrics::AppEndpointNumbers& e : n->endpoints) {
      e.sockets.fill(0);
      e.unprotected = 0;
      e.tuned = 0;
    }
  }
  for (const auto& [cookie, one] : relinker_.census().sockets()) {
    metrics::AppEndpointNumbers* e = numbers_of(one.target);
    if (e == nullptr) continue;
    ++e->sockets[static_cast<std::size_t>(one.state.state())];
    if (tuning_.unprotected(one)) ++e->unprotected;
    if (tuning_.tuned(one)) ++e->tuned;
  }
}

void Apps::on_out_of_sight(const std::vector<std::uint64_t>& processes) {
  for (std::size_t i = 0; i < processes.size() && i < numbers_.size(); ++i) {
    metrics::AppNumbers& n = *numbers_[i];
    const std::uint64_t before = std::exchange(n.other_netns, processes[i]);
    if (before != 0 || processes[i] == 0) continue;
    core::RelinkNews about;
    about.target.app = n.app;
    report(journal::Event::AppOutOfSight, journal::Priority::Warning,
           fmt::format("{}: {} of its processes {} in another network namespace; their connections "
                       "cannot be seen from here. trigger = \"endpoint\" acts on the endpoint's "
                       "condition instead",
                       n.app, processes[i], processes[i] == 1 ? "is" : "are"),
           &about);
  }
}

void Apps::on_actuator(bool reachable, const std::string& detail) {
  actuator_ = detail;
  if (reachable) tuning_.actuator_changed();
  report(reachable ? journal::Event::ActuatorBack : journal::Event::ActuatorLost,
         reachable ? journal::Priority::Notice : journal::Priority::Warning,
         reachable ? fmt::format("relinkd-actuator is there: {}", detail)
                   : fmt::format("{}; what is decided for apps cannot be carried out", detail));
}

void Apps::on_blind(const std::string& why) {
  report(journal::Event::Degraded, journal::Priority::Error,
         fmt::format("the connections of apps cannot be seen: {}", why));
}

void Apps::on_socket_event(const core::RelinkTarget& target, const core::SocketEvent& event) {
  closes_.on_socket_event(target, event);
}

void Apps::on_tracing(bool active, const std::string& detail) {
  around_.numbers.trace_active = active;
  // An actuator that had no programs for the kernel may have them now.
  if (active) tuning_.actuator_changed();
  report(active ? journal::Event::ActuatorBack : journal::Event::Degraded,
         active ? journal::Priority::Info : journal::Priority::Warning,
         active ? fmt::format("{} of apps at once, and why they close", detail)
                : fmt::format("connections of apps are looked at once a second only and not "
                              "protected, and why they close is not told: {}",
                              detail));
}

void Apps::on_trace_lost(std::uint64_t events) {
  around_.numbers.trace_events_lost_total += events;
  report(journal::Event::Degraded, journal::Priority::Warning,
         fmt::format("{} of apps' connections came faster than relinkd could read them, or {} not "
                     "told by the kernel: what closed then is not told, and not counted",
                     plural(events, "event"), events == 1 ? "was" : "were"));
}

}  // namespace relinkd::manager
