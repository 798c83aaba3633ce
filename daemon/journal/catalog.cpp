// SPDX-License-Identifier: Apache-2.0
#include "journal/catalog.hpp"

#include <array>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

#include "journal/condition_texts.hpp"
#include "journal/event_texts.hpp"
#include "journal/label_texts.hpp"
#include "journal/socket_texts.hpp"

namespace relinkd::journal {

namespace {

/// Made once by `systemd-id128 new`. They never change: dashboards and scripts search for them.
constexpr std::array<std::string_view, kEventNames.size()> kMessageIds{
    "003a36001f34415a88ccae0ad49f0f50",  // unknown
    "25c20abcc59b4e4abfcce54ee5221f41",  // local_fault
    "712a5c3801674afaae1cbfe7318a4dfe",  // dns_failed
    "f0dcfdfa58944415aa8448e9d575e40d",  // refused
    "689828d057b84e4c9d72c7f184fdeab2",  // unreachable
    "e8d2b818116f4c22b7ec445ef3886fac",  // half_open
    "940fce595e5f4a81af4cfabf43897b19",  // peer_closed
    "ab4ad077b23d448ea631435a8442bbae",  // reset
    "c5a78943e91b4eee88e3a857b1cd887f",  // tls_failed
    "5f234912467144b99a649aceb4e8efab",  // not_redis
    "9675d1e0c5ef4cb9884000850f1f590f",  // auth_failed
    "513fabe732c343ac82cd3faaf9ebc9df",  // stalled
    "1abecba486ee41acaac11932856972fa",  // master_down
    "14d0a4b14c0d47bcb3b8d3cb6dd45430",  // loading
    "cfefb164d44a4de8bbb33a7fac007244",  // busy
    "44fcf847c1274e8aa878ce49a1d761da",  // read_only
    "6e652da323454a278c5ee514be3a224d",  // slow
    "b228720fa9d046f6ba538bce01a668af",  // ok
    "40433440581845d286e08a91f864a7bf",  // started
    "fda7f671f1de467cbf9c8c3739c90a95",  // stopped
    "ad8f12b12ce94bb09c49d6c7942b7319",  // config_reloaded
    "521d54053cb442118561aa648d3ba615",  // config_refused
    "9445a54ea5544f4ea358efdc51c43baf",  // disconnected
    "99aff7d2b7774f0ca5fc9e131cc5930c",  // server_restarted
    "3e8cfe6369344cf597d4442e512743a5",  // dns_changed
    "26a80a909546408f8751623fbe34cf7d",  // dns_failing
    "9e5c2dc8d1ff44069ace51a0b1680d5c",  // idle_cut
    "37341be0b0144d12ab2706dcf105dc44",  // idle_cut_gone
    "3bac512e9e254dc2a2f05a05cbcf5a44",  // certificate_expiring
    "7daefbad93f44a9a8bf00eb4c4a07ee3",  // failover
    "46a388645af548b2b25a1aaabb10d084",  // primary_named
    "89049effbedd4a94bf8daeaa642e97ae",  // topology_unconfirmed
    "fb65d8eb065945a6bb5563b279fc7083",  // topology_confirmed
    "8eca42f473294983ba89410b706ff23a",  // sentinel_event
    "7b459c6009564564adfa737f4f1c4ee3",  // cluster_failing
    "057d3d32a40440e0b69bd3f8d05b7b07",  // cluster_fine
    "b537eb34452f45fd94e5007637c5fec4",  // cluster_changed
    "4059c680c939444fbd51b86bf6b59bbf",  // server_replaced
    "bd8c4bc804f044cd9438fbf3d26157d1",  // maintenance
    "ad98cd309af94d95b289670211900128",  // former_left
    "d7903aafb8b04dc3b3ebfc64ef8f11d6",  // sysctl_not_applied
    "396f6c5f661d407b89b16018a6553320",  // sysctl_applied
    "543320b4a18d4a97ba6be5b981e012cc",  // relink_decided
    "c3a201d4300042c080db9ead636e2093",  // relink_held
    "8fc3184db7b4430899ad61b4886c7dc9",  // relink_acted
    "77e72b7404634b2caf7d83c7bb655fec",  // relink_recovered
    "564ad4ead78348a79f0829a28f8123d0",  // relink_failed
    "8889250a52f44b8f95e8f59bd66e9ac4",  // breaker_opened
    "deb5bc5a93e148a39737b163acc61020",  // breaker_closed
    "98038a79c90d404184a079b3f294cc9c",  // paused
    "fd97ccdf72f0406985291225f903e101",  // resumed
    "772e34311b1c4fd9bb67d697cabe1989",  // actuator_lost
    "9dbf9a2f86244bb58f5d1faaa9e6bd36",  // actuator_back
    "5094f7f978144f12bb75bc8adebe6f9e",  // app_out_of_sight
    "0df43cf70a39407c9765e020576c056c",  // app_disconnected
    "e17d30d04ed8490bb963adb7a20d6399",  // app_not_connected
    "8fc09c212fc248b4ae89fd82759396da",  // sockets_protected
    "db4912dfaba04f4ea31c2db80d90ba18",  // sockets_reverted
    "8600f1b504974feb94f1b401c9eb8268",  // degraded
    "37a5100065294bfb9d7bce8675139785",  // repeated
};

constexpr std::size_t kConditions = kConditionTexts.size();
static_assert(kConditions == static_cast<std::size_t>(Event::ConditionOk) + 1);
static_assert(kConditions + kEventTexts.size() == kEventNames.size());

/// Whether every entry of the event has RELINKD_ENDPOINT.
bool names_endpoint(Event event) {
  return event <= Event::ConditionOk ||
         (event >= Event::Disconnected && event <= Event::FormerLeft);
}

/// Whether every entry of the event has RELINKD_APP.
bool names_app(Event event) {
  return (event >= Event::RelinkDecided && event <= Event::BreakerClosed) ||
         (event >= Event::AppOutOfSight && event <= Event::SocketsReverted);
}

std::string_view subject_prefix(Event event) {
  if (names_app(event)) return "@RELINKD_APP@: ";
  return names_endpoint(event) ? "@RELINKD_ENDPOINT@: " : "";
}

}  // namespace

std::string_view message_id(Event event) { return kMessageIds[static_cast<std::size_t>(event)]; }

const CatalogText& catalog_text(Event event) {
  const auto i = static_cast<std::size_t>(event);
  return i < kConditions ? kConditionTexts[i] : kEventTexts[i - kConditions];
}

const CatalogText& catalog_text(core::AppSocketState state) {
  return kSocketTexts[static_cast<std::size_t>(state)];
}

const LabelText& label_text(core::Cause cause) {
  return kCauseTexts[static_cast<std::size_t>(cause)];
}

const LabelText& label_text(core::RelinkResult result) {
  return kRelinkResultTexts[static_cast<std::size_t>(result)];
}

const LabelText& label_text(core::RelinkHold hold) {
  return kRelinkHoldTexts[static_cast<std::size_t>(hold)];
}

std::string label_body(const LabelText& text) {
  return fmt::format("What it means:\n{}\n\nWhat to do:\n{}\n", text.means, text.action);
}

std::string catalog_body(const CatalogText& text) {
  return fmt::format(
      "What happened:\n{}\n\nWhat it means for applications:\n{}\n\nWhat to do:\n{}\n\n"
      "Where to look:\n{}\n",
      text.happened, text.means, text.action, text.look);
}

std::string catalog_file() {
  std::string out = "# SPDX-License-Identifier: Apache-2.0\n";
  for (std::size_t i = 0; i < kEventNames.size(); ++i) {
    const auto event = static_cast<Event>(i);
    fmt::format_to(std::back_inserter(out), "\n-- {}\nSubject: {}{}\nDefined-By: relinkd\n\n{}",
                   message_id(event), subject_prefix(event), catalog_text(event).subject,
                   catalog_body(catalog_text(event)));
  }
  return out;
}

}  // namespace relinkd::journal
