// SPDX-License-Identifier: Apache-2.0
#include "journal/catalog.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "core/condition.hpp"

namespace relinkd::journal {
namespace {

std::vector<Event> every_event() {
  std::vector<Event> events;
  for (std::size_t i = 0; i < kEventNames.size(); ++i) events.push_back(static_cast<Event>(i));
  return events;
}

std::size_t characters(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return n;
}

std::string output_of(const std::string& command, int& status) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a fixed command
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), n);
  }
  status = pclose(pipe);
  return out;
}

TEST(Catalog, TheFirstEventsAreTheConditionsInTheirOrder) {
  for (std::size_t i = 0; i < core::kConditionNames.size(); ++i) {
    EXPECT_EQ(kEventNames.names[i], core::kConditionNames.names[i]);
  }
}

TEST(Catalog, EachEventHasAMessageIdOfItsOwn) {
  std::set<std::string_view> ids;
  for (const Event event : every_event()) {
    const std::string_view id = message_id(event);
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string_view::npos) << id;
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
}

// Dashboards and scripts search the journal for them.
TEST(Catalog, MessageIdsOfReleasedEventsNeverChange) {
  EXPECT_EQ(message_id(Event::ConditionHalfOpen), "e8d2b818116f4c22b7ec445ef3886fac");
  EXPECT_EQ(message_id(Event::ConditionOk), "b228720fa9d046f6ba538bce01a668af");
  EXPECT_EQ(message_id(Event::Disconnected), "9445a54ea5544f4ea358efdc51c43baf");
  EXPECT_EQ(message_id(Event::Repeated), "37a5100065294bfb9d7bce8675139785");
}

TEST(Catalog, SubjectsNameTheEndpointOfEventsThatHaveOne) {
  const std::string file = catalog_file();
  const auto names_endpoint = [&](Event event) {
    return file.find("-- " + std::string(message_id(event)) + "\nSubject: @RELINKD_ENDPOINT@: ") !=
           std::string::npos;
  };
  EXPECT_FALSE(names_endpoint(Event::ConfigRefused));
  EXPECT_TRUE(names_endpoint(Event::Disconnected));
  EXPECT_TRUE(names_endpoint(Event::Failover));
  EXPECT_TRUE(names_endpoint(Event::FormerLeft));
  EXPECT_FALSE(names_endpoint(Event::SysctlNotApplied));
}

TEST(Catalog, SubjectsNameTheAppOfEventsThatHaveOne) {
  const std::string file = catalog_file();
  const auto names_app = [&](Event event) {
    return file.find("-- " + std::string(message_id(event)) + "\nSubject: @RELINKD_APP@: ") !=
           std::string::npos;
  };
  for (const Event event : every_event()) {
    const bool expected = (event >= Event::RelinkDecided && event <= Event::BreakerClosed) ||
                          (event >= Event::AppOutOfSight && event <= Event::SocketsReverted);
    EXPECT_EQ(names_app(event), expected) << kEventNames[event];
  }
}

void expect_whole(const CatalogText& text) {
  EXPECT_FALSE(text.subject.empty());
  EXPECT_EQ(text.subject.find('\n'), std::string_view::npos) << text.subject;
  for (const std::string_view part : {text.happened, text.means, text.action, text.look}) {
    ASSERT_FALSE(part.empty()) << text.subject;
    EXPECT_EQ(part.back(), '.') << part;
    EXPECT_EQ(part.find('@'), std::string_view::npos) << "would be taken for a field: " << part;
    for (const std::string_view l : split(part, '\n')) EXPECT_LE(characters(l), 80U) << l;
    // systemd takes such a line for the beginning of the next text.
    EXPECT_EQ(part.find("\n-- "), std::string_view::npos) << part;
  }
}

