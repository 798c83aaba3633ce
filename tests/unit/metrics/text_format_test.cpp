// SPDX-License-Identifier: Apache-2.0
#include "metrics/text_format.hpp"

#include <limits>

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace relinkd::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string ours(const MetricFamily& family) {
  std::string out;
  append_header(family, out);
  append_series(family, out);
  return out;
}

std::string theirs(const MetricFamily& family) {
  const prometheus::TextSerializer serializer;
  return serializer.Serialize(std::vector<MetricFamily>{family});
}

MetricFamily family_of(MetricType type) {
  MetricFamily family;
  family.name = "relinkd_test";
  family.help = "What it is.";
  family.type = type;
  return family;
}

TEST(TextFormat, WritesNumbersAsTheLibraryDoes) {
  for (const MetricType type : {MetricType::Gauge, MetricType::Counter}) {
    MetricFamily family = family_of(type);
    for (const double value : {0.0,
                               1.0,
                               -1.0,
                               0.1,
                               0.1 + 0.2,
                               1.0 / 3.0,
                               0.0005,
                               1e-9,
                               1e-300,
                               42.5,
                               1e6,
                               123456789.0,
                               4294967296.0,
                               999999999999999.0,
                               1e15,
                               1e15 + 1,
                               4503599627370497.0,
                               9007199254740993.0,
                               1e16,
                               1e17,
                               1.8446744073709552e19,
                               1e300,
                               1763806500.123456789,
                               12600.0,
                               0.0123456789,
                               std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN(),
                               std::numeric_limits<double>::min(),
                               std::numeric_limits<double>::max()}) {
      ClientMetric metric;
      metric.gauge.value = value;
      metric.counter.value = value;
      family.metric.push_back(metric);
    }
    EXPECT_EQ(ours(family), theirs(family));
  }
}

TEST(TextFormat, WritesAndEscapesLabelsAsTheLibraryDoes) {
  MetricFamily family = family_of(MetricType::Gauge);
  for (const std::string& value :
       {std::string(), std::string("plain"), std::string("\"quoted\""), std::string("a\\b"),
        std::string("two\nlines"), std::string("\\\"\n"), std::string("ü µ …"),
        std::string("{a=\"b\"},")}) {
    ClientMetric metric;
    metric.label = {{"endpoint", value}, {"node", "10.0.0.7:6380"}};
    family.metric.push_back(metric);
  }
  EXPECT_EQ(ours(family), theirs(family));
}

TEST(TextFormat, WritesHistogramsAsTheLibraryDoes) {
  MetricFamily family = family_of(MetricType::Histogram);
  ClientMetric metric;
  metric.histogram.sample_count = 12;
  metric.histogram.sample_sum = 3.75;
  metric.histogram.bucket = {{0, 0.0005}, {3, 0.1}, {11, 2.5}, {11, 900.0}};
  family.metric.push_back(metric);
  metric.label = {{"condition", "half_open"}};
  metric.histogram.sample_count = std::numeric_limits<std::uint64_t>::max();
  family.metric.push_back(metric);
  EXPECT_EQ(ours(family), theirs(family));
}

TEST(TextFormat, WritesAFamilyWithoutSeriesAsTheLibraryDoes) {
  for (const MetricType type : {MetricType::Gauge, MetricType::Counter, MetricType::Histogram}) {
    EXPECT_EQ(ours(family_of(type)), theirs(family_of(type)));
  }
}

}  // namespace
}  // namespace relinkd::metrics
