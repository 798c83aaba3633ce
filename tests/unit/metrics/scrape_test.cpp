// SPDX-License-Identifier: Apache-2.0
// A scrape is handed out in pieces between which the numbers may change.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exposition.hpp"

namespace relinkd::metrics {
namespace {

std::string condition_line(const std::string& endpoint, core::Condition c, int value) {
  return fmt::format("relinkd_endpoint_condition{{endpoint=\"{}\",condition=\"{}\"}} {}", endpoint,
                     to_string(c), value);
}

TEST(Scrape, OfAThousandEndpointsNoPieceIsLarge) {
  World world;
  for (int i = 0; i < 1000; ++i) world.add(fmt::format("endpoint-{}", i));
  Scrape scrape(world.numbers);
  std::size_t pieces = 0;
  std::size_t total = 0;
  for (std::string piece; !(piece = scrape.next()).empty();) {
    EXPECT_LE(piece.size(), 65'536U);
    EXPECT_EQ(piece.back(), '\n');
    ++pieces;
    total += piece.size();
  }
  EXPECT_GT(pieces, 100U);
  EXPECT_GT(total, 5'000'000U);
  EXPECT_EQ(scrape.next(), "") << "the end stays the end";
}

TEST(Scrape, EachFamilyHasItsHeaderOnceAndAllItsSeriesBehindIt) {
  World world;
  for (int i = 0; i < 500; ++i) world.add(fmt::format("endpoint-{}", i));
  std::set<std::string> families;
  std::string family;
  std::map<std::string, int> series;
  for (const auto& l : lines_of(text_of(world.numbers))) {
    if (l.starts_with("# TYPE ")) {
      family = l.substr(7, l.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family).second) << family << " comes twice";
    } else if (!l.starts_with('#')) {
      EXPECT_TRUE(l.starts_with(family)) << l;
      ++series[family];
    }
  }
  EXPECT_EQ(series["relinkd_endpoint_up"], 500);
  EXPECT_EQ(series["relinkd_endpoint_condition"], 500 * 18);
  EXPECT_EQ(series["relinkd_disconnects_total"], 500 * 24);
  EXPECT_EQ(series["relinkd_ping_rtt_seconds"], 500 * 13);
}

TEST(Scrape, AnEndpointHasExactlyOneConditionThoughItChangesBetweenPieces) {
  World world;
  for (int i = 0; i < 200; ++i) world.add(fmt::format("endpoint-{}", i));
  Scrape scrape(world.numbers);
  std::map<std::string, int> ones;
  int changes = 0;
  for (std::string piece; !(piece = scrape.next()).empty(); ++changes) {
    for (const auto& l : lines_of(piece)) {
      if (l.starts_with("relinkd_endpoint_condition{") && l.ends_with(" 1")) {
        ++ones[l.substr(0, l.find(','))];
      }
    }
    for (auto& e : world.endpoints) {
      e.condition = changes % 2 == 0 ? core::Condition::Ok : core::Condition::Stalled;
    }
  }
  EXPECT_GT(changes, 10);
  EXPECT_EQ(ones.size(), 200U);
  for (const auto& [endpoint, count] : ones) EXPECT_EQ(count, 1) << endpoint;
}

TEST(Scrape, ReadsTheNumbersWhenAPieceIsAskedFor) {
  World world;
  for (int i = 0; i < 1000; ++i) world.add(fmt::format("endpoint-{}", i));
  Scrape scrape(world.numbers);
  std::string text = scrape.next();
  world.endpoints.back().condition = core::Condition::Busy;
  for (std::string piece; !(piece = scrape.next()).empty();) text += piece;
  EXPECT_THAT(lines_of(text),
              testing::Contains(condition_line("endpoint-999", core::Condition::Busy, 1)));
}

TEST(Scrape, AnEndpointThatGoesMeanwhileIsNotReadAgainAndANewOneWaits) {
  std::vector<std::unique_ptr<EndpointNumbers>> endpoints;
  Numbers numbers;
  for (int i = 0; i < 300; ++i) {
    endpoints.push_back(std::make_unique<EndpointNumbers>());
    endpoints.back()->endpoint = fmt::format("endpoint-{}", i);
    numbers.endpoints.push_back(endpoints.back().get());
  }
  Scrape scrape(numbers);
  scrape.next();
  // As after a reload: the last one is gone and freed, a new one stands first.
  const auto fresh = std::make_unique<EndpointNumbers>();
  fresh->endpoint = "fresh";
  numbers.endpoints.pop_back();
  endpoints.pop_back();
  numbers.endpoints.insert(numbers.endpoints.begin(), fresh.get());

  std::string rest;
  for (std::string piece; !(piece = scrape.next()).empty();) rest += piece;
  EXPECT_EQ(rest.find("endpoint-299"), std::string::npos);
  EXPECT_EQ(rest.find("fresh"), std::string::npos);
  EXPECT_NE(rest.find("relinkd_disconnects_total{endpoint=\"endpoint-298\""), std::string::npos);

  std::set<std::string> seen;
  for (const auto& l : lines_of(rest)) {
    if (l.starts_with('#')) continue;
    EXPECT_TRUE(seen.insert(l.substr(0, l.rfind(' '))).second) << l;
  }
  EXPECT_NE(text_of(numbers).find("relinkd_endpoint_up{endpoint=\"fresh\"}"), std::string::npos);
}

TEST(Scrape, WithoutEndpointsTellsOfTheDaemonAlone) {
  const Numbers numbers;
  const std::string text = text_of(numbers);
  EXPECT_EQ(text.find("endpoint="), std::string::npos);
  EXPECT_NE(text.find("relinkd_build_info"), std::string::npos);
}

}  // namespace
}  // namespace relinkd::metrics
