// SPDX-License-Identifier: Apache-2.0
#include "manager/manager.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <grp.h>
#include <unistd.h>

#include "base/text.hpp"
#include "files/config_files.hpp"
#include "kernel/processes.hpp"
#include "loop/notify.hpp"
#include "watch/secrets.hpp"

namespace relinkd::manager {

namespace {

/// The group whose members may read everything on the control socket.
constexpr const char* kReaders = "relinkd";

std::optional<gid_t> group_id(const std::string& name) {
  const group* g = getgrnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  return g == nullptr ? std::nullopt : std::optional(g->gr_gid);
}

bool is_member(const control::Peer& peer, const std::string& group) {
  const auto gid = group_id(group);
  return gid && (peer.gid == *gid ||
                 std::find(peer.groups.begin(), peer.groups.end(), *gid) != peer.groups.end());
}

}  // namespace

Checked check_configuration(const Options& options) {
  Checked checked;
  auto sources = files::read_config_files(options.config_file);
  if (!sources) {
    checked.errors.push_back(sources.error().message);
    return checked;
  }
  checked.loaded = config::load(*sources, options.extra_urls);
  for (const auto& d : checked.loaded.diagnostics) checked.errors.push_back(d.to_string());
  if (!checked.errors.empty()) return checked;
  net::TlsContextCache contexts;
  for (const config::Endpoint& e : checked.loaded.settings.endpoints) {
    for (const auto& password : {e.password, e.sentinel.password}) {
      if (!password) continue;
      if (const auto secret = watch::read_secret(*password); !secret) {
        checked.errors.push_back(fmt::format("endpoint {}: {}", e.name, secret.error().message));
      }
    }
    if (e.uses_tls()) {
      if (const auto tls = contexts.get(e.tls); !tls) {
        checked.errors.push_back(fmt::format("endpoint {}: {}", e.name, tls.error().message));
      }
    }
  }
  auto protection = metrics::read_protection(checked.loaded.settings.metrics);
  if (protection) {
    checked.protection = std::move(*protection);
  } else {
    checked.errors.push_back(protection.error().message);
  }
  return checked;
}

/// A new configuration made ready, before anything of the running one is touched.
struct Manager::Change {
  struct Slot {
    Watched* running = nullptr;              ///< the endpoint of that name, if there is one
    std::unique_ptr<watch::Endpoint> fresh;  ///< null: `running` keeps its connections
    config::Endpoint settings;
  };
  std::vector<std::unique_ptr<Watched>> added;
  std::vector<Slot> slots;
  control::ReloadView view;
};

Manager::Manager(loop::Loop& loop, journal::Journal& journal, Options options)
    : loop_(loop),
      options_(std::move(options)),
      reporter_(loop, journal),
      entropy_(std::random_device{}()),
      resolver_(loop),
      shared_{loop,
              reporter_,
              numbers_,
              judge_,
              [this] {
                for (const auto& e : endpoints_) e->rejudge();
              },
              [this] { update_status(); },
              [this] { memory_.save_soon(); },
              [this] { endpoint_changed(); }},
      actuator_(loop),
      sysctls_(loop, reporter_, numbers_, actuator_,
               [this] { return loaded_.settings.mode == config::Mode::Act && !apps_.paused(); }),
      apps_({loop, reporter_, numbers_, actuator_,
             [this] {
               std::vector<Watched*> watched;
               for (const auto& e : endpoints_) {
                 if (e->is_watched()) watched.push_back(e.get());
               }
               return watched;
             },
             [this](bool at_once) { at_once ? memory_.save() : memory_.save_soon(); }},
            entropy_.fork()),
      memory_(
          loop, reporter_, [this] { return remembered(); }, [this] { return apps_.memory(); }) {
  numbers_.version = RELINKD_VERSION;
}

Manager::~Manager() = default;

Result<void> Manager::start(Checked checked) {
  auto routes = kernel::RouteProbe::open();
  if (!routes) return routes.error();
  routes_.emplace(std::move(*routes));
  watching_.emplace(loop_, resolver_, *routes_);
  memory_.load();
  apps_.restore(memory_.of_apps());
  started_ = loop::Loop::wall();

  const config::Settings settings = checked.loaded.settings;
  auto change = prepare(settings);
  if (!change) return change.error();
  loaded_.settings = settings;
  open_ports(std::move(checked.protection));
  journal::Entry e;
  e.event = journal::Event::Started;
  e.priority = journal::Priority::Notice;
  e.message =
      fmt::format("relinkd {} watches {}; metrics: {}", RELINKD_VERSION,
                  plural(settings.endpoints.size(), "endpoint"), http_ ? http_->url() : "off");
  reporter_.report(std::move(e));
  apply(std::move(*change), std::move(checked.loaded));
  // A folder that cannot be written is to be known before it is needed.
  memory_.save();
  reporter_.on_event([this](const control::EventView& event) {
    if (control_) control_->publish(event);
  });
  loop::notify_ready(status_line());
  return {};
}

void Manager::stop() {
  loop::notify_stopping();
  memory_.save();
  apps_.stop();
  actuator_.stop();
  for (const auto& e : endpoints_) e->stop();
  journal::Entry e;
  e.event = journal::Event::Stopped;
  e.priority = journal::Priority::Notice;
  e.message = "relinkd stops";
  reporter_.report(std::move(e));
}

void Manager::degraded(std::string message) {
  journal::Entry e;
  e.event = journal::Event::Degraded;
  e.priority = journal::Priority::Error;
  e.message = std::move(message);
  reporter_.report(std::move(e));
}

Result<std::unique_ptr<metrics::HttpServer>> Manager::serve(const config::Metrics& settings,
                                                            metrics::Protection protection) {
  return metrics::HttpServer::start(loop_, settings, std::move(protection), numbers_,
                                    [this](std::string what) { degraded(std::move(what)); });
}

void Manager::open_ports(metrics::Protection protection) {
  const config::Settings& s = loaded_.settings;
  if (!s.metrics.listen.empty()) {
    auto http = serve(s.metrics, std::move(protection));
    if (http) {
      http_ = std::move(*http);
    } else {
      degraded(fmt::format("no metrics: {}", http.error().message));
    }
  }
  auto server = control::Server::start(loop_, s.control.socket, *this);
  if (server) {
    control_ = std::move(*server);
  } else {
    degraded(fmt::format("no control socket, relinkctl will not work: {}", server.error().message));
  }
}

// --- configuration ----------------------------------------------------------------------------

Result<Manager::Change> Manager::prepare(const config::Settings& next) {
  Change change;
  for (const config::Endpoint& e : next.endpoints) {
    Change::Slot slot;
    slot.settings = e;
    const auto it = std::find_if(endpoints_.begin(), endpoints_.end(),
                                 [&](const auto& w) { return w->numbers().endpoint == e.name; });
    if (it != endpoints_.end()) slot.running = it->get();
    if (slot.running != nullptr && slot.running->endpoint().can_update(e)) {
      ++change.view.endpoints_kept;
      change.slots.push_back(std::move(slot));
      continue;
    }
    if (slot.running == nullptr) {
      change.added.push_back(std::make_unique<Watched>(shared_, e.name));
      slot.running = change.added.back().get();
      ++change.view.endpoints_added;
    } else {
      ++change.view.endpoints_changed;
    }
    auto made = watch::Endpoint::make(*watching_, e, *slot.running, entropy_);
    if (!made) return Error{fmt::format("endpoint {}: {}", e.name, made.error().message)};
    // Of the same URL, whether this process or one before has watched it.
    if (const auto known = memory_.of(e)) (*made)->restore(*known);
    slot.fresh = std::move(*made);
    change.slots.push_back(std::move(slot));
  }
  return change;
}

void Manager::apply(Change change, config::Loaded loaded) {
  std::vector<std::unique_ptr<Watched>> before = std::move(endpoints_);
  std::move(change.added.begin(), change.added.end(), std::back_inserter(before));
  endpoints_.clear();
  for (const auto& slot : change.slots) {
    const auto it = std::find_if(before.begin(), before.end(),
                                 [&](const auto& w) { return w.get() == slot.running; });
    endpoints_.push_back(std::move(*it));
  }
  for (auto& gone : before) {
    if (!gone) continue;
    gone->stop();
    loop_.retire(std::move(gone));
  }
  loaded_ = std::move(loaded);
  config_loaded_ = loop::Loop::wall();
  numbers_.last_reload_ok = true;
  numbers_.last_reload_success = config_loaded_;
  refresh_numbers();
  actuator_.configure(loaded_.settings.actuator.socket);
  sysctls_.configure(loaded_.settings);
  for (auto& slot : change.slots) {
    if (slot.fresh) {
      slot.running->start(std::move(slot.fresh));
    } else {
      slot.running->endpoint().update(slot.settings);
    }
  }
  apps_.configure(loaded_.settings);
  update_status();
}

void Manager::refresh_numbers() {
  numbers_.endpoints.clear();
  for (const auto& e : endpoints_) numbers_.endpoints.push_back(&e->numbers());
}

control::ReloadView Manager::reload() {
  loop::notify_reloading();
  control::ReloadView view;
  // Certificates may have been renewed under the same names.
  watching_->around.contexts.clear();
  // What is changed goes on with what is known.
  memory_.save();
  Checked checked = check_configuration(options_);
  view.errors = std::move(checked.errors);
  const config::Settings& next = checked.loaded.settings;
  const config::Settings& running = loaded_.settings;
  if (view.errors.empty() && next.control.socket != running.control.socket) {
    view.errors.push_back(
        fmt::format("control.socket cannot change while relinkd runs (from {} to "
                    "{}); restart it",
                    running.control.socket, next.control.socket));
  }
  std::unique_ptr<metrics::HttpServer> http;
  const bool new_port = next.metrics.listen != running.metrics.listen;
  if (view.errors.empty() && new_port && !next.metrics.listen.empty()) {
    auto started = serve(next.metrics, std::move(checked.protection));
    if (started) {
      http = std::move(*started);
    } else {
      view.errors.push_back(started.error().message);
    }
  }
  if (view.errors.empty()) {
    auto change = prepare(next);
    if (change) {
      const std::size_t before = endpoints_.size();
      view = change->view;
      view.accepted = true;
      view.endpoints_removed =
          before - static_cast<std::size_t>(view.endpoints_kept + view.endpoints_changed);
      const config::Metrics port = next.metrics;
      apply(std::move(*change), std::move(checked.loaded));
      if (new_port) {
        loop_.retire(std::move(http_));
        http_ = std::move(http);
      } else if (http_) {
        if (const auto done = http_->protect(port, std::move(checked.protection)); !done) {
          degraded(fmt::format("the metrics port keeps what it had: {}", done.error().message));
        }
      }
    } else {
      view.errors.push_back(change.error().message);
    }
  }
  journal::Entry e;
  if (view.accepted) {
    e.event = journal::Event::ConfigReloaded;
    e.priority = journal::Priority::Notice;
    e.message = fmt::format(
        "configuration reloaded; endpoints: {} kept, {} changed, {} added, {} removed",
        view.endpoints_kept, view.endpoints_changed, view.endpoints_added, view.endpoints_removed);
    reporter_.report(std::move(e));
  } else {
    numbers_.last_reload_ok = false;
    for (const std::string& error : view.errors) {
      e.event = journal::Event::ConfigRefused;
      e.priority = journal::Priority::Error;
      e.message = fmt::format("configuration refused, the running one stays: {}", error);
      reporter_.report(e);
    }
  }
  loop::notify_ready(status_line());
  return view;
}

// --- status -----------------------------------------------------------------------------------

std::string Manager::status_line() const {
  std::array<std::size_t, core::kConditionNames.size()> counts{};
  for (const auto& e : endpoints_) ++counts[static_cast<std::size_t>(e->condition())];
  std::string text = "Watching " + plural(endpoints_.size(), "endpoint");
  for (std::size_t i = counts.size(); i-- > 0;) {
    if (counts[i] == 0) continue;
    text += fmt::format("{}{} {}", text.find(':') == std::string::npos ? ": " : ", ", counts[i],
                        core::kConditionNames.names[i]);
  }
  return text;
}

void Manager::update_status() {
  if (std::exchange(status_is_stale_, true)) return;
  // Once for all that happens in this turn.
  loop_.later([this] {
    status_is_stale_ = false;
    if (std::string line = status_line(); line != last_status_) {
      loop::notify_status(line);
      last_status_ = std::move(line);
    }
  });
}

control::Access Manager::access(const control::Peer& peer) {
  if (peer.uid == 0 || peer.uid == geteuid()) return control::Access::Order;
  for (const std::string& group : loaded_.settings.control.operators) {
    if (is_member(peer, group)) return control::Access::Order;
  }
  return is_member(peer, kReaders) ? control::Access::Read : control::Access::None;
}

control::StatusView Manager::status() {
  control::StatusView v;
  v.version = RELINKD_VERSION;
  v.pid = getpid();
  v.started = started_;
  v.metrics_url = http_ ? http_->url() : "";
  v.paused = apps_.paused();
  v.paused_until = apps_.paused_until();
  v.config_loaded = config_loaded_;
  for (const auto& e : endpoints_) v.endpoints.push_back(e->view());
  return v;
}

std::vector<std::pair<const config::Endpoint*, watch::Endpoint::Memory>> Manager::remembered()
    const {
  std::vector<std::pair<const config::Endpoint*, watch::Endpoint::Memory>> all;
  for (const auto& e : endpoints_) {
    all.emplace_back(&e->endpoint().settings(), e->endpoint().memory());
  }
  return all;
}

void Manager::endpoint_changed() {
  apps_.endpoint_changed();
  if (!control_ || std::exchange(subscriptions_are_stale_, true)) return;
  loop_.later([this] {
    subscriptions_are_stale_ = false;
    if (control_) control_->subscriptions_changed();
  });
}

control::OrderView Manager::relink(const std::string& app, bool dry_run) {
  return apps_.relink(app, dry_run);
}

control::OrderView Manager::pause(Duration duration) {
  control::OrderView view = apps_.pause(duration);
  update_status();
  return view;
}

control::OrderView Manager::resume() {
  control::OrderView view = apps_.resume();
  update_status();
  return view;
}

control::Subscriber Manager::subscriber(const control::Peer& peer) {
  const bool reads_all = access(peer) != control::Access::None;
  auto facts = kernel::process_facts(peer.pid);
  // A process that has ended since is nobody's, and so is one of another user that has got its pid.
  if (!facts || facts->uid != peer.uid) return {peer.uid, "", reads_all};
  return {peer.uid, std::move(facts->cgroup), reads_all};
}

std::vector<control::SubscriptionView> Manager::subscription(
    const control::Subscriber& subscriber) {
  return apps_.subscription(subscriber.cgroup, subscriber.uid, subscriber.reads_all);
}

std::vector<control::EventView> Manager::recent_events() { return reporter_.recent(); }

std::vector<control::OriginView> Manager::config() {
  std::vector<control::OriginView> views;
  for (const auto& o : loaded_.origins) views.push_back({o.key, o.value, o.place});
  return views;
}

}  // namespace relinkd::manager
