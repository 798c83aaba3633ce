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

TEST(Scrape, OfManyAppsAndOneWithManyEndpointsNoPieceIsLarge) {
  World world;
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back(fmt::format("endpoint-{}", i));
  world.add_app("all", many);
  for (int i = 0; i < 300; ++i) world.add_app(fmt::format("app-{}", i), {"endpoint-1"});
  Scrape scrape(world.numbers);
  std::string text;
  for (std::string piece; !(piece = scrape.next()).empty(); text += piece) {
    EXPECT_LE(piece.size(), 65'536U);
  }
  std::map<std::string, int> series;
  for (const auto& l : lines_of(text)) ++series[l.substr(0, l.find('{'))];
  EXPECT_EQ(series["relinkd_app_sockets"], 1300 * 8);
  EXPECT_EQ(series["relinkd_app_unprotected_sockets"], 1300);
  EXPECT_EQ(series["relinkd_relinks_total"], 301 * 25);
  EXPECT_EQ(series["# TYPE relinkd_app_sockets gauge"], 1);
}

// As after a reload: an app and an endpoint of another are gone, and new ones stand first.
TEST(Scrape, AppsThatChangeMeanwhileAreToldOnceAndThoseGoneNotAtAll) {
  World world;
  AppNumbers& stays = world.add_app("stays", {});
  for (int i = 0; i < 200; ++i) {
    stays.endpoints.emplace_back().endpoint = fmt::format("endpoint-{}", i);
  }
  auto goes = std::make_unique<AppNumbers>();
  goes->app = "goes";
  goes->endpoints.emplace_back().endpoint = "endpoint-0";
  world.numbers.apps.push_back(goes.get());
  AppNumbers fresh;
  fresh.app = "fresh";

  Scrape scrape(world.numbers);
  std::string text;
  // Until the family of an app's endpoints is under way.
  while (text.find("relinkd_app_sockets{") == std::string::npos) text += scrape.next();
  ASSERT_EQ(text.find("endpoint-199"), std::string::npos);
  world.numbers.apps = {&fresh, &stays};
  goes.reset();
  stays.endpoints.erase(stays.endpoints.begin() + 198);
  stays.endpoints.emplace(stays.endpoints.begin())->endpoint = "new";
  for (std::string piece; !(piece = scrape.next()).empty();) text += piece;

  std::map<std::string, int> series;
  for (const auto& l : lines_of(text)) {
    if (!l.starts_with('#')) ++series[l.substr(0, l.rfind(' '))];
  }
  for (const auto& [name, count] : series) EXPECT_EQ(count, 1) << name;
  const auto of = [](int i) {
    return fmt::format("relinkd_app_sockets{{app=\"stays\",endpoint=\"endpoint-{}\",state=\"ok\"}}",
                       i);
  };
  for (int i = 0; i < 200; ++i) EXPECT_EQ(series.contains(of(i)), i != 198) << i;
  for (const char* gone : {"\"goes\"", "\"fresh\"", "\"new\""}) {
    EXPECT_EQ(text.find(gone), std::string::npos) << gone;
  }
}

TEST(Scrape, WithoutEndpointsTellsOfTheDaemonAlone) {
  const Numbers numbers;
  const std::string text = text_of(numbers);
  EXPECT_EQ(text.find("endpoint="), std::string::npos);
  EXPECT_NE(text.find("relinkd_build_info"), std::string::npos);
}

}  // namespace
}  // namespace relinkd::metrics
