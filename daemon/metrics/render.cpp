// SPDX-License-Identifier: Apache-2.0
#include "metrics/render.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <prometheus/metric_family.h>

#include "base/utf8.hpp"
#include "metrics/text_format.hpp"

namespace relinkd::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

constexpr std::size_t kPieceBytes = 32'768;
/// Lines added to a family before its text is written: what is held in the library's data model,
/// which takes some hundred bytes a series.
constexpr std::size_t kBatchLines = 256;

double to_number(WallTime t) { return to_seconds(t.time_since_epoch()); }

/// Label values come from the configuration and the command line; Prometheus refuses a whole
/// scrape for one that is not UTF-8.
std::string label_value(std::string_view text) {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), ascii)) return std::string(text);  // nearly always
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_character(text);
    out += length == 0 ? "\uFFFD" : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

/// The series of one family.
class Series {
 public:
  using Label = std::pair<std::string_view, std::string_view>;

  Series(std::string_view name, std::string_view help, MetricType type) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
    family_.metric.reserve(kBatchLines);
  }

  void add(double value, std::initializer_list<Label> labels = {}) {
    ClientMetric& metric = append(labels);
    (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    ++lines_;
  }
  void add(std::uint64_t value, std::initializer_list<Label> labels) {
    add(static_cast<double>(value), labels);
  }
  void add(bool value, std::initializer_list<Label> labels) { add(value ? 1.0 : 0.0, labels); }
  void add(const std::optional<double>& value) {
    if (value) add(*value);
  }

  template <std::size_t N>
  void add(const Histogram<N>& from, std::initializer_list<Label> labels = {}) {
    auto& histogram = append(labels).histogram;
    histogram.sample_sum = from.sum;
    histogram.bucket.reserve(N);
    for (std::size_t i = 0; i < N; ++i) {
      histogram.sample_count += from.counts[i];
      histogram.bucket.push_back({histogram.sample_count, (*from.bounds)[i]});
    }
    histogram.sample_count += from.counts[N];
    lines_ += N + 3;
  }

  [[nodiscard]] const prometheus::MetricFamily& family() const { return family_; }
  [[nodiscard]] std::size_t lines() const { return lines_; }

 private:
  ClientMetric& append(std::initializer_list<Label> labels) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label.reserve(labels.size());
    for (const auto& [name, value] : labels) {
      metric.label.push_back({std::string(name), label_value(value)});
    }
    return metric;
  }

  prometheus::MetricFamily family_;
  std::size_t lines_ = 0;
};

/// One series for each name of an enum: `values` has as many.
template <typename Names>
void add_each(Series& out, Series::Label of, std::string_view label, const Names& names,
              std::span<const std::uint64_t> values) {
  for (std::size_t i = 0; i < values.size(); ++i) out.add(values[i], {of, {label, names.names[i]}});
}

using FromAll = void (*)(const Numbers&, Series&);
using FromProcess = void (*)(const ProcessNumbers&, Series&);
using FromEndpoint = void (*)(const EndpointNumbers&, Series&);
using FromApp = void (*)(const AppNumbers&, Series&);
using FromAppEndpoint = void (*)(const AppNumbers&, const AppEndpointNumbers&, Series&);

struct Metric {
  std::string_view name;
  std::string_view help;
  MetricType type;
  std::variant<FromAll, FromProcess, FromEndpoint, FromApp, FromAppEndpoint> source;
};

constexpr auto Counter = MetricType::Counter;
constexpr auto Gauge = MetricType::Gauge;
constexpr auto Summarised = MetricType::Histogram;

using All = Numbers;
using Process = ProcessNumbers;
using Endpoint = EndpointNumbers;
using App = AppNumbers;
using AppEndpoint = AppEndpointNumbers;

