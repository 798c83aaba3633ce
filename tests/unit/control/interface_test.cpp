// SPDX-License-Identifier: Apache-2.0
#include "control/interface.hpp"

#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/views.hpp"
#include "support/control_service.hpp"

namespace relinkd::control {
namespace {

using nlohmann::json;

/// The names of the fields in the parentheses behind `before` in the description.
std::set<std::string> fields(const std::string& before) {
  const std::string text(relinkd_description());
  const std::size_t at = text.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  const std::size_t open = text.find('(', at + before.size() - 1);
  const std::string inside = text.substr(open, text.find(')', open) - open);
  std::set<std::string> names;
  const std::regex field(R"(([a-z_]+): )");
  for (std::sregex_iterator i(inside.begin(), inside.end(), field), end; i != end; ++i) {
    names.insert((*i)[1]);
  }
  return names;
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

TEST(Description, NamesExactlyTheKeysThatAreSent) {
  StatusView status;
  EndpointView& endpoint = status.endpoints.emplace_back();
  endpoint.nodes.emplace_back();
  endpoint.sentinels.emplace_back();
  endpoint.former_primaries.emplace_back();
  endpoint.last_failover.emplace();
  const json sent = json::parse(encode_status(status, WallTime{}));
  EXPECT_EQ(fields("method GetStatus() -> ("), keys(sent));
  EXPECT_EQ(fields("type Endpoint ("), keys(sent["endpoints"][0]));
  EXPECT_EQ(fields("type Node ("), keys(sent["endpoints"][0]["nodes"][0]));
  EXPECT_EQ(fields("type Node ("), keys(sent["endpoints"][0]["sentinels"][0]));
  EXPECT_EQ(fields("type FormerPrimary ("), keys(sent["endpoints"][0]["former_primaries"][0]));
  EXPECT_EQ(fields("type Failover ("), keys(sent["endpoints"][0]["last_failover"]));

  EXPECT_EQ(fields("type Close ("), keys(json::parse(encode_close({}))));

  EventView event = testing::event(1, "x");
  event.endpoint = event.node = event.condition = event.cause = event.incident = "x";
  event.app = event.action = event.result = "x";
  EXPECT_EQ(fields("type Event ("), keys(json::parse(encode_event(event))));
  EXPECT_EQ(fields("method GetEvents() -> ("), keys(json::parse(encode_events({}))));

  const json config = json::parse(encode_config({{"a", "b", "c"}}));
  EXPECT_EQ(fields("method GetConfig() -> ("), keys(config));
  EXPECT_EQ(fields("type Value ("), keys(config["values"][0]));
  EXPECT_EQ(fields("method Reload() -> ("), keys(json::parse(encode_reload({}))));
}

TEST(Description, NamesExactlyTheKeysThatAreSentOfApps) {
  AppsView apps;
  AppEndpointView& endpoint = apps.apps.emplace_back().endpoints.emplace_back();
  endpoint.nodes.emplace_back();
  endpoint.listed.emplace_back();
  const json sent = json::parse(encode_apps(apps));
  EXPECT_EQ(fields("method GetApps() -> ("), keys(sent));
  EXPECT_EQ(fields("type App ("), keys(sent["apps"][0]));
  const json& of_endpoint = sent["apps"][0]["endpoints"][0];
  EXPECT_EQ(fields("type AppEndpoint ("), keys(of_endpoint));
  EXPECT_EQ(fields("type AppNode ("), keys(of_endpoint["nodes"][0]));
  EXPECT_EQ(fields("type AppSocket ("), keys(of_endpoint["listed"][0]));

  const json subscription = json::parse(encode_subscription({{}}));
  EXPECT_EQ(fields("method Subscribe() -> ("), keys(subscription));
  EXPECT_EQ(fields("type Subscription ("), keys(subscription["subscriptions"][0]));

  const auto order = keys(json::parse(encode_order({})));
  EXPECT_EQ(fields("method Relink(app: string, dry_run: bool) -> ("), order);
  EXPECT_EQ(fields("method Reset(app: string) -> ("), order);
  EXPECT_EQ(fields("method Tune(app: string, revert: bool) -> ("), order);
  EXPECT_EQ(fields("method Pause(seconds: ?float) -> ("), order);
  EXPECT_EQ(fields("method Resume() -> ("), order);
}

/// The grammar of https://varlink.org/Interface-Definition as far as it is regular: each line by
/// itself, and parentheses that close.
TEST(Description, IsWrittenAsVarlinkDefinesIt) {
  const std::string type =
      R"((\?|\[\]|\[string\])*(bool|int|float|string|object|[A-Z][A-Za-z0-9]*))";
  const std::string field = "[a-z]([_]?[a-z0-9])*: " + type;
  const std::string list = R"(\(()" + field + "(, " + field + R"()*)?\))";
  const std::regex line(R"(|#.*|interface [a-z]+(\.[a-z]+)+|\)|  )" + field +
                        R"(,?|type [A-Z][A-Za-z0-9]* \(|(error [A-Z][A-Za-z0-9]* )" + list +
                        R"()|(method [A-Z][A-Za-z0-9]*)" + list + " -> (" + list + R"(|\()))");
  for (const auto description : {service_description(), relinkd_description()}) {
    std::size_t number = 0;
    int open = 0;
    std::size_t begin = 0;
    while (begin < description.size()) {
      const std::size_t end = description.find('\n', begin);
      const std::string text(description.substr(begin, end - begin));
      ++number;
      EXPECT_TRUE(std::regex_match(text, line)) << number << ": " << text;
      if (text.empty() || text[0] != '#') {
        open += static_cast<int>(std::count(text.begin(), text.end(), '('));
        open -= static_cast<int>(std::count(text.begin(), text.end(), ')'));
      }
      EXPECT_TRUE(open == 0 || open == 1) << number;
      ASSERT_NE(end, std::string::npos) << "the last line ends";
      begin = end + 1;
    }
    EXPECT_EQ(open, 0);
  }
}

}  // namespace
}  // namespace relinkd::control