TEST(Catalog, EachTextSaysWhatHappenedWhatItMeansWhatToDoAndWhereToLook) {
  for (const Event event : every_event()) expect_whole(catalog_text(event));
  for (std::size_t i = 0; i < core::kAppSocketStateNames.size(); ++i) {
    expect_whole(catalog_text(static_cast<core::AppSocketState>(i)));
  }
}

template <typename Value, std::size_t N>
void expect_label_texts(const EnumNames<Value, N>& /*names*/) {
  std::set<std::string_view> subjects;
  for (std::size_t i = 0; i < N; ++i) {
    const LabelText& text = label_text(static_cast<Value>(i));
    expect_whole({text.subject, text.means, text.means, text.action, text.action});
    EXPECT_TRUE(subjects.insert(text.subject).second) << text.subject;
  }
}

TEST(Catalog, EachCauseResultAndReasonHasAText) {
  expect_label_texts(core::kCauseNames);
  expect_label_texts(core::kRelinkResultNames);
  expect_label_texts(core::kRelinkHoldNames);
  EXPECT_THAT(label_text(core::Cause::MaxClients).action, testing::HasSubstr("maxclients"));
  EXPECT_THAT(label_text(core::Cause::LocalFault).subject, testing::HasSubstr("own fault"));
  EXPECT_THAT(label_text(core::RelinkResult::NoActuator).subject, testing::HasSubstr("actuator"));
  EXPECT_THAT(label_text(core::RelinkHold::Rate).subject, testing::HasSubstr("reconnect_rate"));
}

TEST(Catalog, TextsBelongToTheirEvents) {
  EXPECT_THAT(catalog_text(Event::ConditionRefused).happened, testing::HasSubstr("RST to the SYN"));
  EXPECT_THAT(catalog_text(Event::ConditionMasterDown).happened, testing::HasSubstr("MASTERDOWN"));
  EXPECT_THAT(catalog_text(Event::ConditionLoading).happened, testing::HasSubstr("LOADING"));
  EXPECT_THAT(catalog_text(Event::ConditionBusy).happened, testing::HasSubstr("BUSY"));
  EXPECT_EQ(catalog_text(Event::ConditionOk).subject, "the endpoint is healthy");
  EXPECT_EQ(catalog_text(Event::Started).subject, "relinkd has started");
  EXPECT_THAT(catalog_text(Event::ServerRestarted).happened, testing::HasSubstr("run_id"));
  EXPECT_EQ(catalog_text(Event::Failover).subject, "another node is the primary now");
  EXPECT_EQ(catalog_text(Event::PrimaryNamed).subject, "another node is named as the primary");
  EXPECT_THAT(catalog_text(Event::TopologyUnconfirmed).subject, testing::HasSubstr("no majority"));
  EXPECT_THAT(catalog_text(Event::TopologyConfirmed).subject, testing::HasSubstr("a majority"));
  EXPECT_THAT(catalog_text(Event::SentinelEvent).happened, testing::HasSubstr("+sdown"));
  EXPECT_THAT(catalog_text(Event::ClusterFailing).happened, testing::HasSubstr("state:fail"));
  EXPECT_THAT(catalog_text(Event::ClusterFine).happened, testing::HasSubstr("state:ok"));
  EXPECT_THAT(catalog_text(Event::ClusterChanged).happened, testing::HasSubstr("hash slots went"));
  EXPECT_THAT(catalog_text(Event::ServerReplaced).happened, testing::HasSubstr("no restart"));
  EXPECT_THAT(catalog_text(Event::Maintenance).happened, testing::HasSubstr("AzureRedisEvents"));
  EXPECT_THAT(catalog_text(Event::FormerLeft).subject, testing::HasSubstr("former primary"));
  EXPECT_THAT(catalog_text(Event::SysctlApplied).happened, testing::HasSubstr("wanted value"));
  EXPECT_THAT(catalog_text(Event::RelinkDecided).subject, testing::HasSubstr("is to be made"));
  EXPECT_THAT(catalog_text(Event::RelinkHeld).subject, testing::HasSubstr("but is not"));
  EXPECT_THAT(catalog_text(Event::RelinkActed).subject, testing::HasSubstr("carried out"));
  EXPECT_THAT(catalog_text(Event::RelinkRecovered).subject, testing::HasSubstr("reconnected"));
  EXPECT_THAT(catalog_text(Event::RelinkFailed).subject, testing::HasSubstr("did not help"));
  EXPECT_THAT(catalog_text(Event::BreakerOpened).subject, testing::HasSubstr("stopped acting"));
  EXPECT_THAT(catalog_text(Event::BreakerClosed).happened, testing::HasSubstr("reset"));
  EXPECT_THAT(catalog_text(Event::Paused).happened, testing::HasSubstr("relinkctl pause"));
  EXPECT_THAT(catalog_text(Event::Resumed).happened, testing::HasSubstr("relinkctl resume"));
  EXPECT_THAT(catalog_text(Event::ActuatorLost).subject, testing::HasSubstr("cannot be reached"));
  EXPECT_THAT(catalog_text(Event::ActuatorBack).subject, testing::HasSubstr("again"));
  EXPECT_THAT(catalog_text(Event::AppOutOfSight).happened, testing::HasSubstr("namespace"));
  EXPECT_THAT(catalog_text(Event::AppDisconnected).subject, testing::HasSubstr("ended"));
  EXPECT_THAT(catalog_text(Event::AppNotConnected).subject, testing::HasSubstr("could not be"));
  EXPECT_EQ(catalog_text(Event::Degraded).subject, "relinkd cannot do a part of its work");
  EXPECT_EQ(catalog_text(Event::Repeated).subject, "lines were held back or lost");
}