/// The table of metrics: every name that relinkd exports.
constexpr auto kMetrics = std::to_array<Metric>({
    {"relinkd_endpoint_up", "Whether applications can use the endpoint (condition ok or slow).",
     Gauge,
     +[](const Endpoint& e, Series& s) {
       s.add(e.up, {{"endpoint", e.endpoint}});
     }},
    {"relinkd_endpoint_condition", "The condition of the endpoint: exactly one of them is 1.",
     Gauge,
     +[](const Endpoint& e, Series& s) {
       for (std::size_t i = 0; i < core::kConditionNames.size(); ++i) {
         const auto c = static_cast<core::Condition>(i);
         s.add(e.condition == c, {{"endpoint", e.endpoint}, {"condition", to_string(c)}});
       }
     }},
    {"relinkd_conditions_total", "How often the endpoint came into each condition.", Counter,
     +[](const Endpoint& e, Series& s) {
       add_each(s, {"endpoint", e.endpoint}, "condition", core::kConditionNames,
                e.conditions_total);
     }},
    {"relinkd_node_up", "Whether applications can use this node of the endpoint.", Gauge,
     +[](const Endpoint& e, Series& s) {
       for (const auto& n : e.nodes) s.add(n.up, {{"endpoint", e.endpoint}, {"node", n.node}});
     }},
    {"relinkd_node_role", "The role that the node reports: exactly one of them is 1.", Gauge,
     +[](const Endpoint& e, Series& s) {
       for (const auto& n : e.nodes) {
         for (std::size_t i = 0; i < kNodeRoleNames.size(); ++i) {
           s.add(n.role == static_cast<NodeRole>(i),
                 {{"endpoint", e.endpoint}, {"node", n.node}, {"role", kNodeRoleNames.names[i]}});
         }
       }
     }},
    {"relinkd_ping_rtt_seconds", "From sending a PING to its answer.", Summarised,
     +[](const Endpoint& e, Series& s) {
       s.add(e.ping_rtt_seconds, {{"endpoint", e.endpoint}});
     }},
    {"relinkd_detection_seconds", "From the last proof of life to the condition that was decided.",
     Summarised,
     +[](const All& n, Series& s) {
       for (std::size_t i = 0; i < core::kConditionNames.size(); ++i) {
         const auto c = static_cast<core::Condition>(i);
         if (c == core::Condition::Unknown || c == core::Condition::Ok) continue;
         s.add(n.detection_seconds[i], {{"condition", to_string(c)}});
       }
     }},
    {"relinkd_disconnects_total", "Connections of relinkd to the endpoint that ended, by cause.",
     Counter,
     +[](const Endpoint& e, Series& s) {
       add_each(s, {"endpoint", e.endpoint}, "cause", core::kCauseNames, e.disconnects_total);
     }},
    {"relinkd_reconnects_total", "Attempts of relinkd to connect to the endpoint, by result.",
     Counter,
     +[](const Endpoint& e, Series& s) {
       add_each(s, {"endpoint", e.endpoint}, "result", core::kConnectResultNames,
                e.reconnects_total);
     }},
    {"relinkd_reconnect_seconds",
     "From the end of a connection of relinkd to the first answer on the next one.", Summarised,
     +[](const All& n, Series& s) { s.add(n.reconnect_seconds); }},
    {"relinkd_failovers_total", "Changes of the server behind the endpoint, by kind.", Counter,
     +[](const Endpoint& e, Series& s) {
       add_each(s, {"endpoint", e.endpoint}, "kind", core::kFailoverKindNames, e.failovers_total);
     }},
    {"relinkd_failover_seconds",
     "From the last proof of life of the old primary to the first of the new one.", Summarised,
     +[](const All& n, Series& s) {
       for (std::size_t i = 0; i < core::kFailoverKindNames.size(); ++i) {
         s.add(n.failover_seconds[i], {{"kind", core::kFailoverKindNames.names[i]}});
       }
     }},
    {"relinkd_last_failover_timestamp_seconds",
     "When the last failover of the endpoint was seen, in Unix time; 0 while there was none.",
     Gauge,
     +[](const Endpoint& e, Series& s) {
       s.add(to_number(e.last_failover), {{"endpoint", e.endpoint}});
     }},
    {"relinkd_last_failover_duration_seconds",
     "How long the last failover of the endpoint took; 0 while there was none.", Gauge,
     +[](const Endpoint& e, Series& s) {
       s.add(to_seconds(e.last_failover_duration), {{"endpoint", e.endpoint}});
     }},
    {"relinkd_dns_changes_total", "How often the endpoint's name came to have other addresses.",
     Counter,
     +[](const Endpoint& e, Series& s) {
       s.add(e.dns_changes_total, {{"endpoint", e.endpoint}});
     }},
    {"relinkd_maintenance_events_total",
     "Notices of planned maintenance that the service announced, by type.", Counter,
     +[](const Endpoint& e, Series& s) {
       add_each(s, {"endpoint", e.endpoint}, "type", core::kAnnouncementNames,
                e.maintenance_events_total);
     }},
    {"relinkd_idle_cut_seconds",
     "Age at which idle connections are cut on the path to the endpoint; 0 while none is seen.",
     Gauge,
     +[](const Endpoint& e, Series& s) {
       s.add(to_seconds(e.idle_cut), {{"endpoint", e.endpoint}});
     }},
    {"relinkd_tls_certificate_expiry_timestamp_seconds",
     "When the first certificate of the server's chain expires, in Unix time.", Gauge,
     +[](const Endpoint& e, Series& s) {
       if (e.certificate_expiry == WallTime{}) return;
       s.add(to_number(e.certificate_expiry), {{"endpoint", e.endpoint}});
     }},
    {"relinkd_app_sockets", "Connections of the application to the endpoint's nodes, by state.",
     Gauge,
     +[](const App& a, const AppEndpoint& e, Series& s) {
       for (std::size_t i = 0; i < e.sockets.size(); ++i) {
         s.add(e.sockets[i], {{"app", a.app},
                              {"endpoint", e.endpoint},
                              {"state", core::kAppSocketStateNames.names[i]}});
       }
     }},
    {"relinkd_app_unprotected_sockets",
     "Those of them on which a cut while they are idle is not noticed within a minute.", Gauge,
     +[](const App& a, const AppEndpoint& e, Series& s) {
       s.add(e.unprotected, {{"app", a.app}, {"endpoint", e.endpoint}});
     }},
    {"relinkd_tuned_sockets",
     "Those of them on which the keepalive and user timeout that relinkd gave them are in force.",
     Gauge,
     +[](const App& a, const AppEndpoint& e, Series& s) {
       s.add(e.tuned, {{"app", a.app}, {"endpoint", e.endpoint}});
     }},
    {"relinkd_app_connects_total",
     "Connections that the application tried to open to the endpoint's nodes, by result.", Counter,
     +[](const App& a, const AppEndpoint& e, Series& s) {
       for (std::size_t i = 0; i < e.connects_total.size(); ++i) {
         s.add(e.connects_total[i], {{"app", a.app},
                                     {"endpoint", e.endpoint},
                                     {"result", core::kAppConnectResultNames.names[i]}});
       }
     }},
    {"relinkd_app_disconnects_total",
     "Connections of the application to the endpoint's nodes that ended, by cause.", Counter,
     +[](const App& a, const AppEndpoint& e, Series& s) {
       for (std::size_t i = 0; i < e.disconnects_total.size(); ++i) {
         s.add(e.disconnects_total[i],
               {{"app", a.app}, {"endpoint", e.endpoint}, {"cause", core::kCauseNames.names[i]}});
       }
     }},
    {"relinkd_app_other_netns",
     "Processes of the application in a network namespace that relinkd does not see.", Gauge,
     +[](const App& a, Series& s) {
       s.add(a.other_netns, {{"app", a.app}});
     }},
    {"relinkd_relinks_total",
     "Actions that were to make the application reconnect, by action and result.", Counter,
     +[](const App& a, Series& s) {
       for (std::size_t i = 0; i < a.relinks_total.size(); ++i) {
         for (std::size_t j = 0; j < a.relinks_total[i].size(); ++j) {
           s.add(a.relinks_total[i][j], {{"app", a.app},
                                         {"action", core::kRelinkVerbNames.names[i]},
                                         {"result", core::kRelinkResultNames.names[j]}});
         }
       }
     }},
    {"relinkd_relinks_suppressed_total",
     "How often the application was to reconnect and nothing was done, by reason.", Counter,
     +[](const App& a, Series& s) {
       add_each(s, {"app", a.app}, "reason", core::kRelinkHoldNames, a.suppressed_total);
     }},
    {"relinkd_relink_breaker_open",
     "Whether relinkd has stopped acting for the application: too many relinks, or no use.", Gauge,
     +[](const App& a, Series& s) {
       s.add(a.breaker_open, {{"app", a.app}});
     }},
    {"relinkd_relink_seconds",
     "From the first sight of a dead or misled connection to the verified recovery.", Summarised,
     +[](const App& a, Series& s) {
       s.add(a.relink_seconds, {{"app", a.app}});
     }},
    {"relinkd_incidents_open", "Incidents of the endpoint that have not ended.", Gauge,
     +[](const Endpoint& e, Series& s) {
       s.add(e.incidents_open, {{"endpoint", e.endpoint}});
     }},
    {"relinkd_sysctl_value", "The kernel's value of a wanted sysctl.", Gauge,
     +[](const All& n, Series& s) {
       for (const auto& k : n.sysctls) {
         if (k.readable) s.add(k.value, {{"key", k.key}});
       }
     }},
    {"relinkd_sysctl_wanted", "The value that the configuration wants.", Gauge,
     +[](const All& n, Series& s) {
       for (const auto& k : n.sysctls) s.add(k.wanted, {{"key", k.key}});
     }},
    {"relinkd_sysctl_ok", "Whether the sysctl has the wanted value.", Gauge,
     +[](const All& n, Series& s) {
       for (const auto& k : n.sysctls) s.add(k.readable && k.ok, {{"key", k.key}});
     }},
    {"relinkd_sysctl_persistent",
     "Whether it will have the wanted value after a reboot, by the files of sysctl.d.", Gauge,
     +[](const All& n, Series& s) {
       for (const auto& k : n.sysctls) {
         if (k.persistent) s.add(*k.persistent, {{"key", k.key}});
       }
     }},
    {"relinkd_trace_active",
     "Whether the kernel tells of the applications' connections at once, and why they close (BPF).",
     Gauge, +[](const All& n, Series& s) { s.add(n.trace_active, {}); }},
    {"relinkd_trace_events_lost_total",
     "What the kernel told of connections faster than it was read, or did not tell.", Counter,
     +[](const All& n, Series& s) { s.add(n.trace_events_lost_total, {}); }},
    {"relinkd_tcp_give_up_seconds",
     "After how long the kernel ends a connection whose data nobody acknowledges.", Gauge,
     +[](const All& n, Series& s) {
       if (n.tcp_give_up != Duration::zero()) s.add(to_seconds(n.tcp_give_up));
     }},
    {"relinkd_build_info", "Always 1; what was built is in the labels.", Gauge,
     +[](const All& n, Series& s) {
       s.add(1.0, {{"version", n.version}});
     }},
    {"relinkd_config_last_reload_successful",
     "Whether the configuration that was read last is in force.", Gauge,
     +[](const All& n, Series& s) { s.add(n.last_reload_ok, {}); }},
    {"relinkd_config_last_reload_success_timestamp_seconds",
     "When a configuration came into force last, in Unix time.", Gauge,
     +[](const All& n, Series& s) { s.add(to_number(n.last_reload_success)); }},
    {"process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", Counter,
     +[](const Process& p, Series& s) { s.add(p.cpu_seconds); }},
    {"process_open_fds", "Number of open file descriptors.", Gauge,
     +[](const Process& p, Series& s) { s.add(p.open_fds); }},
    {"process_max_fds", "Maximum number of open file descriptors.", Gauge,
     +[](const Process& p, Series& s) { s.add(p.max_fds); }},
    {"process_virtual_memory_bytes", "Virtual memory size in bytes.", Gauge,
     +[](const Process& p, Series& s) { s.add(p.virtual_memory_bytes); }},
    {"process_resident_memory_bytes", "Resident memory size in bytes.", Gauge,
     +[](const Process& p, Series& s) { s.add(p.resident_memory_bytes); }},
    {"process_start_time_seconds", "Start time of the process since unix epoch in seconds.", Gauge,
     +[](const Process& p, Series& s) { s.add(p.start_time_seconds); }},
});

