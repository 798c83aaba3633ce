// SPDX-License-Identifier: Apache-2.0
#include "metrics/render.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "exposition.hpp"

namespace relinkd::metrics {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;

TEST(Render, ExactlyTheConditionThatHoldsIsOne) {
  World world;
  EndpointNumbers& e = world.add("sessions");
  for (std::size_t i = 0; i < core::kConditionNames.size(); ++i) {
    e.condition = static_cast<core::Condition>(i);
    const auto series = series_of(world.numbers, "relinkd_endpoint_condition");
    ASSERT_THAT(series, SizeIs(core::kConditionNames.size()));
    for (std::size_t j = 0; j < series.size(); ++j) {
      EXPECT_EQ(series[j], "relinkd_endpoint_condition{endpoint=\"sessions\",condition=\"" +
                               std::string(core::kConditionNames.names[j]) + "\"} " +
                               (i == j ? "1" : "0"));
    }
  }
}

TEST(Render, EveryCounterCombinationIsThereAtZeroFromTheBeginning) {
  World world;
  world.add("sessions");
  const std::pair<const char*, std::size_t> families[] = {
      {"relinkd_conditions_total", core::kConditionNames.size()},
      {"relinkd_disconnects_total", core::kCauseNames.size()},
      {"relinkd_reconnects_total", core::kConnectResultNames.size()},
      {"relinkd_failovers_total", 4},
      {"relinkd_dns_changes_total", 1},
      {"relinkd_maintenance_events_total", core::kAnnouncementNames.size()}};
  for (const auto& [name, count] : families) {
    EXPECT_THAT(series_of(world.numbers, name), SizeIs(count)) << name;
    EXPECT_THAT(series_of(world.numbers, name), Each(EndsWith(" 0"))) << name;
  }
}

TEST(Render, CountersShowWhatWasCountedUnderTheirLabels) {
  World world;
  EndpointNumbers& e = world.add("sessions");
  e.conditions_total[static_cast<std::size_t>(core::Condition::HalfOpen)] = 3;
  e.disconnects_total[static_cast<std::size_t>(core::Cause::MaxClients)] = 12'345'678'901;
  e.reconnects_total[static_cast<std::size_t>(core::ConnectResult::Tls)] = 5;
  e.failovers_total[static_cast<std::size_t>(core::FailoverKind::Restart)] = 1;
  e.maintenance_events_total[static_cast<std::size_t>(core::Announcement::Type::Starting)] = 2;
  const auto lines = lines_of(text_of(world.numbers));
  for (const char* line :
       {R"(relinkd_conditions_total{endpoint="sessions",condition="half_open"} 3)",
        R"(relinkd_disconnects_total{endpoint="sessions",cause="max_clients"} 12345678901)",
        R"(relinkd_reconnects_total{endpoint="sessions",result="tls"} 5)",
        R"(relinkd_failovers_total{endpoint="sessions",kind="restart"} 1)",
        R"(relinkd_maintenance_events_total{endpoint="sessions",type="starting"} 2)"}) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST(Render, AHistogramCountsEachBucketWithAllBelowIt) {
  World world;
  EndpointNumbers& e = world.add("sessions");
  e.ping_rtt_seconds.observe(400us);
  e.ping_rtt_seconds.observe(500us);  // a bound belongs to its bucket
  e.ping_rtt_seconds.observe(30ms);
  e.ping_rtt_seconds.observe(3s);
  EXPECT_THAT(series_of(world.numbers, "relinkd_ping_rtt_seconds"),
              ElementsAre(R"(relinkd_ping_rtt_seconds_count{endpoint="sessions"} 4)",
                          R"(relinkd_ping_rtt_seconds_sum{endpoint="sessions"} 3.0309)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.0005"} 2)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.001"} 2)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.0025"} 2)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.005"} 2)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.01"} 2)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.025"} 2)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.05"} 3)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.1"} 3)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="0.5"} 3)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="2"} 3)",
                          R"(relinkd_ping_rtt_seconds_bucket{endpoint="sessions",le="+Inf"} 4)"));
}

TEST(Render, DetectionHasEachConditionThatIsATrouble) {
  const World world;
  std::vector<std::string> counts;
  for (const auto& l : series_of(world.numbers, "relinkd_detection_seconds")) {
    if (l.find("_count{") != std::string::npos) counts.push_back(l);
  }
  EXPECT_THAT(counts, SizeIs(core::kConditionNames.size() - 2));
  EXPECT_THAT(counts, Each(EndsWith(" 0")));
  EXPECT_THAT(counts, testing::Not(Contains(HasSubstr("\"ok\""))));
  EXPECT_THAT(counts, testing::Not(Contains(HasSubstr("\"unknown\""))));
}