TEST(Catalog, StatesOfSocketsHaveTextsOfTheirOwn) {
  using State = core::AppSocketState;
  EXPECT_THAT(catalog_text(State::Unproven).subject, testing::HasSubstr("cannot be known"));
  EXPECT_THAT(catalog_text(State::PeerClosed).happened, testing::HasSubstr("CLOSE-WAIT"));
  EXPECT_THAT(catalog_text(State::BlackHoled).subject, testing::HasSubstr("is dead"));
  EXPECT_THAT(catalog_text(State::Stalled).happened, testing::HasSubstr("stalled"));
  EXPECT_THAT(catalog_text(State::WrongNode).subject, testing::HasSubstr("former primary"));
  EXPECT_THAT(catalog_text(State::Replica).subject, testing::HasSubstr("replica"));
  EXPECT_THAT(catalog_text(State::Connecting).happened, testing::HasSubstr("SYN"));
  EXPECT_NE(catalog_text(State::Ok).subject, catalog_text(Event::ConditionOk).subject);
}

TEST(Catalog, JournalctlReadsTheFileAndKnowsEachMessage) {
  int status = 0;
  output_of("journalctl --version 2>&1", status);
  if (status != 0) GTEST_SKIP() << "journalctl is not installed";

  std::string root = testing::TempDir() + "relinkd-catalog-XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  std::filesystem::create_directories(root + "/usr/lib/systemd/catalog");
  std::filesystem::create_directories(root + "/var/lib/systemd/catalog");
  std::ofstream(root + "/usr/lib/systemd/catalog/relinkd.catalog") << catalog_file();

  EXPECT_EQ(output_of("journalctl --root=" + root + " --update-catalog 2>&1", status), "");
  EXPECT_EQ(status, 0);
  const std::string all = output_of("journalctl --root=" + root + " --dump-catalog 2>&1", status);
  EXPECT_EQ(status, 0);
  for (const Event event : every_event()) {
    EXPECT_THAT(all, testing::HasSubstr("-- " + std::string(message_id(event))));
    EXPECT_THAT(all, testing::HasSubstr(catalog_body(catalog_text(event))));
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace relinkd::journal
