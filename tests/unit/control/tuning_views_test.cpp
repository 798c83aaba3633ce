// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/views.hpp"

namespace relinkd::control {
namespace {

using nlohmann::json;

TuningView example() {
  TuningEndpointView endpoint;
  endpoint.endpoint = "sessions";
  endpoint.sockets = 23;
  endpoint.strict = 3;
  endpoint.tuned = 17;
  endpoint.loose = 2;
  endpoint.unseen = 1;
  endpoint.wanted = SocketOptionsView{true, 5s, 1s, 3, 8s};
  endpoint.changes = {{17, true, {false, 7200s, 75s, 9, 0s}, {true, 5s, 1s, 3, 8s}},
                      {2, false, {true, 60s, 75s, 9, 0s}, {true, 5s, 1s, 3, 1500ms}}};
  TuningEndpointView left_alone;
  left_alone.endpoint = "orders";
  return {true, "this kernel has no BTF", {{"checkout", "act", true, {endpoint, left_alone}}}};
}

TEST(Tuning, IsTheSocketsOptionsBeforeAndAfter) {
  const json tuning = json::parse(encode_tuning(example()));
  const json& app = tuning["apps"][0];
  EXPECT_EQ(app["name"], "checkout");
  EXPECT_EQ(app["reverted"], true);
  const json& endpoint = app["endpoints"][0];
  EXPECT_EQ(endpoint["tuned"], 17);
  EXPECT_EQ(endpoint["wanted"]["user_timeout_seconds"], 8.0);
  const json& change = endpoint["changes"][0];
  EXPECT_EQ(change["before"], json({{"keepalive", false},
                                    {"idle_seconds", 7200.0},
                                    {"interval_seconds", 75.0},
                                    {"count", 9},
                                    {"user_timeout_seconds", nullptr}}));
  EXPECT_EQ(endpoint["changes"][1]["after"]["user_timeout_seconds"], 1.5);
}

TEST(Tuning, SaysNullForWhatThereIsNot) {
  TuningView view = example();
  view.unsupported.clear();
  const json tuning = json::parse(encode_tuning(view));
  EXPECT_TRUE(tuning["unsupported"].is_null());
  EXPECT_TRUE(tuning["apps"][0]["endpoints"][1]["wanted"].is_null());
}

TEST(Tuning, ReadsBackAsItWas) {
  const std::string text = encode_tuning(example());
  const auto read = decode_tuning(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_tuning(*read), text);
  EXPECT_EQ(read->unsupported, "this kernel has no BTF");
  EXPECT_EQ(read->apps.at(0).endpoints.at(0).changes.at(1).before.idle, Duration(60s));
}

TEST(Tuning, OfAnotherVersionIsReadAsFarAsItIsKnown) {
  const auto read = decode_tuning(
      R"({"apps":[{"name":7,"endpoints":[{"tuned":-1,"wanted":[],"changes":[{"before":1}]}]}]})");
  ASSERT_TRUE(read);
  const TuningEndpointView& endpoint = read->apps.at(0).endpoints.at(0);
  EXPECT_EQ(endpoint.tuned, 0U);
  EXPECT_FALSE(endpoint.wanted);
  EXPECT_EQ(endpoint.changes.size(), 1U);
  EXPECT_FALSE(decode_tuning("[]"));
}

}  // namespace
}  // namespace relinkd::control