TEST(Render, ANodeShowsWhetherItIsUpAndExactlyOneRole) {
  World world;
  world.add("sessions").nodes = {{"10.0.0.7:6380", true, NodeRole::Replica},
                                 {"[2001:db8::1]:6380", false, NodeRole::Unknown}};
  EXPECT_THAT(series_of(world.numbers, "relinkd_node_up"),
              ElementsAre(R"(relinkd_node_up{endpoint="sessions",node="10.0.0.7:6380"} 1)",
                          R"(relinkd_node_up{endpoint="sessions",node="[2001:db8::1]:6380"} 0)"));
  EXPECT_THAT(
      series_of(world.numbers, "relinkd_node_role"),
      ElementsAre(
          R"(relinkd_node_role{endpoint="sessions",node="10.0.0.7:6380",role="unknown"} 0)",
          R"(relinkd_node_role{endpoint="sessions",node="10.0.0.7:6380",role="primary"} 0)",
          R"(relinkd_node_role{endpoint="sessions",node="10.0.0.7:6380",role="replica"} 1)",
          R"(relinkd_node_role{endpoint="sessions",node="[2001:db8::1]:6380",role="unknown"} 1)",
          R"(relinkd_node_role{endpoint="sessions",node="[2001:db8::1]:6380",role="primary"} 0)",
          R"(relinkd_node_role{endpoint="sessions",node="[2001:db8::1]:6380",role="replica"} 0)"));
}

TEST(Render, LabelsAreEscapedAndAlwaysUtf8) {
  World world;
  world.add("a\"b\\c\nd");
  world.add("caf\xC3\xA9");
  world.add("/run/\xFF\xC3.sock");
  EXPECT_THAT(series_of(world.numbers, "relinkd_endpoint_up"),
              ElementsAre(R"(relinkd_endpoint_up{endpoint="a\"b\\c\nd"} 0)",
                          "relinkd_endpoint_up{endpoint=\"caf\xC3\xA9\"} 0",
                          "relinkd_endpoint_up{endpoint=\"/run/\uFFFD\uFFFD.sock\"} 0"));
}

