// SPDX-License-Identifier: Apache-2.0
// A peer of the control socket that says anything. The first byte decides what it may, and how many
// bytes come at a time; the rest is what it says. Every answer must be one message that a client
// can read, or nothing; what a client reads must not harm it either.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/conversation.hpp"
#include "control/message.hpp"
#include "control/views.hpp"
#include "support/control_service.hpp"

namespace {

using namespace relinkd;  // NOLINT(google-build-using-namespace)

void must(bool holds) {
  if (!holds) std::abort();
}

void look_at_answer(std::string_view answer) {
  if (answer.empty()) return;
  must(answer.find('\0') == answer.size() - 1);
  const auto reply = control::parse_reply(answer.substr(0, answer.size() - 1));
  must(reply.has_value());
  must(reply->error.empty() || !reply->continues);
}

/// As the server does: bytes only when they are wanted, all calls answered before more come.
void converse(control::Access access, std::size_t step, std::string_view bytes) {
  testing::ControlService service;
  service.allowed = access;
  service.events = {testing::event(1, "one")};
  service.status_view.endpoints.emplace_back().nodes.emplace_back();
  service.apps_view.apps.emplace_back().endpoints.emplace_back().nodes.emplace_back();
  service.closes_view.closes.emplace_back();
  service.subscriptions = {testing::subscription("checkout", 1)};
  control::Conversation conversation(service, {});
  while (!bytes.empty() && conversation.wants_bytes()) {
    const std::size_t size = std::min(step, bytes.size());
    conversation.receive(bytes.substr(0, size));
    bytes.remove_prefix(size);
    while (conversation.ready()) look_at_answer(conversation.answer(WallTime{}));
  }
  must(!conversation.streams_events() || access != control::Access::None);
  const bool ordered = service.reloads > 0 || !service.orders.empty();
  must(!ordered || access == control::Access::Order);
  if (!conversation.streams_subscription()) return;
  must(conversation.subscription_news().empty());
  service.subscriptions.clear();
  look_at_answer(conversation.subscription_news());
}

/// The same bytes as a daemon's answers to a client.
void read_as_client(std::string_view bytes) {
  (void)control::parse_reply(bytes);
  (void)control::select_named(bytes, "endpoints", {"a"});
  (void)control::decode_events(bytes);
  (void)control::decode_closes(bytes);
  (void)control::decode_config(bytes);
  (void)control::decode_reload(bytes);
  const auto status = control::decode_status(bytes);
  if (status) must(control::decode_status(control::encode_status(*status, WallTime{})).has_value());
  (void)control::decode_order(bytes);
  const auto apps = control::decode_apps(bytes);
  if (apps) must(control::decode_apps(control::encode_apps(*apps)).has_value());
  const auto tuning = control::decode_tuning(bytes);
  if (tuning) must(control::decode_tuning(control::encode_tuning(*tuning)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  converse(static_cast<control::Access>(data[0] % 3), std::size_t{1} + data[0] / 3U, bytes);
  read_as_client(bytes);
  return 0;
}
