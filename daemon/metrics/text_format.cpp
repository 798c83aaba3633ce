// SPDX-License-Identifier: Apache-2.0
#include "metrics/text_format.hpp"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace relinkd::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void append_count(std::uint64_t value, std::string& out) {
  const fmt::format_int digits(value);
  out.append(digits.data(), digits.size());
}

void append_number(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "Nan";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Inf" : "+Inf";
  } else if (value >= 0 && value < 1e15 && value == std::trunc(value)) {
    append_count(static_cast<std::uint64_t>(value), out);  // most values; %g would write the same
  } else {
    fmt::format_to(std::back_inserter(out), "{:.16g}", value);
  }
}

void append_escaped(std::string_view text, std::string& out) {
  std::size_t plain = 0;  // from here on nothing needed a backslash
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '\\' && c != '"' && c != '\n') continue;
    out += text.substr(plain, i - plain);
    out += '\\';
    out += c == '\n' ? 'n' : c;
    plain = i + 1;
  }
  out += text.substr(plain);
}

/// name{label="value",…,extra="…"} and a blank; `extra` is le="…" for the buckets.
void append_head(const MetricFamily& family, std::string_view suffix, const ClientMetric& metric,
                 std::string_view extra, std::string& out) {
  out += family.name;
  out += suffix;
  char before = '{';
  for (const auto& label : metric.label) {
    out += before;
    out += label.name;
    out += "=\"";
    append_escaped(label.value, out);
    out += '"';
    before = ',';
  }
  if (!extra.empty()) {
    out += before;
    out += extra;
    before = ',';
  }
  out += before == '{' ? " " : "} ";
}

void append_histogram(const MetricFamily& family, const ClientMetric& metric, std::string& out) {
  append_head(family, "_count", metric, {}, out);
  append_count(metric.histogram.sample_count, out);
  out += '\n';
  append_head(family, "_sum", metric, {}, out);
  append_number(metric.histogram.sample_sum, out);
  out += '\n';
  std::string le;
  for (const auto& bucket : metric.histogram.bucket) {
    le = "le=\"";
    append_number(bucket.upper_bound, le);
    le += '"';
    append_head(family, "_bucket", metric, le, out);
    append_count(bucket.cumulative_count, out);
    out += '\n';
  }
  append_head(family, "_bucket", metric, "le=\"+Inf\"", out);
  append_count(metric.histogram.sample_count, out);
  out += '\n';
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter: return "counter";
    case MetricType::Gauge: return "gauge";
    case MetricType::Histogram: return "histogram";
    case MetricType::Summary: return "summary";
    case MetricType::Untyped: break;
  }
  return "untyped";
}

}  // namespace

void append_header(const MetricFamily& family, std::string& out) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", family.name,
                 family.help, type_name(family.type));
}

void append_series(const MetricFamily& family, std::string& out) {
  for (const ClientMetric& metric : family.metric) {
    if (family.type == MetricType::Histogram) {
      append_histogram(family, metric, out);
      continue;
    }
    append_head(family, {}, metric, {}, out);
    append_number(family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value,
                  out);
    out += '\n';
  }
}

}  // namespace relinkd::metrics