TEST(Render, TimestampsAreUnixSecondsAndDurationsSeconds) {
  World world;
  EndpointNumbers& e = world.add("sessions");
  e.last_failover = WallTime{1'795'342'500s + 250ms};
  e.last_failover_duration = 1300ms;
  e.idle_cut = 350s;
  e.certificate_expiry = WallTime{1'800'000'000s};
  world.numbers.last_reload_success = WallTime{1'795'342'500s};
  const auto lines = lines_of(text_of(world.numbers));
  for (const char* line :
       {R"(relinkd_last_failover_timestamp_seconds{endpoint="sessions"} 1795342500.25)",
        R"(relinkd_last_failover_duration_seconds{endpoint="sessions"} 1.3)",
        R"(relinkd_idle_cut_seconds{endpoint="sessions"} 350)",
        R"(relinkd_tls_certificate_expiry_timestamp_seconds{endpoint="sessions"} 1800000000)",
        "relinkd_config_last_reload_success_timestamp_seconds 1795342500"}) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST(Render, WhatIsNotKnownHasNoSeries) {
  World world;
  world.add("plain");
  world.numbers.sysctls = {{.key = "net.ipv4.tcp_retries2", .wanted = 5, .readable = false}};
  const std::string text = text_of(world.numbers);
  EXPECT_THAT(text, testing::Not(HasSubstr("relinkd_tls_certificate_expiry_timestamp_seconds")));
  EXPECT_THAT(text, testing::Not(HasSubstr("relinkd_tcp_give_up_seconds")));
  EXPECT_THAT(text, testing::Not(HasSubstr("relinkd_sysctl_value")));
  EXPECT_THAT(text, HasSubstr("\nrelinkd_sysctl_wanted{key=\"net.ipv4.tcp_retries2\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("\nrelinkd_sysctl_ok{key=\"net.ipv4.tcp_retries2\"} 0\n"));
}

TEST(Render, TheDaemonItselfShowsVersionConfigurationAndSysctls) {
  World world;
  world.numbers.version = "0.1.0";
  world.numbers.last_reload_ok = false;
  world.numbers.tcp_give_up = 924'600ms;
  world.numbers.sysctls = {{"net.ipv4.tcp_retries2", 15, 5, true, false}};
  const auto lines = lines_of(text_of(world.numbers));
  for (const char* line :
       {R"(relinkd_build_info{version="0.1.0"} 1)", "relinkd_config_last_reload_successful 0",
        "relinkd_tcp_give_up_seconds 924.6",
        R"(relinkd_sysctl_value{key="net.ipv4.tcp_retries2"} 15)",
        R"(relinkd_sysctl_wanted{key="net.ipv4.tcp_retries2"} 5)",
        R"(relinkd_sysctl_ok{key="net.ipv4.tcp_retries2"} 0)"}) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST(Render, TheProcessIsShownAsPrometheusClientsDo) {
  const World world;
  const auto value = [&](const std::string& name) {
    const auto series = series_of(world.numbers, name);
    return series.size() == 1 ? std::strtod(series[0].c_str() + name.size(), nullptr) : -1;
  };
  EXPECT_GT(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GE(value("process_max_fds"), value("process_open_fds"));
  const auto started = static_cast<std::time_t>(value("process_start_time_seconds"));
  EXPECT_LE(started, std::time(nullptr) + 2) << "the kernel's boot time is in whole seconds";
  EXPECT_GT(started, std::time(nullptr) - 3600);
}

TEST(Render, AnAppHasEveryCombinationAtZeroFromTheBeginning) {
  World world;
  world.add_app("checkout", {"sessions", "orders"});
  const std::pair<const char*, std::size_t> families[] = {
      {"relinkd_app_sockets", 2 * 8},        {"relinkd_app_unprotected_sockets", 2},
      {"relinkd_app_connects_total", 2 * 6}, {"relinkd_app_disconnects_total", 2 * 24},
      {"relinkd_tuned_sockets", 2},          {"relinkd_app_other_netns", 1},
      {"relinkd_relinks_total", 5 * 5},      {"relinkd_relinks_suppressed_total", 8},
      {"relinkd_relink_breaker_open", 1},    {"relinkd_relink_seconds", 15}};
  for (const auto& [name, count] : families) {
    EXPECT_THAT(series_of(world.numbers, name), SizeIs(count)) << name;
    EXPECT_THAT(series_of(world.numbers, name), Each(EndsWith(" 0"))) << name;
  }
}

TEST(Render, AnAppShowsItsSocketsAndWhatWasDoneForIt) {
  World world;
  AppNumbers& a = world.add_app("checkout", {"sessions", "orders"});
  a.endpoints[0].sockets[static_cast<std::size_t>(core::AppSocketState::BlackHoled)] = 3;
  a.endpoints[1].sockets[static_cast<std::size_t>(core::AppSocketState::Ok)] = 20;
  a.endpoints[1].unprotected = 19;
  a.endpoints[0].connects_total[static_cast<std::size_t>(core::AppConnectResult::Refused)] = 5;
  a.endpoints[1].disconnects_total[static_cast<std::size_t>(core::Cause::Killed)] = 37;
  a.endpoints[1].tuned = 1;
  a.other_netns = 2;
  a.relinks_total[static_cast<std::size_t>(core::RelinkVerb::DestroySockets)]
                 [static_cast<std::size_t>(core::RelinkResult::Recovered)] = 4;
  a.relinks_total[static_cast<std::size_t>(core::RelinkVerb::Restart)]
                 [static_cast<std::size_t>(core::RelinkResult::NoActuator)] = 1;
  a.suppressed_total[static_cast<std::size_t>(core::RelinkHold::Unhealthy)] = 7;
  a.breaker_open = true;
  a.relink_seconds.observe(1300ms);
  const auto lines = lines_of(text_of(world.numbers));
  for (const char* line :
       {R"(relinkd_app_sockets{app="checkout",endpoint="sessions",state="black_holed"} 3)",
        R"(relinkd_app_sockets{app="checkout",endpoint="orders",state="ok"} 20)",
        R"(relinkd_app_unprotected_sockets{app="checkout",endpoint="orders"} 19)",
        R"(relinkd_app_connects_total{app="checkout",endpoint="sessions",result="refused"} 5)",
        R"(relinkd_app_disconnects_total{app="checkout",endpoint="orders",cause="killed"} 37)",
        R"(relinkd_tuned_sockets{app="checkout",endpoint="orders"} 1)",
        R"(relinkd_app_other_netns{app="checkout"} 2)",
        R"(relinkd_relinks_total{app="checkout",action="destroy-sockets",result="recovered"} 4)",
        R"(relinkd_relinks_total{app="checkout",action="restart",result="no_actuator"} 1)",
        R"(relinkd_relinks_suppressed_total{app="checkout",reason="unhealthy"} 7)",
        R"(relinkd_relink_breaker_open{app="checkout"} 1)",
        R"(relinkd_relink_seconds_bucket{app="checkout",le="1.5"} 1)",
        R"(relinkd_relink_seconds_sum{app="checkout"} 1.3)"}) {
    EXPECT_THAT(lines, Contains(line));
  }
}

// The names are used by dashboards and alerts.
TEST(Render, TheFamiliesAreThese) {
  World world;
  EndpointNumbers& e = world.add("sessions");
  e.nodes = {{"10.0.0.7:6380", true, NodeRole::Primary}};
  e.certificate_expiry = WallTime{1'800'000'000s};
  world.add_app("checkout", {"sessions"});
  world.numbers.sysctls = {{"net.ipv4.tcp_retries2", 5, 5, true, true}};
  world.numbers.tcp_give_up = 12'600ms;
  std::vector<std::string> types;
  for (const auto& l : lines_of(text_of(world.numbers))) {
    if (l.starts_with("# TYPE ")) types.push_back(l.substr(7));
  }
  EXPECT_THAT(
      types,
      ElementsAre(
          "relinkd_endpoint_up gauge", "relinkd_endpoint_condition gauge",
          "relinkd_conditions_total counter", "relinkd_node_up gauge", "relinkd_node_role gauge",
          "relinkd_ping_rtt_seconds histogram", "relinkd_detection_seconds histogram",
          "relinkd_disconnects_total counter", "relinkd_reconnects_total counter",
          "relinkd_reconnect_seconds histogram", "relinkd_failovers_total counter",
          "relinkd_failover_seconds histogram", "relinkd_last_failover_timestamp_seconds gauge",
          "relinkd_last_failover_duration_seconds gauge", "relinkd_dns_changes_total counter",
          "relinkd_maintenance_events_total counter", "relinkd_idle_cut_seconds gauge",
          "relinkd_tls_certificate_expiry_timestamp_seconds gauge", "relinkd_app_sockets gauge",
          "relinkd_app_unprotected_sockets gauge", "relinkd_tuned_sockets gauge",
          "relinkd_app_connects_total counter", "relinkd_app_disconnects_total counter",
          "relinkd_app_other_netns gauge", "relinkd_relinks_total counter",
          "relinkd_relinks_suppressed_total counter", "relinkd_relink_breaker_open gauge",
          "relinkd_relink_seconds histogram", "relinkd_incidents_open gauge",
          "relinkd_sysctl_value gauge", "relinkd_sysctl_wanted gauge", "relinkd_sysctl_ok gauge",
          "relinkd_trace_active gauge", "relinkd_trace_events_lost_total counter",
          "relinkd_tcp_give_up_seconds gauge", "relinkd_build_info gauge",
          "relinkd_config_last_reload_successful gauge",
          "relinkd_config_last_reload_success_timestamp_seconds gauge",
          "process_cpu_seconds_total counter", "process_open_fds gauge", "process_max_fds gauge",
          "process_virtual_memory_bytes gauge", "process_resident_memory_bytes gauge",
          "process_start_time_seconds gauge"));
}

TEST(Render, PromtoolHasNothingToSay) {
  if (std::system("promtool --version >/dev/null 2>&1") != 0) {  // NOLINT: a fixed command
    GTEST_SKIP() << "promtool is not installed (package prometheus)";
  }
  World world;
  for (const char* name : {"sessions", "a\"b\\c\nd", "caf\xC3\xA9"}) {
    EndpointNumbers& e = world.add(name);
    e.nodes = {{"10.0.0.7:6380", true, NodeRole::Primary}};
    e.ping_rtt_seconds.observe(300us);
    e.certificate_expiry = WallTime{1'800'000'000s};
    world.add_app(name, {"sessions", name}).relink_seconds.observe(1s);
  }
  world.numbers.sysctls = {{"net.ipv4.tcp_retries2", 5, 5, true, true}};
  world.numbers.tcp_give_up = 12'600ms;
  world.numbers.version = "0.1.0";

  std::string file = testing::TempDir() + "relinkd-metrics-XXXXXX";
  const int fd = mkstemp(file.data());
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(file) << text_of(world.numbers);
  FILE* pipe = popen(("promtool check metrics <" + file + " 2>&1").c_str(), "r");  // NOLINT
  ASSERT_NE(pipe, nullptr);
  std::array<char, 4096> said{};
  const std::size_t n = fread(said.data(), 1, said.size() - 1, pipe);
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_EQ(std::string(said.data(), n), "");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace relinkd::metrics