template <typename T>
bool contains(const std::vector<const T*>& all, const T* one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

Scrape::Scrape(const Numbers& numbers)
    : numbers_(numbers),
      process_(read_process()),
      endpoints_(numbers.endpoints),
      apps_(numbers.apps) {
  for (const AppNumbers* app : apps_) {
    for (std::size_t i = 0; i < app->endpoints.size(); ++i) {
      app_endpoints_.push_back({app, app->endpoints[i].endpoint, i});
    }
  }
}

const AppEndpointNumbers* Scrape::AppEndpoint::find() const {
  const auto& now = app->endpoints;
  if (at < now.size() && now[at].endpoint == endpoint) return &now[at];
  const auto it =
      std::find_if(now.begin(), now.end(), [&](const auto& e) { return e.endpoint == endpoint; });
  return it == now.end() ? nullptr : &*it;
}

std::string Scrape::next() {
  std::string out;
  const bool same_endpoints = endpoints_ == numbers_.endpoints;
  const bool same_apps = apps_ == numbers_.apps;
  while (out.size() < kPieceBytes && family_ < kMetrics.size()) {
    const Metric& metric = kMetrics[family_];
    Series series(metric.name, metric.help, metric.type);
    // Goes on where the last piece ended; whether nothing is left then.
    const auto some_of = [&](const auto& items, const auto& add) {
      for (; item_ < items.size() && series.lines() < kBatchLines; ++item_) add(items[item_]);
      return item_ == items.size();
    };
    bool whole = true;
    if (const auto* from_all = std::get_if<FromAll>(&metric.source)) {
      (*from_all)(numbers_, series);
    } else if (const auto* from_process = std::get_if<FromProcess>(&metric.source)) {
      (*from_process)(process_, series);
    } else if (const auto* from_endpoint = std::get_if<FromEndpoint>(&metric.source)) {
      whole = some_of(endpoints_, [&](const EndpointNumbers* e) {
        if (same_endpoints || contains(numbers_.endpoints, e)) (*from_endpoint)(*e, series);
      });
    } else if (const auto* from_app = std::get_if<FromApp>(&metric.source)) {
      whole = some_of(apps_, [&](const AppNumbers* a) {
        if (same_apps || contains(numbers_.apps, a)) (*from_app)(*a, series);
      });
    } else {
      const FromAppEndpoint from_app_endpoint = std::get<FromAppEndpoint>(metric.source);
      whole = some_of(app_endpoints_, [&](const AppEndpoint& one) {
        if (!same_apps && !contains(numbers_.apps, one.app)) return;
        if (const auto* e = one.find()) from_app_endpoint(*one.app, *e, series);
      });
    }
    if (series.lines() > 0 && !std::exchange(has_header_, true)) {
      append_header(series.family(), out);
    }
    append_series(series.family(), out);
    if (!whole) continue;
    ++family_;
    item_ = 0;
    has_header_ = false;
  }
  return out;
}

}  // namespace relinkd::metrics
